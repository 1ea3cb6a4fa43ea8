//! Texts that a pattern may match, made from its tree. They are only candidates: whether the pattern really matches one is
//! for [`Pattern::judge`] to say.

use crate::Pattern;
use crate::pattern::Server;
use crate::pattern::syntax::{Kind, Node};

/// At most so many ways through alternations are followed, and so many pieces each has.
const MAX_SHAPES: usize = 24;
const MAX_PIECES: usize = 64;

/// At most so many texts are made of a pattern.
const MAX_TEXTS: usize = 600;

/// No issuer, subject or audience is longer.
const LONGEST: usize = 255;

/// One way through a pattern.
type Shape = Vec<Piece>;

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Open(Open),
}

/// A place that different texts can take.
#[derive(Clone, Debug)]
struct Open {
    /// Nothing when any character can.
    ranges: Option<Vec<(char, char)>>,
    min: usize,
    max: usize,
}

/// Whether a current server certainly lets this text pass.
pub(super) fn admits(pattern: &Pattern, text: &str) -> bool {
    pattern.judge(text, Server::Current) == Ok(true)
}

/// Texts in the form of the pattern, its open places taken by the `fills` that fit, or by as little as fits. Where all
/// combinations would be too many, one place after the other takes any of them, and the others plain words.
pub(super) fn texts(pattern: &Pattern, fills: &[String]) -> Vec<String> {
    let word = |fill: &&String| {
        !fill.is_empty() && fill.bytes().all(|b| b.is_ascii_alphanumeric() || b"_@".contains(&b))
    };
    let words: Vec<String> = fills.iter().filter(word).take(3).cloned().collect();
    let mut texts = Vec::new();
    for shape in shapes(pattern).0 {
        let places: Vec<usize> = shape
            .iter()
            .enumerate()
            .filter(|(_, piece)| matches!(piece, Piece::Open(_)))
            .map(|(at, _)| at)
            .collect();
        let power = u32::try_from(places.len()).unwrap_or(u32::MAX);
        if fills.len().saturating_add(1).saturating_pow(power) <= MAX_TEXTS {
            combine(&shape, |_| fills, &mut texts);
        } else {
            for place in places {
                combine(&shape, |at| if at == place { fills } else { &words }, &mut texts);
            }
        }
        if texts.len() > MAX_TEXTS {
            break;
        }
    }
    texts
}

/// All combinations, each place with its own fills, as far as there is room.
fn combine<'a>(shape: &Shape, fills: impl Fn(usize) -> &'a [String], texts: &mut Vec<String>) {
    let mut partial = vec![String::new()];
    for (at, piece) in shape.iter().enumerate() {
        match piece {
            Piece::Text(text) => partial.iter_mut().for_each(|start| start.push_str(text)),
            Piece::Open(open) => {
                let options = open.options(fills(at));
                partial.truncate((MAX_TEXTS / options.len().max(1)).max(1));
                partial = partial
                    .iter()
                    .flat_map(|start| options.iter().map(move |option| format!("{start}{option}")))
                    .collect();
            }
        }
        partial.retain(|text| text.len() <= LONGEST);
    }
    texts.extend(partial);
}

/// How much work it is to judge a text by the pattern, in about as many steps for each character.
pub(super) fn weight(pattern: &Pattern) -> u64 {
    fn of(node: &Node) -> u64 {
        match &node.kind {
            Kind::Concat(nodes) | Kind::Alternate(nodes) => nodes.iter().map(of).fold(1, u64::saturating_add),
            Kind::Group(node) => of(node),
            Kind::Repeat { min, max, node } => {
                let copies = u64::from(max.unwrap_or(*min).max(*min).max(1));
                of(node).saturating_mul(copies).saturating_add(1)
            }
            _ => 1,
        }
    }
    of(pattern.syntax())
}

/// The text of a pattern that is plain but for bare dots, which most writers mean as dots.
pub(super) fn dotted(pattern: &Pattern) -> Option<String> {
    let [shape] = shapes(pattern).0.try_into().ok()?;
    shape
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Open(Open { ranges: None, min: 1, max: 1 }) => Some(".".to_owned()),
            Piece::Open(_) => None,
        })
        .collect()
}

/// Each way through a pattern: its plain texts in order, and nothing where it is open. Nothing at all where there are too
/// many ways.
pub(super) fn literals(pattern: &Pattern) -> Option<Vec<Vec<Option<String>>>> {
    let (all, complete) = shapes(pattern);
    let text = |piece: Piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Open(_) => None,
    };
    let ways: Vec<Vec<_>> = all.into_iter().map(|shape| shape.into_iter().map(text).collect()).collect();
    (complete && !ways.is_empty()).then_some(ways)
}

/// Texts with nothing but the least that fits in the open places, bare dots taken literally.
pub(super) fn plain(pattern: &Pattern) -> Vec<String> {
    texts(pattern, &[])
}

impl Open {
    fn options(&self, fills: &[String]) -> Vec<String> {
        let fitting = fills.iter().filter(|fill| self.takes(fill)).cloned();
        fitting.chain(self.least()).collect()
    }

    fn takes(&self, text: &str) -> bool {
        let length = text.chars().count();
        let allowed = |c: char| match &self.ranges {
            None => c != '\n',
            Some(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)),
        };
        (self.min..=self.max).contains(&length) && text.chars().all(allowed)
    }

    /// A single dot stands for itself most of the time; for others, a letter or digit where one is allowed.
    fn least(&self) -> Option<String> {
        let c = match &self.ranges {
            None if self.max == 1 => '.',
            None => 'x',
            Some(ranges) => ['x', '1', 'X', '/', ':', '-', '.', '@']
                .into_iter()
                .find(|c| ranges.iter().any(|(from, to)| (from..=to).contains(&c)))
                .or_else(|| ranges.iter().map(|(from, _)| *from).find(|c| c.is_ascii_graphic()))?,
        };
        (self.min <= LONGEST).then(|| c.to_string().repeat(self.min))
    }
}

/// Follows a tree's ways.
struct Walk {
    /// Whether none was left out.
    complete: bool,
}

fn shapes(pattern: &Pattern) -> (Vec<Shape>, bool) {
    let mut walk = Walk { complete: true };
    let shapes = walk.shapes(pattern.syntax());
    (shapes, walk.complete)
}

impl Walk {
    fn shapes(&mut self, node: &Node) -> Vec<Shape> {
        match &node.kind {
            Kind::Empty | Kind::Assertion(_) => vec![Vec::new()],
            // Where letter case does not matter, most values are in small letters.
            Kind::Literal { text, any_case: true, .. } => {
                vec![vec![Piece::Text(text.to_ascii_lowercase().to_string())]]
            }
            Kind::Literal { text, .. } => vec![vec![Piece::Text(text.to_string())]],
            Kind::Dot { .. } | Kind::Class { .. } => {
                open(node, 1, 1).map(|open| vec![vec![Piece::Open(open)]]).unwrap_or_default()
            }
            Kind::Group(inner) => self.shapes(inner),
            Kind::Alternate(branches) => {
                let all = branches.iter().flat_map(|branch| self.shapes(branch)).collect();
                self.bounded(all)
            }
            Kind::Concat(parts) => parts.iter().fold(vec![Vec::new()], |before, part| {
                let after = self.shapes(part);
                self.product(&before, &after)
            }),
            Kind::Repeat { min, max, node } => self.repeated(*min, *max, node),
        }
    }

    fn repeated(&mut self, min: u32, max: Option<u32>, node: &Node) -> Vec<Shape> {
        let least = usize::try_from(min).unwrap_or(usize::MAX);
        let most = max.map_or(LONGEST, |max| usize::try_from(max).unwrap_or(LONGEST));
        if let Some(open) = open(node, least, most) {
            return vec![vec![Piece::Open(open)]];
        }
        let mut all = Vec::new();
        if most > 0 {
            let copies = least.clamp(1, MAX_PIECES);
            // What comes in further rounds is not followed, but left open.
            let rest = (most > copies).then_some(Piece::Open(Open { ranges: None, min: 0, max: LONGEST }));
            all.extend(self.shapes(node).into_iter().map(|shape| {
                let pieces = shape.iter().cycle().take(shape.len() * copies);
                merged(pieces.chain(&rest))
            }));
        }
        if min == 0 {
            all.push(Vec::new());
        }
        self.bounded(all)
    }

    fn product(&mut self, before: &[Shape], after: &[Shape]) -> Vec<Shape> {
        let pairs =
            before.iter().flat_map(|start| after.iter().map(move |end| merged(start.iter().chain(end))));
        let all = pairs.take(MAX_SHAPES + 1).collect();
        self.bounded(all)
    }

    fn bounded(&mut self, mut all: Vec<Shape>) -> Vec<Shape> {
        let before = all.len();
        all.retain(|shape| shape.len() <= MAX_PIECES);
        self.complete &= all.len() == before && before <= MAX_SHAPES;
        all.truncate(MAX_SHAPES);
        all
    }
}

/// The place that a dot or class opens, also inside a group; a class of one character opens none.
fn open(node: &Node, min: usize, max: usize) -> Option<Open> {
    match &node.kind {
        Kind::Group(inner) => open(inner, min, max),
        Kind::Dot { .. } => Some(Open { ranges: None, min, max }),
        Kind::Class { ranges, .. } => Some(Open { ranges: Some(ranges.clone()), min, max }),
        _ => None,
    }
}

fn merged<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Shape {
    let mut shape: Shape = Vec::new();
    for piece in pieces.take(LONGEST) {
        match (shape.last_mut(), piece) {
            (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(more),
            _ => shape.push(piece.clone()),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::compile(text).unwrap()
    }

    #[test]
    fn fills_open_places_with_what_fits() {
        let fills = ["evil".to_owned(), "42".to_owned()];
        for (text, expected) in [
            ("a", &["a"][..]),
            ("a.*", &["aevil", "a42", "a"]),
            ("a.+", &["aevil", "a42", "ax"]),
            ("[0-9]+", &["42", "1"]),
            ("[0-9]{3}", &["111"]),
            ("(a|b)c?", &["ac", "a", "bc", "b"]),
            ("a.b", &["a.b"]),
            ("[.]", &["."]),
            ("^a$", &["a"]),
            ("(?i)AB", &["ab"]),
            ("(ab){2}", &["abab"]),
            (r"\d{0}x", &["x"]),
        ] {
            assert_eq!(texts(&pattern(text), &fills), expected, "{text}");
        }
    }

    #[test]
    fn dots_alone_are_taken_for_dots() {
        for (text, expected) in [
            ("a.b", Some("a.b")),
            (r"a\.b", Some("a.b")),
            ("a.*b", None),
            ("(a|b)", None),
            ("a[0-9]", None),
            ("", Some("")),
        ] {
            assert_eq!(dotted(&pattern(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn plain_parts_are_known_or_nothing_is_said() {
        let ways = |text: &str| -> Option<Vec<String>> {
            let join = |way: Vec<Option<String>>| {
                way.into_iter().map(|part| part.unwrap_or("_".to_owned())).collect()
            };
            Some(literals(&pattern(text))?.into_iter().map(join).collect())
        };
        assert_eq!(ways("ab.*c"), Some(vec!["ab_c".to_owned()]));
        assert_eq!(ways("(a|b)*c"), Some(vec!["a_c".to_owned(), "b_c".to_owned(), "c".to_owned()]));
        assert_eq!(ways(&"(a|b)".repeat(10)), None);
        assert_eq!(ways(&"a?".repeat(100)), None);
    }

    #[test]
    fn is_bounded() {
        for text in ["(.*){900}", &".*".repeat(200), &"(a|b|.*)".repeat(50), &"(a*b*)*".repeat(40)] {
            let fills: Vec<String> = (0..40).map(|n| n.to_string()).collect();
            assert!(texts(&pattern(text), &fills).len() <= MAX_TEXTS * (MAX_PIECES + 1), "{text:.20}");
        }
    }
}
