//! Go's `regexp/syntax` with Perl flags, as `regexp.Compile` reads a pattern: what Go takes is taken, and what it
//! refuses is refused with its words.
//!
//! Nothing here recurses: groups that are open stand in a list, and pieces that would nest too deeply for whoever
//! walks the tree are replaced by an opaque one, with a doubt.

mod class;
mod escape;
mod group;
mod measure;

use std::ops::Range;

use self::group::{Flags, Frame};
use self::measure::{MAX_COPIES, MAX_HEIGHT, MAX_SIZE, Measure};
use super::Doubt;
use super::set::CharSet;
use super::syntax::{Assertion, Kind, Node};

/// The greatest depth of our own tree, so that walking it never exhausts a stack.
const MAX_DEPTH: u32 = 250;

const INVALID_CLASS_RANGE: &str = "invalid character class range";
const INVALID_ESCAPE: &str = "invalid escape sequence";
const INVALID_NAME: &str = "invalid named capture";
const INVALID_PERL: &str = "invalid or unsupported Perl syntax";
const INVALID_REPEAT: &str = "invalid nested repetition operator";
const INVALID_COUNT: &str = "invalid repeat count";
const MISSING_BRACKET: &str = "missing closing ]";
const MISSING_PAREN: &str = "missing closing )";
const MISSING_ARGUMENT: &str = "missing argument to repetition operator";
const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
const UNEXPECTED_PAREN: &str = "unexpected )";
const TOO_DEEP: &str = "expression nests too deeply";

/// A pattern within what the server puts around it.
#[derive(Clone, Copy)]
pub(super) struct Wrapped<'p> {
    /// The text that the server compiles.
    pub(super) text: &'p str,
    /// Where in it the pattern begins.
    pub(super) start: usize,
    /// Where in it the pattern ends.
    pub(super) end: usize,
}

impl Wrapped<'_> {
    /// A place in the text as a place in the pattern.
    fn within(&self, place: &Range<usize>) -> Range<usize> {
        let within = |at: usize| at.clamp(self.start, self.end) - self.start;
        within(place.start)..within(place.end)
    }
}

/// What Go makes of a text.
pub(super) struct Parsed {
    /// Its tree, with places in the pattern.
    pub(super) tree: Node,
    /// At most so many instructions.
    pub(super) size: u64,
    /// Why it is not certain that Go takes it, or takes it so.
    pub(super) doubt: Option<Doubt>,
    /// Whether the group that the server puts around the pattern ends where the server ends it.
    pub(super) intact: bool,
}

/// Why Go refuses a text.
pub(super) struct Refused {
    what: &'static str,
    /// The part of the text that Go shows.
    shown: Range<usize>,
    /// The part that is at fault.
    at: Range<usize>,
}

impl Refused {
    fn new(what: &'static str, shown: Range<usize>) -> Self {
        Self { what, at: shown.clone(), shown }
    }

    /// Go's message, and the place in the pattern.
    fn explained(&self, wrapped: Wrapped<'_>) -> super::Broken {
        let shown = wrapped.text.get(self.shown.clone()).unwrap_or_default();
        let message = format!("error parsing regexp: {}: `{shown}`", self.what);
        super::Broken { message, at: wrapped.within(&self.at) }
    }
}

/// Parses as Go does.
pub(super) fn parse(wrapped: Wrapped<'_>) -> Result<Parsed, super::Broken> {
    let mut parser = Parser::new(wrapped);
    let parsed = parser.run();
    // A name that Go may not know would have been refused first.
    parsed.map_err(|refused| parser.unsure_name.take().unwrap_or(refused).explained(wrapped))
}

/// A piece that has been read.
struct Piece {
    node: Node,
    measure: Measure,
}

struct Parser<'p> {
    wrapped: Wrapped<'p>,
    at: usize,
    flags: Flags,
    /// The groups that are open around [`Parser::frame`], outermost first.
    frames: Vec<Frame>,
    frame: Frame,
    doubt: Option<Doubt>,
    unsure_name: Option<Refused>,
    /// Whether a `:]` may still come.
    posix_may_end: bool,
    /// What began within the pattern and ended with the server's text after it.
    crossing: Option<Range<usize>>,
    intact: bool,
}

impl<'p> Parser<'p> {
    fn new(wrapped: Wrapped<'p>) -> Self {
        Self {
            wrapped,
            at: 0,
            flags: Flags::default(),
            frames: Vec::new(),
            frame: Frame::default(),
            doubt: None,
            unsure_name: None,
            posix_may_end: true,
            crossing: None,
            intact: false,
        }
    }

    fn run(&mut self) -> Result<Parsed, Refused> {
        let mut last_repeat = None;
        while let Some(c) = self.peek() {
            let start = self.at;
            let mut repeat = None;
            match c {
                '(' => self.open()?,
                '|' => self.bar()?,
                ')' => self.close()?,
                '[' => self.class()?,
                '\\' => self.backslash()?,
                '*' | '+' | '?' => {
                    self.next();
                    let min = u32::from(c == '+');
                    self.repeat(start, min, (c == '?').then_some(1), last_repeat)?;
                    repeat = Some(start);
                }
                '{' => {
                    if let Some((min, max)) = self.count()? {
                        self.repeat(start, min, max, last_repeat)?;
                        repeat = Some(start);
                    } else {
                        self.next();
                        self.literal(start, u32::from(c), false);
                    }
                }
                _ => {
                    self.next();
                    self.single(start, c);
                }
            }
            if start < self.wrapped.end && self.at > self.wrapped.end {
                self.crossing = Some(start..self.wrapped.end);
            }
            last_repeat = repeat;
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<Parsed, Refused> {
        let whole = 0..self.at;
        let frame = std::mem::take(&mut self.frame);
        let open = frame.opening();
        let piece = self.choice(frame)?;
        if !self.frames.is_empty() {
            let at = self.crossing.take().unwrap_or(open);
            return Err(Refused { what: MISSING_PAREN, shown: whole, at });
        }
        let Piece { node, measure } = piece;
        Ok(Parsed { tree: node, size: measure.size, doubt: self.doubt.take(), intact: self.intact })
    }

    /// A character that is not an operator with operands.
    fn single(&mut self, start: usize, c: char) {
        let kind = match c {
            '^' if self.flags.lines => Kind::Assertion(Assertion::LineStart),
            '^' => Kind::Assertion(Assertion::TextStart),
            '$' if self.flags.lines => Kind::Assertion(Assertion::LineEnd),
            '$' => Kind::Assertion(Assertion::TextEnd),
            '.' => Kind::Dot { line_breaks: self.flags.dot_all },
            c => return self.literal(start, u32::from(c), false),
        };
        self.push(start, kind, false);
    }

    fn literal(&mut self, start: usize, code: u32, escaped: bool) {
        let kind = match char::from_u32(code) {
            Some(text) => {
                let any_case = self.flags.any_case && (!text.is_ascii() || text.is_ascii_alphabetic());
                Kind::Literal { text, escaped, any_case }
            }
            None => {
                let mut surrogate = CharSet::default();
                surrogate.add(code, code);
                surrogate.into_class()
            }
        };
        self.push(start, kind, true);
    }

    fn set(&mut self, start: usize, set: CharSet) {
        // A class of one character, or of the two cases of a letter, is a literal to Go.
        let kind = set.into_class();
        let text = matches!(&kind, Kind::Class { ranges, .. } if ranges.len() <= 2);
        self.push(start, kind, text);
    }

    fn push(&mut self, start: usize, kind: Kind, text: bool) {
        let node = Node { span: self.wrapped.within(&(start..self.at)), kind };
        self.frame.items.push(Piece { node, measure: Measure::leaf(text) });
    }

    /// Repeats what was read last. The operator began at `start`; `last` is where one began that ended there.
    fn repeat(
        &mut self,
        start: usize,
        min: u32,
        max: Option<u32>,
        last: Option<usize>,
    ) -> Result<(), Refused> {
        let counted = self.wrapped.text.get(start..).is_some_and(|text| text.starts_with('{'));
        self.eat('?');
        if let Some(last) = last {
            return Err(Refused::new(INVALID_REPEAT, last..self.at));
        }
        let Some(Piece { node, measure }) = self.frame.items.pop() else {
            return Err(Refused::new(MISSING_ARGUMENT, start..self.at));
        };
        let measure = measure.repeated(min, max);
        let span = node.span.start..self.wrapped.within(&(start..self.at)).end;
        let kind = Kind::Repeat { min, max, node: Box::new(node) };
        let piece = self.settle(Piece { node: Node { span, kind }, measure })?;
        self.frame.items.push(piece);
        let several = min >= 2 || max.is_some_and(|max| max >= 2);
        if counted && several && measure.copies > MAX_COPIES {
            return Err(Refused::new(INVALID_COUNT, start..self.at));
        }
        Ok(())
    }

    /// Reads `{2}`, `{2,}` or `{2,3}`. Anything else after a `{` leaves it a literal.
    fn count(&mut self) -> Result<Option<(u32, Option<u32>)>, Refused> {
        let start = self.at;
        let Some((min, max, length)) = counts(self.rest()) else { return Ok(None) };
        self.at += length;
        if min > 1000 || max.is_some_and(|max| max > 1000 || min > max) {
            return Err(Refused::new(INVALID_COUNT, start..self.at));
        }
        Ok(Some((min, max)))
    }

    /// Holds a finished piece against the limits, Go's and ours.
    fn settle(&mut self, mut piece: Piece) -> Result<Piece, Refused> {
        let measure = piece.measure;
        if measure.low > MAX_HEIGHT {
            return Err(Refused::new(TOO_DEEP, 0..self.wrapped.text.len()));
        }
        if measure.high > MAX_HEIGHT || measure.depth > MAX_DEPTH {
            self.doubt("nests too deeply to be judged here".to_owned());
        }
        if measure.size > MAX_SIZE {
            self.doubt("is too large to be judged here".to_owned());
        }
        if measure.depth > MAX_DEPTH {
            piece.node.kind = opaque();
            piece.measure.depth = 1;
        }
        Ok(piece)
    }

    fn doubt(&mut self, reason: String) {
        self.doubt.get_or_insert(Doubt(reason));
    }

    fn rest(&self) -> &'p str {
        self.wrapped.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }
}

/// A node about which nothing is known.
fn opaque() -> Kind {
    Kind::Class { ranges: Vec::new(), beyond_ascii_unknown: true }
}

/// The counts of a repetition, and how many bytes it has.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let after = text.strip_prefix('{')?;
    let (min, after) = number(after)?;
    let (max, after) = match after.strip_prefix(',') {
        None => (Some(min), after),
        Some(after) if after.starts_with('}') => (None, after),
        Some(after) => number(after).map(|(max, after)| (Some(max), after))?,
    };
    let after = after.strip_prefix('}')?;
    Some((min, max, text.len() - after.len()))
}

/// A number without superfluous zeros; one that is far too large is the largest.
fn number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = text.split_at_checked(length)?;
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), after))
}
