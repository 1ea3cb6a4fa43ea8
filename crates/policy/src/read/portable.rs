//! YAML that readers take differently, in a tree. Go's follows YAML 1.1, and not always to the letter.

use gatepass_yaml::{Document, Kind, Node, Position, SyntaxError};

use super::findings::{Findings, Place};
use super::text::second_document;
use crate::ParseErrorKind::NotJudged;
use crate::lint::Code;

/// What this reader's parser says to texts that Go's takes.
const STRICTER: [&str; 4] = [
    "while scanning a tag",
    "comments must be separated",
    "plain scalar cannot start with '-'",
    "comment intercepting",
];

/// Whether Go's reader may well take a text that this one refuses.
pub(super) fn may_be_taken(text: &str, error: &SyntaxError) -> bool {
    let too_deep = ["recursion limit", "nested deeper"].iter().any(|message| error.message.contains(message));
    let colon_ends_a_value = || ["}", "]", ","].iter().any(|end| text.contains(&format!(":{end}")));
    STRICTER.iter().any(|message| error.message.contains(message))
        || (error.message.contains("invalid indentation in multiline quoted scalar")
            && text.lines().count() >= error.position.line)
        || (error.message.contains("unknown escape character") && text.contains("\\'"))
        || (error.message.contains("did not find expected ','") && colon_ends_a_value())
        || (error.message.contains("simple key") && text.lines().any(|line| line.trim().starts_with(['|', '>'])))
        // Behind a bracket that closes the whole document, Go's reader stops without a word.
        || error.message.contains("misplaced bracket")
        || (begins_with(text, is_bracket) && !too_deep)
        // Behind a line that is less indented than the first one, too.
        || (begins_with(text, |line| line.starts_with(' ')) && !too_deep)
}

fn is_bracket(line: &str) -> bool {
    line.trim_start().starts_with(['{', '['])
}

/// Whether the first line that is no comment is such a one.
fn begins_with(text: &str, is: impl Fn(&str) -> bool) -> bool {
    let mut lines = text.lines().map(|line| line.strip_prefix("---").unwrap_or(line));
    let first = lines.find(|line| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'));
    first.is_some_and(is)
}

/// Whether a block that keeps its line breaks may end in blanks that no line break follows: Go's reader then keeps none.
fn ends_in_blanks(text: &str) -> bool {
    let last = text.rsplit('\n').next().unwrap_or_default();
    let keeps = |line: &str| line.trim_end().ends_with('+') && line.contains(['|', '>']);
    !last.is_empty() && last.trim().is_empty() && text.lines().any(keeps)
}

/// Looks for names of anchors, tags but `!!str` on a scalar, and whatever else the two versions of YAML differ in.
pub(super) fn check(document: &Document, text: &str, findings: &mut Findings) {
    // A line may be as long as the file, and have many values.
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let mut checker = Checker { lines, findings };
    for (position, name) in document.anchors() {
        checker.anchor(*position, name);
    }
    let root = document.root();
    checker.node(root, false);
    // A bracket closes the document, whatever stands behind it.
    let is_key = begins_with(text, is_bracket)
        && root.entries().first().is_some_and(|(key, _)| !matches!(key.kind, Kind::Scalar { .. }));
    if is_key || (document.has_more() && second_document(text).is_none()) {
        let what = "what follows the end of this";
        not_portable(root.position, what, "remove what follows, or indent all of it alike", checker.findings);
    }
    if ends_in_blanks(text) {
        let last = text.lines().count();
        let position = Position { line: last, column: 1 };
        not_portable(position, "blanks at the end of a block", "remove them", checker.findings);
    }
}

/// Whether a key ends on the line on which it begins.
fn is_closed(line: &[char]) -> bool {
    match line {
        ['"', rest @ ..] => {
            let mut escaped = false;
            rest.iter().any(|c| {
                let closes = !escaped && *c == '"';
                escaped = !escaped && *c == '\\';
                closes
            })
        }
        ['\'', rest @ ..] => rest.contains(&'\''),
        _ => line.contains(&':'),
    }
}

fn not_portable(position: Position, what: &str, help: &str, findings: &mut Findings) {
    let message = format!("YAML readers take {what} differently");
    findings.refuse(NotJudged, Code::NotPortable, &Place::at(position), message, help);
}

struct Checker<'a> {
    lines: Vec<Vec<char>>,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    /// Go's reader knows shorter names, and wants a space after them.
    fn anchor(&mut self, position: Position, name: &str) {
        let usual = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let after = self.rest(position).get(name.chars().count() + 1);
        if !usual || !after.is_none_or(|c| matches!(c, ' ' | ',' | ']' | '}')) {
            let help = "use letters, digits, `_` and `-` only, and a space after it";
            not_portable(position, "this anchor", help, self.findings);
        }
    }

    /// `in_flow`: inside brackets or braces.
    fn node(&mut self, node: &Node, in_flow: bool) {
        let harmless =
            matches!(node.kind, Kind::Scalar { .. }) && node.tag.as_deref() == Some("tag:yaml.org,2002:str");
        if node.tag.is_some() && !(harmless && node.text() != Some("")) {
            let place = Place::at(node.position);
            self.findings.refuse(NotJudged, Code::NotPortable, &place, "tags are not judged", "remove it");
        }
        match &node.kind {
            Kind::Scalar { text, plain: true }
                if in_flow && (text.contains('?') || text.starts_with(':')) =>
            {
                let what = "a bare `?`, or a colon at the start, inside brackets";
                not_portable(node.position, what, "quote the value", self.findings);
            }
            Kind::Scalar { plain: true, .. } => {}
            Kind::Scalar { text, plain: false } => {
                if let Some(position) = self.escape(node.position, text) {
                    let help = "write the character itself";
                    not_portable(position, "this escape", help, self.findings);
                }
            }
            Kind::Sequence(elements) => {
                let in_flow = in_flow || self.rest(node.position).first() == Some(&'[');
                for element in elements {
                    self.node(element, in_flow);
                }
            }
            Kind::Mapping(entries) => {
                let in_flow = in_flow || self.rest(node.position).first() == Some(&'{');
                for (key, value) in entries {
                    if in_flow {
                        self.key_in_flow(key, value);
                    }
                    self.node(key, in_flow);
                    self.node(value, in_flow);
                }
            }
        }
    }

    /// In `{key:}` Go takes the colon for a part of the key, and wants a key and its colon on one line.
    fn key_in_flow(&mut self, key: &Node, value: &Node) {
        if value.text() != Some("") {
            if !is_closed(self.rest(key.position)) {
                not_portable(key.position, "a key over several lines", "write it on one", self.findings);
            }
        // A value left out stands where its colon does.
        } else if matches!(self.rest(value.position), [':', '}' | ']' | ',', ..]) {
            let what = "a colon without a space after it";
            not_portable(key.position, what, "add one", self.findings);
        }
    }

    /// The first `\/`, or half of a surrogate pair, in a value in double quotes.
    fn escape(&self, start: Position, text: &str) -> Option<Position> {
        let first = text.lines().next().unwrap_or_default();
        let in_quotes = self.rest(start).first() == Some(&'"');
        // A block whose text begins with a quote.
        if !in_quotes
            || (first.starts_with('"')
                && self.rest(start).iter().copied().zip(first.chars()).all(|(a, b)| a == b))
        {
            return None;
        }
        let mut escaped = false;
        for (index, line) in self.lines.iter().enumerate().skip(start.line - 1) {
            let skipped = if index + 1 == start.line { start.column } else { 0 };
            for (column, c) in line.iter().enumerate().skip(skipped) {
                match (escaped, c) {
                    (true, '/') => return Some(Position { line: index + 1, column }),
                    (true, 'u')
                        if matches!(
                            line.get(column + 1..),
                            Some(['d' | 'D', '8'..='9' | 'a'..='f' | 'A'..='F', ..])
                        ) =>
                    {
                        return Some(Position { line: index + 1, column });
                    }
                    (false, '"') => return None,
                    _ => escaped = !escaped && *c == '\\',
                }
            }
            escaped = false;
        }
        None
    }

    fn rest(&self, position: Position) -> &[char] {
        self.lines.get(position.line - 1).and_then(|line| line.get(position.column - 1..)).unwrap_or_default()
    }
}
