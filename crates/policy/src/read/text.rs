//! From bytes to text that every YAML reader takes alike, as far as that can be seen without reading it.

use gatepass_yaml::Position;

use super::findings::{Findings, Place};
use crate::ParseErrorKind::{NotJudged, Unparseable, Unreadable};
use crate::lint::Code;

/// The server gets its files from GitHub's contents API, which hands out the content of at most 1 MB.
const LARGEST: usize = 1024 * 1024;

/// Whether GitHub counts a megabyte in thousands or in 1024s is not known.
const SURELY_NOT_TOO_LARGE: usize = 1_000_000;

/// The bytes as text; nothing if they are none or too many.
pub(super) fn decode<'a>(bytes: &'a [u8], findings: &mut Findings) -> Option<&'a str> {
    if bytes.len() > SURELY_NOT_TOO_LARGE {
        let kind = if bytes.len() > LARGEST { Unreadable } else { NotJudged };
        let message =
            format!("the file has {} bytes, and GitHub gives the server at most 1 MB of one", bytes.len());
        findings.refuse(kind, Code::Unreadable, &Place::at(Position::START), message, "make it smaller");
        return None;
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let message = "the file is in UTF-16, which not every YAML reader knows";
        findings.refuse(
            NotJudged,
            Code::Unreadable,
            &Place::at(Position::START),
            message,
            "save it as UTF-8",
        );
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let place = Place::at(end(&valid));
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            // The server reads in portions, and not necessarily the one in which this stands.
            let kind = if second_document(&valid).is_some() { NotJudged } else { Unparseable };
            let message = format!("the byte 0x{byte:02X} here is not UTF-8");
            findings.refuse(kind, Code::Unreadable, &place, message, "save the file as UTF-8");
            None
        }
    }
}

/// Looks for what Go's reader takes differently from others: invisible characters, directives, end markers, tabs where
/// indentation belongs; after the first document nothing counts. False if the text need not be read any further.
pub(super) fn check(text: &str, findings: &mut Findings) -> bool {
    let end = second_document(text).map_or(usize::MAX, |position| position.line);
    for (index, line) in text.lines().enumerate() {
        if let Some(column) = line.chars().position(is_refused) {
            let character = line.chars().nth(column).map(u32::from).unwrap_or_default();
            let kind = if index + 1 < end { Unparseable } else { NotJudged };
            let place = Place::at(Position { line: index + 1, column: column + 1 });
            let message = format!("the control character U+{character:04X} is not allowed in YAML");
            findings.refuse(kind, Code::Unreadable, &place, message, "remove it");
            return false;
        }
        if index + 1 < end
            && let Some((column, what)) = unportable(line)
        {
            let place = Place::at(Position { line: index + 1, column: column + 1 });
            let message = format!("YAML readers take {what} differently");
            findings.refuse(NotJudged, Code::NotPortable, &place, message, "remove it");
        }
    }
    true
}

/// Where the second document begins.
pub(super) fn second_document(text: &str) -> Option<Position> {
    let mut started = false;
    for (index, line) in text.lines().enumerate() {
        let marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if started && marker {
            return Some(Position { line: index + 1, column: 1 });
        }
        started |= !line.trim_start().is_empty() && !line.trim_start().starts_with('#');
    }
    None
}

/// What Go's reader stumbles over: everything that YAML does not call printable.
fn is_refused(c: char) -> bool {
    !matches!(c, '\t' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// Where in a line, in characters, and what.
fn unportable(line: &str) -> Option<(usize, &'static str)> {
    let invisible = |c: char| matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\r');
    let indentation = |c: &char| matches!(c, ' ' | '\t');
    if line.starts_with('%') {
        Some((0, "a `%` directive"))
    } else if line.starts_with("...") {
        Some((0, "an end marker"))
    } else if let Some(column) = line.chars().take_while(indentation).position(|c| c == '\t') {
        Some((column, "a tab at the start of a line"))
    } else if let Some(blanks) = line.trim_start_matches(' ').strip_prefix('-')
        && let Some(column) = blanks.chars().take_while(indentation).position(|c| c == '\t')
    {
        Some((line.chars().take_while(|c| *c == ' ').count() + 1 + column, "a tab after a dash"))
    } else {
        line.chars().position(invisible).map(|column| (column, "this invisible character"))
    }
}

/// Where a text ends.
fn end(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { line, column }
}
