//! What a pattern is made of, after Go's `regexp/syntax` (Perl flags), with the places in its text.

use std::ops::Range;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands, in bytes of the pattern's text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

impl Node {
    /// Whether it is `^` or `\A`.
    pub(super) fn is_text_start(&self) -> bool {
        self.kind == Kind::Assertion(Assertion::TextStart)
    }

    /// Whether it is `$` or `\z`.
    pub(super) fn is_text_end(&self) -> bool {
        self.kind == Kind::Assertion(Assertion::TextEnd)
    }
}

/// What a [`Node`] is. Flags are resolved: nothing here depends on what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, which matches everywhere.
    Empty,
    /// One character.
    Literal {
        /// Which.
        text: char,
        /// Whether it was written with a backslash or inside `\Q…\E`.
        escaped: bool,
        /// Whether its other letter cases match too. Beyond ASCII which those are is not known here.
        any_case: bool,
    },
    /// `.`: any character; without `(?s)` not a line break.
    Dot {
        /// Whether a line break matches too.
        line_breaks: bool,
    },
    /// `[…]`, `\d` and the like: these characters, sorted and merged, negation and letter case resolved.
    Class {
        /// From and to, both included.
        ranges: Vec<(char, char)>,
        /// Whether what it matches beyond ASCII depends on tables of Unicode that are not kept here.
        beyond_ascii_unknown: bool,
    },
    /// A condition on the place.
    Assertion(Assertion),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of them.
    Alternate(Vec<Node>),
    /// Several times.
    Repeat {
        /// At least.
        min: u32,
        /// At most; without end when nothing.
        max: Option<u32>,
        /// What.
        node: Box<Node>,
    },
    /// `(…)` or `(?:…)`.
    Group(Box<Node>),
}

/// A condition on a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertion {
    /// `\A`, and `^` without `(?m)`.
    TextStart,
    /// `\z`, and `$` without `(?m)`.
    TextEnd,
    /// `^` with `(?m)`.
    LineStart,
    /// `$` with `(?m)`.
    LineEnd,
    /// `\b`, of ASCII words.
    WordBoundary,
    /// `\B`.
    NotWordBoundary,
}
