//! What people see: two streams, and colour only where it is wanted.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::secrets::veil;

/// A heading.
pub(crate) const STRONG: Style = Style::new().bold();
/// What is there for completeness.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// It went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// It went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Worth a look.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Names and places.
pub(crate) const PLACE: Style = AnsiColor::Blue.on_default().bold();

/// Where output goes.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Results.
    pub(crate) out: Stream,
    /// Progress and errors.
    pub(crate) err: Stream,
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    is_error: bool,
    colour: bool,
}

impl Terminal {
    /// The process's own. A stream is coloured when it is a terminal that knows colours and `NO_COLOR` (no-color.org) is
    /// not set.
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        Self {
            out: Stream { is_error: false, colour: wanted && io::stdout().is_terminal() },
            err: Stream { is_error: true, colour: wanted && io::stderr().is_terminal() },
        }
    }
}

/// Whether a result could not be written. Whoever asked for it must not take the rest for all of it.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether standard output is incomplete, and not because nobody wanted more.
pub(crate) fn was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

impl Stream {
    /// Writes a line.
    pub(crate) fn line(self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// Writes text at once. Whoever closed the other end of a pipe has seen enough: that is no error.
    pub(crate) fn write(self, text: &str) {
        fn all(mut to: impl Write, text: &str) -> io::Result<()> {
            to.write_all(text.as_bytes())?;
            to.flush()
        }
        let written = if self.is_error { all(io::stderr(), text) } else { all(io::stdout(), text) };
        if !self.is_error && written.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
            LOST.store(true, Ordering::Relaxed);
        }
    }

    /// The text in this style, where there is colour.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Text that cannot steer a terminal and holds no token: an event or a file may hold escape sequences, or be a token by
/// mistake.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in veil(text).chars() {
        match c {
            '\t' => cleaned.push(' '),
            c if c.is_control() || is_steering(c) => {
                let _ = write!(cleaned, "{}", c.escape_unicode());
            }
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// Characters that make a line read otherwise than it is written: line separators, and those that turn its direction.
fn is_steering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A document for programs, on several lines; nothing in it can steer a terminal or is a token either.
pub(crate) fn json(value: &Value) -> String {
    let text = veil(&format!("{value:#}"));
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        // Outside strings, JSON has no such characters.
        if c != '\n' && (c.is_control() || is_steering(c)) {
            let _ = write!(cleaned, "\\u{:04x}", u32::from(c));
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// At most `limit` characters; what is cut is shown by an ellipsis.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `1 error`, `2 errors`, `no errors`.
pub(crate) fn count(number: usize, one: &str) -> String {
    match number {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_steer_the_terminal() {
        assert_eq!(clean("a\tb\u{1b}[31mc\r"), "a b\\u{1b}[31mc\\u{d}");
        assert_eq!(clean("a\u{202e}b\u{2028}é"), "a\\u{202e}b\\u{2028}é");
        let text = "\u{1b}\u{9b}\u{7f}\u{202e}é\n";
        let shown = json(&serde_json::json!({ "a": [text] }));
        assert_eq!(shown, "{\n  \"a\": [\n    \"\\u001b\\u009b\\u007f\\u202eé\\n\"\n  ]\n}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["a"][0], text);
    }

    #[test]
    fn long_text_is_cut_visibly() {
        for (text, expected) in [("abcd", "abcd"), ("abcde", "abc…"), ("äöüßé", "äöü…"), ("ab cd", "ab…")]
        {
            assert_eq!(shorten(text, 4), expected);
        }
    }

    #[test]
    fn numbers_are_spelled_as_people_do() {
        assert_eq!([0, 1, 2].map(|n| count(n, "error")), ["no errors", "1 error", "2 errors"]);
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let plain = Stream { is_error: false, colour: false };
        assert_eq!(plain.paint(BAD, "x"), "x");
        let coloured = Stream { is_error: false, colour: true };
        assert_eq!(coloured.paint(STRONG, "x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
