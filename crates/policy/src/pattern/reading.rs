//! A pattern as one kind of server reads it: with that server's anchors, as one text.

use std::sync::OnceLock;

use super::lower::Program;
use super::parse::{self, Wrapped};
use super::syntax::{Kind, Node};
use super::{Broken, Doubt};

/// The longest pattern that is read, in bytes. Within it Go's limit on the characters of all classes is out of
/// reach: that is 33 million, and `\pL`, the shortest of the large ones, has 1,300.
const MAX_LENGTH: usize = 32 << 10;

/// What a server makes of a pattern.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of the text with the server's anchors, with places in the pattern.
    tree: Node,
    size: u64,
    doubt: Option<Doubt>,
    /// Whether the pattern stays within the group around it.
    intact: bool,
    program: OnceLock<Result<Program, Doubt>>,
}

impl Reading {
    /// Reads a pattern with what stands before and after it.
    pub(super) fn new(pattern: &str, (before, after): (&str, &str)) -> Result<Self, Broken> {
        if pattern.len() > MAX_LENGTH {
            let reason = format!("is longer than {MAX_LENGTH} bytes, which is not judged here");
            return Ok(Self::of(
                Node { span: 0..pattern.len(), kind: Kind::Empty },
                0,
                Some(Doubt(reason)),
                true,
            ));
        }
        let text = format!("{before}{pattern}{after}");
        let (start, end) = (before.len(), before.len() + pattern.len());
        let parsed = parse::parse(Wrapped { text: &text, start, end })?;
        Ok(Self::of(parsed.tree, parsed.size, parsed.doubt, parsed.intact))
    }

    fn of(tree: Node, size: u64, doubt: Option<Doubt>, intact: bool) -> Self {
        Self { tree, size, doubt, intact, program: OnceLock::new() }
    }

    /// Why nothing can be said about what it matches.
    pub(super) fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// Whether the pattern stays within the group around it.
    pub(super) fn intact(&self) -> bool {
        self.intact
    }

    /// The tree of the pattern itself, or of everything when it does not stay within its group.
    pub(super) fn syntax(&self) -> &Node {
        match &self.tree.kind {
            Kind::Concat(nodes) if self.intact => match nodes.as_slice() {
                [_, Node { kind: Kind::Group(node), .. }, _] => node,
                _ => &self.tree,
            },
            _ => &self.tree,
        }
    }

    /// What the pattern itself consists of, one after the other, when nothing but anchors stands around it.
    pub(super) fn pieces(&self) -> Option<&[Node]> {
        if self.intact {
            let tree = self.syntax();
            return Some(match &tree.kind {
                Kind::Empty => &[],
                Kind::Concat(nodes) => nodes,
                _ => std::slice::from_ref(tree),
            });
        }
        match &self.tree.kind {
            Kind::Concat(nodes) => match nodes.as_slice() {
                [first, pieces @ .., last] if first.is_text_start() && last.is_text_end() => Some(pieces),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a value matches.
    pub(super) fn judge(&self, value: &str) -> Result<bool, Doubt> {
        if let Some(doubt) = &self.doubt {
            return Err(doubt.clone());
        }
        self.program
            .get_or_init(|| Program::new(&self.tree, self.size))
            .as_ref()
            .map_err(Doubt::clone)?
            .judge(value)
    }
}
