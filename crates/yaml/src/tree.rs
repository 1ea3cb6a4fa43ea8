//! The tree: nodes, where they stand, and how to find one.

use std::fmt;

use crate::{Path, Segment};

/// A place in a text. Lines and columns count from 1; a column is a character, not a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

impl Position {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value of the document with the place where it begins.
///
/// A node that an alias stands for begins where the alias stands; what is inside it begins where it was
/// written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where the node begins. A tag or an anchor before it does not count.
    pub position: Position,
    /// The tag, resolved: `tag:yaml.org,2002:str` for `!!str`, `!name` for a local one, `!` for the bare mark.
    pub tag: Option<String>,
    /// What the node is.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A single value, not yet resolved to a type.
    Scalar {
        /// The text after quotes and escapes are undone.
        text: String,
        /// Whether it was written bare, without quotes and not as a block. Only bare text can mean a number, a
        /// boolean or nothing. A value left out is bare and empty.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in the order of the text. No two scalar keys have the same text, unless the tree was made by
    /// [`crate::parse_with_repeated_keys`].
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar, as it was written (a bare `no` is `no`).
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Mapping(entries) => entries,
            Kind::Scalar { .. } | Kind::Sequence(_) => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub fn elements(&self) -> &[Node] {
        match &self.kind {
            Kind::Sequence(elements) => elements,
            Kind::Scalar { .. } | Kind::Mapping(_) => &[],
        }
    }

    /// Whether YAML 1.2 reads this node as nothing: left out, `~` or `null`, bare and without a tag.
    pub fn is_null(&self) -> bool {
        self.tag.is_none()
            && matches!(&self.kind, Kind::Scalar { text, plain: true } if crate::core_schema::is_null(text))
    }

    /// The value under a key of this mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The node at `path`, or its deepest ancestor that exists.
    pub fn at(&self, path: &Path) -> &Node {
        self.walk(path).1
    }

    /// Where `path` stands: for the value of a mapping its key, for an element of a list the element. Of a path
    /// that does not exist, the deepest ancestor that does.
    pub fn position_of(&self, path: &Path) -> Position {
        self.walk(path).0
    }

    fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key))
    }

    fn walk(&self, path: &Path) -> (Position, &Node) {
        let mut found = (self.position, self);
        for segment in path.segments() {
            let next = match segment {
                Segment::Key(key) => found.1.entry(key).map(|(name, value)| (name.position, value)),
                Segment::Index(index) => found.1.elements().get(*index).map(|node| (node.position, node)),
            };
            match next {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn finds_keys_elements_and_the_deepest_ancestor() {
        let root = parse("jobs:\n  alarm:\n    key: [a, b]\n").unwrap().first();
        let key = Path::root().key("jobs").key("alarm").key("key");
        for (path, position, text) in [
            (Path::root(), at(1, 1), None),
            (Path::root().key("jobs"), at(1, 1), None),
            (key.clone(), at(3, 5), None),
            (key.index(1), at(3, 14), Some("b")),
            (key.index(2), at(3, 5), None),
            (key.key("x"), at(3, 5), None),
            (Path::root().key("jobs").key("other").key("deep"), at(1, 1), None),
            (Path::root().key("other"), at(1, 1), None),
        ] {
            assert_eq!(root.position_of(&path), position, "{path}");
            assert_eq!(root.at(&path).text(), text, "{path}");
        }
        assert!(root.get("jobs").unwrap().get("nothing").is_none());
    }

    #[test]
    fn only_bare_untagged_scalars_are_null() {
        let root = parse("[~, null, '', 'null', !!str null, x, [], {a: }]").unwrap().first();
        let nulls: Vec<bool> = root.elements().iter().map(Node::is_null).collect();
        assert_eq!(nulls, [true, true, false, false, false, false, false, false]);
        assert!(root.elements()[7].get("a").unwrap().is_null());
    }
}
