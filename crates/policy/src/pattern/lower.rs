//! From a tree to a program that matches: `regex-lite`, in linear time, on a text in which nothing can be read in
//! two ways. Every character is a number, every class a list of ranges, every operand a group.

use std::fmt::Write as _;

use regex_lite::{Regex, RegexBuilder};

use super::Doubt;
use super::set::CharSet;
use super::syntax::{Assertion, Kind, Node};

/// The most instructions of a program, by Go's count.
const MAX_SIZE: u64 = 50_000;

/// The most steps of a match, each an instruction at a character: a fraction of a second.
const MAX_STEPS: u64 = 1 << 24;

/// Deeper than any tree.
const NEST_LIMIT: u32 = 1_000;

/// A program that tells whether a text matches.
#[derive(Clone, Debug)]
pub(super) struct Program {
    size: u64,
    /// Where what is unknown beyond ASCII does not match.
    certain: Regex,
    /// Where it does match, if anything is unknown.
    possible: Option<Regex>,
}

impl Program {
    /// Of a tree with at most so many instructions.
    pub(super) fn new(tree: &Node, size: u64) -> Result<Self, Doubt> {
        if size > MAX_SIZE {
            return Err(Doubt("is too large to be judged here".to_owned()));
        }
        let mut certain = Printer { unknown_matches: false, ..Printer::default() };
        certain.print(tree);
        let possible = if certain.has_unknown {
            let mut possible = Printer { unknown_matches: true, ..Printer::default() };
            possible.print(tree);
            Some(build(&possible.text)?)
        } else {
            None
        };
        Ok(Self { size, certain: build(&certain.text)?, possible })
    }

    /// Whether a value matches.
    pub(super) fn judge(&self, value: &str) -> Result<bool, Doubt> {
        let length = u64::try_from(value.len()).unwrap_or(u64::MAX).saturating_add(1);
        if self.size.saturating_mul(length) > MAX_STEPS {
            let reason = format!("is too large to be judged against a value of {} bytes", value.len());
            return Err(Doubt(reason));
        }
        if self.certain.is_match(value) {
            return Ok(true);
        }
        // No operator asks that something does not match, so what matches less never admits more.
        match &self.possible {
            Some(possible) if !value.is_ascii() && possible.is_match(value) => Err(Doubt(
                "depends on which characters beyond ASCII the server's Unicode tables have".to_owned(),
            )),
            _ => Ok(false),
        }
    }
}

fn build(text: &str) -> Result<Regex, Doubt> {
    let mut builder = RegexBuilder::new(text);
    builder.nest_limit(NEST_LIMIT).build().map_err(|error| Doubt(format!("is not judged here: {error}")))
}

#[derive(Default)]
struct Printer {
    text: String,
    unknown_matches: bool,
    has_unknown: bool,
}

impl Printer {
    fn print(&mut self, node: &Node) {
        match &node.kind {
            Kind::Empty => self.text.push_str("(?:)"),
            Kind::Literal { text, any_case: false, .. } => self.ranges(&[(*text, *text)], false),
            Kind::Literal { text, any_case: true, .. } => {
                let mut set = CharSet::default();
                set.add(u32::from(*text), u32::from(*text));
                self.class(&set.any_case().into_class());
            }
            Kind::Dot { line_breaks: true } => self.ranges(&[('\0', char::MAX)], false),
            Kind::Dot { line_breaks: false } => self.ranges(&[('\0', '\t'), ('\u{b}', char::MAX)], false),
            class @ Kind::Class { .. } => self.class(class),
            Kind::Assertion(assertion) => self.text.push_str(match assertion {
                Assertion::TextStart => r"\A",
                Assertion::TextEnd => r"\z",
                Assertion::LineStart => "(?m:^)",
                Assertion::LineEnd => "(?m:$)",
                Assertion::WordBoundary => r"\b",
                Assertion::NotWordBoundary => r"\B",
            }),
            Kind::Concat(nodes) => nodes.iter().for_each(|node| self.print(node)),
            Kind::Alternate(nodes) => {
                self.text.push_str("(?:");
                for (i, node) in nodes.iter().enumerate() {
                    if i > 0 {
                        self.text.push('|');
                    }
                    self.print(node);
                }
                self.text.push(')');
            }
            Kind::Repeat { min, max, node } => {
                self.text.push_str("(?:");
                self.print(node);
                let max = max.map(|max| max.to_string()).unwrap_or_default();
                self.write(format_args!("){{{min},{max}}}"));
            }
            Kind::Group(node) => self.print(node),
        }
    }

    fn class(&mut self, class: &Kind) {
        if let Kind::Class { ranges, beyond_ascii_unknown } = class {
            self.ranges(ranges, *beyond_ascii_unknown);
        }
    }

    fn ranges(&mut self, ranges: &[(char, char)], unknown: bool) {
        self.has_unknown |= unknown;
        let unknown = (unknown && self.unknown_matches).then_some(('\u{80}', char::MAX));
        let mut ranges = ranges.iter().copied().chain(unknown).peekable();
        if ranges.peek().is_none() {
            return self.text.push_str(r"[^\x{0}-\x{10ffff}]");
        }
        self.text.push('[');
        for (from, to) in ranges {
            self.write(format_args!(r"\x{{{:x}}}-\x{{{:x}}}", u32::from(from), u32::from(to)));
        }
        self.text.push(']');
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        let written = self.text.write_fmt(text);
        debug_assert!(written.is_ok(), "a String takes everything");
    }
}
