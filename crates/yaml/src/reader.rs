//! Fills a type from a tree and collects every problem.
//!
//! `serde` stops at the first error. So it is run again and again, each time over a tree repaired where the last
//! error was: an unknown key or a wrong value is passed over, a missing key gets a stand-in. What goes wrong only
//! because of a repair is not reported. Every pass repairs something new, so there is an end.

use serde::de::DeserializeOwned;

use crate::de::{De, Repairs};
use crate::fault::{Cause, Fault};
use crate::{Kind, Node, Path, Position, Problem, Segment};

/// After so many problems the reader stops looking.
pub const MAX_PROBLEMS: usize = 100;

/// Passes at most, whatever the repairs lead to.
const MAX_PASSES: usize = 1_000;

/// Fills `T` from a tree, by these rules beyond YAML 1.2's core schema:
///
/// - text takes a bare scalar as it is written (`on`, `0123` and `1.10` stay what they are), but not a null;
/// - booleans are `true` and `false`, whole numbers are decimal, both without quotes;
/// - an enum is a bare word, or a mapping whose only key is the variant's name;
/// - merge keys (`<<`), keys that are not scalars, and tags other than `!!str` are refused.
///
/// What `serde` itself buffers (`untagged`, `flatten`, internal tags) loses its places inside: a problem there
/// stands at the whole value, and bare scalars are resolved before they reach a text field.
///
/// # Errors
/// All problems, in the order of the text; at most [`MAX_PROBLEMS`] and never none. Of the required keys missing
/// from one mapping all are named, except those that the type declares after one whose type takes no empty value.
pub fn read<T: DeserializeOwned>(root: &Node) -> Result<T, Vec<Problem>> {
    match read_repaired(root) {
        Repaired { value: Some(value), problems, .. } if problems.is_empty() => Ok(value),
        Repaired { problems, .. } => Err(problems),
    }
}

/// What could be made of a tree.
#[derive(Clone, Debug)]
pub struct Repaired<T> {
    /// What was wrong is left out of it, and what was missing has a stand-in. `None` when nothing could be made.
    pub value: Option<T>,
    /// As [`read`] gives them; empty when nothing was repaired.
    pub problems: Vec<Problem>,
    /// What was left out of lists.
    pub left_out: LeftOut,
}

/// The list items that were left out of a value, each by its list and its index in the text, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct LeftOut(Vec<(Path, usize)>);

impl LeftOut {
    /// Where in the text something stands that is at `path` in the value: an item after one that was left out has a lower
    /// index there.
    pub fn in_text(&self, path: &Path) -> Path {
        path.segments().iter().fold(Path::root(), |list, segment| match segment {
            Segment::Key(key) => list.key(key),
            Segment::Index(index) => {
                let gone = self.0.iter().filter(|(of, _)| *of == list);
                let index = gone.fold(*index, |index, (_, gone)| index + usize::from(*gone <= index));
                list.index(index)
            }
        })
    }
}

/// As [`read`], but gives what could be made of the tree beside its problems, so that a caller can go on to look for
/// problems of its own.
pub fn read_repaired<T: DeserializeOwned>(root: &Node) -> Repaired<T> {
    let mut reader = Reader { root, repairs: Repairs::default(), problems: Vec::new() };
    reader.refuse_what_no_type_can_take(root, &Path::root());
    let mut value = None;
    for _ in 0..MAX_PASSES {
        if reader.problems.len() >= MAX_PROBLEMS || reader.repairs.drops(root) {
            break;
        }
        match T::deserialize(De { node: root, repairs: &reader.repairs }) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(fault) => reader.record(fault),
        }
    }
    let mut problems = std::mem::take(&mut reader.problems);
    problems.sort_by_key(|problem| problem.position);
    problems.dedup();
    problems.truncate(MAX_PROBLEMS);
    let mut left_out = Vec::new();
    reader.repairs.left_out(root, &Path::root(), &mut left_out);
    Repaired { value, problems, left_out: LeftOut(left_out) }
}

struct Reader<'a> {
    root: &'a Node,
    repairs: Repairs,
    problems: Vec<Problem>,
}

/// Where a fault is.
struct Place<'a> {
    path: Path,
    /// The node itself: a key or a value.
    node: &'a Node,
    /// The key that holds the node, or is it.
    key: Option<&'a Node>,
}

impl Place<'_> {
    /// Where to look for something that is not there: at the name of what should hold it.
    fn name(&self) -> Position {
        self.key.unwrap_or(self.node).position
    }
}

impl<'a> Reader<'a> {
    fn record(&mut self, fault: Fault) {
        let wanted = fault.place.unwrap_or(std::ptr::from_ref(self.root));
        let root = Place { path: Path::root(), node: self.root, key: None };
        let place = find(root, wanted).unwrap_or(Place { path: Path::root(), node: self.root, key: None });
        if !self.follows(&fault.cause, place.node) {
            let position = match fault.cause {
                Cause::MissingKey(_) => place.name(),
                _ if place.node.is_null() => place.name(),
                _ => place.node.position,
            };
            let (message, help) = (fault.cause.message(), fault.cause.help());
            self.problems.push(Problem { position, path: place.path, message, help });
        }
        self.repair(&fault.cause, place.node);
    }

    fn repair(&mut self, cause: &Cause, node: &Node) {
        let node = std::ptr::from_ref(node);
        if let Cause::MissingKey(name) = cause {
            let supplied = self.repairs.supplied.entry(node).or_default();
            if !supplied.contains(name) {
                supplied.push(name);
                return;
            }
        }
        if !self.repairs.dropped.insert(node) {
            // It was passed over already and failed all the same: nothing below the root helps.
            self.repairs.dropped.insert(std::ptr::from_ref(self.root));
        }
    }

    /// Whether a fault is only the consequence of a repair.
    fn follows(&self, cause: &Cause, node: &Node) -> bool {
        match cause {
            Cause::FollowUp => true,
            Cause::MissingKey(name) => self.is_meant_by_a_dropped_entry(name, node),
            Cause::Unknown { .. } | Cause::Other { .. } => self.is_repaired_inside(node),
        }
    }

    /// Whether the key that is missing is there after all: with a wrong value, or misspelt.
    fn is_meant_by_a_dropped_entry(&self, name: &str, node: &Node) -> bool {
        node.entries().iter().filter(|entry| self.repairs.drops_entry(entry)).any(|(key, _)| {
            key.text().is_some_and(|text| crate::nearest(text, [name]).is_some() || text == name)
        })
    }

    fn is_repaired_inside(&self, node: &Node) -> bool {
        let here = std::ptr::from_ref(node);
        self.repairs.drops(node)
            || self.repairs.supplied.contains_key(&here)
            || node.elements().iter().any(|element| self.is_repaired_inside(element))
            || node
                .entries()
                .iter()
                .any(|(key, value)| self.repairs.drops(key) || self.is_repaired_inside(value))
    }

    fn refuse_what_no_type_can_take(&mut self, node: &'a Node, path: &Path) {
        if let Some(tag) = node.tag.as_deref().filter(|tag| !is_harmless(tag, &node.kind)) {
            let message = format!("tags are not supported here, found `{}`", crate::parse::brief(tag));
            self.refuse(node, path, message, "remove the tag");
            return;
        }
        for (index, element) in node.elements().iter().enumerate() {
            self.refuse_what_no_type_can_take(element, &path.index(index));
        }
        for (key, value) in node.entries() {
            match &key.kind {
                Kind::Scalar { text, plain: true } if text == "<<" => {
                    let message = "merge keys are not supported".to_owned();
                    self.refuse(key, &path.key("<<"), message, "write the keys out");
                }
                Kind::Scalar { text, .. } => self.refuse_what_no_type_can_take(value, &path.key(text)),
                Kind::Sequence(_) | Kind::Mapping(_) => {
                    let message = "a key must be plain text, not a list or mapping".to_owned();
                    let help = "quote it if braces or brackets are meant, as around a template";
                    self.refuse(key, path, message, help);
                }
            }
        }
    }

    fn refuse(&mut self, node: &Node, path: &Path, message: String, help: &str) {
        let help = Some(help.to_owned());
        self.problems.push(Problem { position: node.position, path: path.clone(), message, help });
        self.repairs.dropped.insert(std::ptr::from_ref(node));
    }
}

/// Whether a tag says only what the node is anyway.
fn is_harmless(tag: &str, kind: &Kind) -> bool {
    match kind {
        Kind::Scalar { .. } => matches!(tag, "tag:yaml.org,2002:str" | "!"),
        Kind::Sequence(_) => tag == "tag:yaml.org,2002:seq",
        Kind::Mapping(_) => tag == "tag:yaml.org,2002:map",
    }
}

/// Looks for a node by identity.
fn find<'a>(here: Place<'a>, wanted: *const Node) -> Option<Place<'a>> {
    if std::ptr::eq(here.node, wanted) {
        return Some(here);
    }
    let Place { path, node, .. } = here;
    for (index, element) in node.elements().iter().enumerate() {
        let below = Place { path: path.index(index), node: element, key: None };
        if let Some(place) = find(below, wanted) {
            return Some(place);
        }
    }
    for (key, value) in node.entries() {
        let path = path.key(key.text().unwrap_or_default());
        if std::ptr::eq(key, wanted) {
            return Some(Place { path, node: key, key: Some(key) });
        }
        if let Some(place) = find(Place { path, node: value, key: Some(key) }, wanted) {
            return Some(place);
        }
    }
    None
}
