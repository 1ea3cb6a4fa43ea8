//! The patterns of a policy. They are Go's RE2 expressions, and Rust's readers take some of them differently; so
//! they are parsed here as Go parses them, and only what was understood is handed to a matcher.
//!
//! A server puts its anchors around a pattern and compiles that as one text. So does this: what a `)` or a
//! trailing backslash does to the anchors, it does here too.

mod lower;
mod parse;
mod reading;
mod set;
pub mod syntax;
mod unicode;

use std::sync::{Arc, OnceLock};

use self::reading::Reading;
use self::syntax::{Kind, Node};

/// A pattern as the policy spells it. The server matches it against the whole value.
#[derive(Clone)]
pub struct Pattern(Arc<Compiled>);

struct Compiled {
    text: String,
    current: Reading,
    older: OnceLock<Result<Reading, Broken>>,
}

/// Which servers judge: they anchor a pattern differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    /// Since September 2026, and the hosted one: `^(?:p)$`.
    Current,
    /// Before: `^p$`, so an alternation that is not grouped is anchored at one end only. Built with Go 1.25 or newer,
    /// like the current one.
    Older,
}

impl Server {
    /// What it puts before and after a pattern.
    fn anchors(self) -> (&'static str, &'static str) {
        match self {
            Self::Current => ("^(?:", ")$"),
            Self::Older => ("^", "$"),
        }
    }
}

/// Why the server cannot compile a pattern. Displays as Go's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Broken {
    /// As in ``error parsing regexp: missing closing ]: `[a)$` ``, which shows the anchors too.
    pub message: String,
    /// Where in the pattern, in bytes.
    pub at: std::ops::Range<usize>,
}

/// Why it is not known whether a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Doubt(pub String);

impl Pattern {
    /// Compiles a pattern as the current server does.
    ///
    /// # Errors
    /// When Go's `regexp` refuses it.
    pub fn compile(text: impl Into<String>) -> Result<Self, Broken> {
        let text = text.into();
        let current = Reading::new(&text, Server::Current.anchors())?;
        Ok(Self(Arc::new(Compiled { text, current, older: OnceLock::new() })))
    }

    /// Whether the pattern matches the whole of `value`, as such a server judges.
    ///
    /// # Errors
    /// When that cannot be told faithfully, or such a server refuses the pattern, with the reason.
    pub fn judge(&self, value: &str, server: Server) -> Result<bool, Doubt> {
        if server == Server::Current || !self.older_may_differ() {
            return self.0.current.judge(value);
        }
        match self.older() {
            Ok(older) => older.judge(value),
            Err(broken) => Err(Doubt(format!("is refused by an older server: {broken}"))),
        }
    }

    /// How Go parses it. When it [leaves its group](Self::leaves_its_group), this is the tree of the server's whole
    /// text, with the anchors. It says nothing when there is a [doubt](Self::doubt).
    pub fn syntax(&self) -> &Node {
        self.0.current.syntax()
    }

    /// Why nothing can be said about what it matches: it is enormous, or names a class that a Go may not know.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.0.current.doubt()
    }

    /// Whether the group that the server puts around it ends within the pattern, as in `a)|(?:b`: then the anchors
    /// do not hold for all of it.
    pub fn leaves_its_group(&self) -> bool {
        !self.0.current.intact()
    }

    /// Whether Go compiles it without anchors too, as the server asks of the patterns of trusted issuers.
    ///
    /// # Errors
    /// When it does not.
    pub fn compiles_alone(&self) -> Result<(), Broken> {
        Reading::new(&self.0.text, ("", "")).map(|_| ())
    }

    /// Whether an [older](Server::Older) server compiles it.
    ///
    /// # Errors
    /// When it does not.
    pub fn older_compiles(&self) -> Result<(), &Broken> {
        self.older().map(|_| ())
    }

    /// Nothing when such a server certainly compiles it.
    ///
    /// # Errors
    /// Why it does not, or why that is not known.
    pub(crate) fn surely_compiles(&self, server: Server) -> Result<(), Doubt> {
        let refused = |broken| Doubt(format!("is refused by an older server: {broken}"));
        if server == Server::Older {
            self.older_compiles().map_err(refused)?;
        }
        self.doubt().map_or(Ok(()), |doubt| Err(doubt.clone()))
    }

    /// Whether an [older](Server::Older) server may judge differently, as with an alternation that is not grouped, or
    /// when there is a [doubt](Self::doubt).
    pub fn older_may_differ(&self) -> bool {
        let current = self.0.current.pieces();
        self.doubt().is_some()
            || current.is_none()
            || !self.older().is_ok_and(|older| older.pieces() == current)
    }

    fn older(&self) -> Result<&Reading, &Broken> {
        self.0.older.get_or_init(|| Reading::new(&self.0.text, Server::Older.anchors())).as_ref()
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The only text that the pattern matches, if it has no operator: `octo-sts[.]dev` matches `octo-sts.dev`.
    pub fn literal(&self) -> Option<String> {
        let mut literal = String::new();
        (self.doubt().is_none() && spell(self.syntax(), &mut literal)).then_some(literal)
    }
}

/// Appends the only text that a node matches, if there is one.
fn spell(node: &Node, literal: &mut String) -> bool {
    match &node.kind {
        Kind::Empty => true,
        Kind::Literal { text, any_case: false, .. } => {
            literal.push(*text);
            true
        }
        Kind::Class { ranges, beyond_ascii_unknown: false } => match ranges.as_slice() {
            [(from, to)] if from == to => {
                literal.push(*from);
                true
            }
            _ => false,
        },
        Kind::Concat(nodes) => nodes.iter().all(|node| spell(node, literal)),
        Kind::Group(node) => spell(node, literal),
        _ => false,
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests;
