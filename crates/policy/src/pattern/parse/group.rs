//! Groups, their flags, and the alternatives within.

use std::ops::Range;

use super::super::syntax::{Kind, Node};
use super::{INVALID_NAME, INVALID_PERL, Measure, Parser, Piece, Refused, UNEXPECTED_PAREN};

/// What `(?ims)` sets. `(?U)` changes only what a match prefers, and never whether there is one.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) any_case: bool,
    /// `m`
    pub(super) lines: bool,
    /// `s`
    pub(super) dot_all: bool,
}

/// A group that is open, or the whole text.
#[derive(Default)]
pub(super) struct Frame {
    /// What the `(` and its like say; nothing for the whole text.
    opened: Option<Opened>,
    /// Where the alternative begins that is being read.
    start: usize,
    /// The alternatives before it.
    branches: Vec<Piece>,
    /// The pieces of it.
    pub(super) items: Vec<Piece>,
}

struct Opened {
    /// From the `(` to where its content begins.
    place: Range<usize>,
    captures: bool,
    /// The flags around it.
    flags: Flags,
}

impl Frame {
    /// Where it was opened.
    pub(super) fn opening(&self) -> Range<usize> {
        self.opened.as_ref().map_or(0..0, |opened| opened.place.clone())
    }
}

impl Parser<'_> {
    /// Reads `(`, `(?:`, `(?P<name>`, `(?i:` or `(?i)`.
    pub(super) fn open(&mut self) -> Result<(), Refused> {
        let start = self.at;
        let rest = self.rest();
        let named = if rest.starts_with("(?P<") { 4 } else { 3 };
        if rest.len() > named && (named == 4 || rest.starts_with("(?<")) {
            let Some(end) = rest.find('>') else {
                return Err(Refused::new(INVALID_NAME, start..start + rest.len()));
            };
            self.at = start + end + 1;
            let name = rest.get(named..end).unwrap_or_default();
            if name.is_empty() || !name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric()) {
                return Err(Refused::new(INVALID_NAME, start..self.at));
            }
            self.enter(start, true, self.flags);
        } else if rest.starts_with("(?") {
            self.at = start + 2;
            let (flags, group) = self.read_flags(start)?;
            if group {
                self.enter(start, false, flags);
            } else {
                self.flags = flags;
            }
        } else {
            self.next();
            self.enter(start, true, self.flags);
        }
        Ok(())
    }

    fn enter(&mut self, start: usize, captures: bool, flags: Flags) {
        let opened = Opened { place: start..self.at, captures, flags: self.flags };
        self.flags = flags;
        let inner = Frame { opened: Some(opened), start: self.at, ..Frame::default() };
        self.frames.push(std::mem::replace(&mut self.frame, inner));
    }

    /// Reads flags up to `:`, which begins a group, or `)`.
    fn read_flags(&mut self, start: usize) -> Result<(Flags, bool), Refused> {
        let mut flags = self.flags;
        let mut value = true;
        let mut any_since_minus = true;
        while let Some(c) = self.next() {
            match c {
                'i' => flags.any_case = value,
                'm' => flags.lines = value,
                's' => flags.dot_all = value,
                'U' => {}
                '-' if value => {
                    value = false;
                    any_since_minus = false;
                    continue;
                }
                ':' | ')' if any_since_minus => return Ok((flags, c == ':')),
                _ => break,
            }
            any_since_minus = true;
        }
        Err(Refused::new(INVALID_PERL, start..self.at))
    }

    /// Reads `|`.
    pub(super) fn bar(&mut self) -> Result<(), Refused> {
        let items = std::mem::take(&mut self.frame.items);
        let branch = self.sequence(self.frame.start, items)?;
        self.frame.branches.push(branch);
        self.next();
        self.frame.start = self.at;
        Ok(())
    }

    /// Reads `)`.
    pub(super) fn close(&mut self) -> Result<(), Refused> {
        let paren = self.at;
        let outer = self.frames.pop();
        let frame = std::mem::replace(&mut self.frame, outer.unwrap_or_default());
        let Frame { opened: Some(Opened { place, captures, flags }), .. } = &frame else {
            self.choice(frame)?;
            let shown = 0..self.wrapped.text.len();
            return Err(Refused { what: UNEXPECTED_PAREN, shown, at: paren..paren + 1 });
        };
        let (place, captures) = (place.clone(), *captures);
        self.flags = *flags;
        let Piece { node, measure } = self.choice(frame)?;
        self.next();
        if place.end == self.wrapped.start && paren == self.wrapped.end {
            self.intact = true;
        } else if place.start >= self.wrapped.start && paren >= self.wrapped.end {
            self.crossing = Some(place.clone());
        }
        let measure = if captures { measure.captured() } else { measure.grouped() };
        let span = self.wrapped.within(&(place.start..self.at));
        let piece = self.settle(Piece { node: Node { span, kind: Kind::Group(Box::new(node)) }, measure })?;
        self.frame.items.push(piece);
        Ok(())
    }

    /// What a frame holds, as one piece.
    pub(super) fn choice(&mut self, frame: Frame) -> Result<Piece, Refused> {
        let Frame { opened, start, mut branches, items } = frame;
        let last = self.sequence(start, items)?;
        if branches.is_empty() {
            return Ok(last);
        }
        branches.push(last);
        let start = opened.map_or(0, |opened| opened.place.end);
        let measure = Measure::alternatives(branches.iter().map(|branch| branch.measure), self.at - start);
        let nodes = branches.into_iter().map(|branch| branch.node).collect();
        let span = self.wrapped.within(&(start..self.at));
        self.settle(Piece { node: Node { span, kind: Kind::Alternate(nodes) }, measure })
    }

    fn sequence(&mut self, start: usize, mut items: Vec<Piece>) -> Result<Piece, Refused> {
        let span = self.wrapped.within(&(start..self.at));
        if items.len() > 1 {
            let measure = Measure::sequence(items.iter().map(|item| item.measure));
            let nodes = items.into_iter().map(|item| item.node).collect();
            return self.settle(Piece { node: Node { span, kind: Kind::Concat(nodes) }, measure });
        }
        let empty = || Piece { node: Node { span, kind: Kind::Empty }, measure: Measure::leaf(false) };
        Ok(items.pop().unwrap_or_else(empty))
    }
}
