//! Whether a pattern can match a `/` at a place that varies, and so reach past the host into a domain of somebody else.
//! The server refuses such patterns.
//!
//! It looks at the tree that Go's parser builds, and that parser has by then taken out of every alternation what all its
//! branches begin with: in `https://a/(?:x/y|x/z)` both slashes are at fixed places.

use crate::Pattern;
use crate::pattern::Doubt;
use crate::pattern::syntax::{Kind, Node};

/// What in the pattern can match a `/`, if anything can.
pub(super) fn span(pattern: &Pattern) -> Result<Option<&'static str>, Doubt> {
    if let Some(doubt) = pattern.doubt() {
        return Err(doubt.clone());
    }
    Walk { text: pattern.as_str() }.look(pattern.syntax(), false)
}

struct Walk<'a> {
    text: &'a str,
}

impl Walk<'_> {
    fn look(&self, node: &Node, repeated: bool) -> Result<Option<&'static str>, Doubt> {
        match &node.kind {
            Kind::Dot { .. } => Ok(Some("a `.` can match `/`")),
            _ if is_slash(node) => Ok(repeated.then_some("a `/` is repeated")),
            Kind::Class { ranges, .. } => {
                let matches = ranges.iter().any(|(from, to)| (*from..=*to).contains(&'/'));
                Ok(matches.then_some("a class of characters can match `/`"))
            }
            Kind::Repeat { node, .. } => self.look(node, true),
            Kind::Group(node) => self.look(node, repeated),
            Kind::Concat(nodes) => self.look_at_all(nodes, repeated),
            Kind::Alternate(nodes) => match self.look_at_all(nodes, repeated)? {
                None if has(node, &is_slash) => {
                    // Go tells a `/` under `(?i)` from one that is not, and this tree does not.
                    if self.ignores_case() {
                        let reason = "has a `/` in an alternation that ignores letter case, and what the server makes of \
                                      that is not known";
                        return Err(Doubt(reason.to_owned()));
                    }
                    let factored_out = self.is_factored_out(nodes).ok_or_else(|| {
                        Doubt("has a `/` in an alternation of which it is not known how the server simplifies it".to_owned())
                    })?;
                    Ok((!factored_out).then_some("a `/` is in an alternation"))
                }
                found => Ok(found),
            },
            Kind::Empty | Kind::Literal { .. } | Kind::Assertion(_) => Ok(None),
        }
    }

    fn look_at_all(&self, nodes: &[Node], repeated: bool) -> Result<Option<&'static str>, Doubt> {
        for node in nodes {
            if let Some(found) = self.look(node, repeated)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether every `/` is in what all branches begin with; nothing if that is not known.
    fn is_factored_out(&self, branches: &[Node]) -> Option<bool> {
        let mut branches: Vec<Vec<&Node>> =
            branches.iter().flat_map(|branch| self.branches(self.pieces(branch))).collect();
        while branches.iter().flatten().any(|piece| has(piece, &is_slash)) {
            if !self.begin_alike(&branches)? {
                return Some(false);
            }
            branches = branches
                .into_iter()
                .flat_map(|branch| self.branches(branch.get(1..).unwrap_or_default().to_vec()))
                .collect();
        }
        Some(true)
    }

    fn begin_alike(&self, branches: &[Vec<&Node>]) -> Option<bool> {
        let mut alike = Some(true);
        for pair in branches.windows(2) {
            let same = match pair {
                [one, other] => {
                    one.first().zip(other.first()).map_or(Some(false), |(one, other)| self.same(one, other))
                }
                _ => Some(true),
            };
            match same {
                Some(true) => {}
                Some(false) => return Some(false),
                None => alike = None,
            }
        }
        alike
    }

    /// What stands one after the other, groups that capture nothing dissolved.
    fn pieces<'n>(&self, node: &'n Node) -> Vec<&'n Node> {
        match &node.kind {
            Kind::Concat(nodes) => nodes.iter().flat_map(|node| self.pieces(node)).collect(),
            Kind::Group(inner) if !self.captures(node) => self.pieces(inner),
            _ => vec![node],
        }
    }

    /// A branch that is itself an alternation is that many branches.
    fn branches<'n>(&self, pieces: Vec<&'n Node>) -> Vec<Vec<&'n Node>> {
        match pieces.as_slice() {
            [Node { kind: Kind::Alternate(nodes), .. }] => {
                nodes.iter().flat_map(|node| self.branches(self.pieces(node))).collect()
            }
            _ => vec![pieces],
        }
    }

    fn ignores_case(&self) -> bool {
        let flag = |c: &char| c.is_ascii_alphabetic() || *c == '-';
        self.text.split("(?").skip(1).any(|rest| rest.chars().take_while(flag).any(|c| c == 'i'))
    }

    fn captures(&self, group: &Node) -> bool {
        let written = self.text.get(group.span.clone()).unwrap_or_default();
        !written.starts_with("(?") || written.starts_with("(?P<") || written.starts_with("(?<")
    }

    /// Whether Go takes one for the other, and takes it out; nothing if that is not known.
    fn same(&self, one: &Node, other: &Node) -> Option<bool> {
        let text = |node: &Node| self.text.get(node.span.clone());
        match (characters(one), characters(other)) {
            (Some(one), Some(other)) => return Some(one == other),
            (None, None) => {}
            _ if has_alternation(one) || has_alternation(other) => return None,
            _ => return Some(false),
        }
        match (&one.kind, &other.kind) {
            (Kind::Dot { .. }, Kind::Dot { .. }) => Some(one.kind == other.kind),
            // What is in the class is not known in full, and of a repetition not whether it is a lazy one.
            (Kind::Class { .. }, Kind::Class { .. }) if text(one) == text(other) => Some(true),
            (Kind::Class { .. }, Kind::Class { .. }) => (one.kind != other.kind).then_some(false),
            (
                Kind::Repeat { min, max, node },
                Kind::Repeat { min: other_min, max: other_max, node: other_node },
            ) => {
                if *max != Some(*min) || (min, max) != (other_min, other_max) {
                    return Some(false);
                }
                match self.same(node, other_node) {
                    Some(true) if text(one) != text(other) || matches!(node.kind, Kind::Repeat { .. }) => {
                        None
                    }
                    same => same,
                }
            }
            _ if has_alternation(one) || has_alternation(other) => None,
            _ => Some(false),
        }
    }
}

fn has_alternation(node: &Node) -> bool {
    has(node, &|node| matches!(node.kind, Kind::Alternate(_)))
}

/// The characters of which a node matches one, if it is no more than that: Go makes one class of `a|b|[cd]`.
fn characters(node: &Node) -> Option<Vec<(char, char)>> {
    match &node.kind {
        Kind::Literal { text, .. } => Some(vec![(*text, *text)]),
        Kind::Class { ranges, beyond_ascii_unknown: false } => Some(ranges.clone()),
        Kind::Alternate(nodes) => {
            let all: Option<Vec<_>> = nodes.iter().map(characters).collect();
            let mut ranges = all?.concat();
            ranges.sort_unstable();
            let mut merged: Vec<(char, char)> = Vec::new();
            for (from, to) in ranges {
                match merged.last_mut() {
                    Some((_, end)) if u32::from(from) <= u32::from(*end) + 1 => *end = to.max(*end),
                    _ => merged.push((from, to)),
                }
            }
            Some(merged)
        }
        _ => None,
    }
}

/// One character, however it is written.
fn letter(node: &Node) -> Option<char> {
    match &node.kind {
        Kind::Literal { text, .. } => Some(*text),
        Kind::Class { ranges, beyond_ascii_unknown: false } => match ranges.as_slice() {
            [(from, to)] if from == to => Some(*from),
            _ => None,
        },
        _ => None,
    }
}

fn is_slash(node: &Node) -> bool {
    letter(node) == Some('/')
}

fn has(node: &Node, wanted: &impl Fn(&Node) -> bool) -> bool {
    wanted(node)
        || match &node.kind {
            Kind::Concat(nodes) | Kind::Alternate(nodes) => nodes.iter().any(|node| has(node, wanted)),
            Kind::Repeat { node, .. } | Kind::Group(node) => has(node, wanted),
            _ => false,
        }
}
