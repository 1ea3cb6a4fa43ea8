//! From text to the tree.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::{Kind, Node, Position};

/// How deep lists and mappings may nest, aliases written out. Everything that walks a tree may recurse.
pub const MAX_DEPTH: usize = 64;

/// How many keys and values a document may have, aliases written out.
pub const MAX_NODES: usize = 100_000;

/// How many bytes of text the scalars of a document may have, aliases written out.
pub const MAX_TEXT: usize = 8 * 1024 * 1024;

/// A text that is not YAML, or more than the bounds allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct SyntaxError {
    /// Where the reader stumbled.
    pub position: Position,
    /// What is wrong, without the place.
    pub message: String,
    /// Whether only [`MAX_NODES`] or [`MAX_TEXT`] are in the way: to other readers it may well be YAML.
    pub too_large: bool,
}

/// The first document of a text, and what stands after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    root: Node,
    anchors: Vec<(Position, String)>,
    rest: Option<SyntaxError>,
}

impl Document {
    /// The document, which must be the only one.
    ///
    /// # Errors
    /// When a second one starts, or when what follows cannot be read.
    pub fn single(self) -> Result<Node, SyntaxError> {
        self.rest.map_or(Ok(self.root), Err)
    }

    /// The document, whatever follows it. Go's readers do the same: after a `---` nothing counts.
    pub fn first(self) -> Node {
        self.root
    }

    /// The document, to look at.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The names that `&name` gives to nodes, and where it does.
    pub fn anchors(&self) -> &[(Position, String)] {
        &self.anchors
    }

    /// Whether anything follows the document.
    pub fn has_more(&self) -> bool {
        self.rest.is_some()
    }
}

/// Reads the first document of `text`. A text without any is a document with a null in it.
///
/// Anchors and aliases are written out. A second document does not make this fail: [`Document::single`] does.
///
/// # Errors
/// When the document is not YAML, repeats a key, holds an alias to itself, or exceeds [`MAX_DEPTH`],
/// [`MAX_NODES`] or [`MAX_TEXT`].
pub fn parse(text: &str) -> Result<Document, SyntaxError> {
    document(text, Builder::default())
}

/// As [`parse`], but a key that a mapping repeats is no error: the tree holds all of them, in the order of the text, for
/// a caller that says more about them.
///
/// # Errors
/// As [`parse`], but for repeated keys.
pub fn parse_with_repeated_keys(text: &str) -> Result<Document, SyntaxError> {
    document(text, Builder { keeps_repeated: true, ..Builder::default() })
}

fn document(text: &str, mut builder: Builder) -> Result<Document, SyntaxError> {
    let options = granit_parser::options! { emit_comments: false, emit_anchor_events: true };
    let mut events = Parser::new_from_str_with_options(text, options);
    let root = loop {
        let Some(event) = events.next() else { break None };
        let (mut event, span) = event.map_err(|error| unreadable(&error))?;
        if span.end.byte_offset() == Some(text.len()) {
            take_back_line_break(&mut event, text);
        }
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            break builder.root.take();
        }
        let left_out = span.start.index() == span.end.index();
        builder.take(event, position(span.start), left_out)?;
    };
    let empty = Kind::Scalar { text: String::new(), plain: true };
    let root = root.unwrap_or(Node { position: Position::START, tag: None, kind: empty });
    Ok(Document { root, anchors: builder.names, rest: rest(events) })
}

/// The parser ends a block scalar with a line break even where the text ends without one. YAML keeps only what is
/// there, and so does Go's reader.
fn take_back_line_break(event: &mut Event<'_>, text: &str) {
    let last_line = text.rsplit('\n').next().unwrap_or_default().trim_start();
    if let Event::Scalar(value, ScalarStyle::Literal | ScalarStyle::Folded, ..) = event
        && let Some(kept) = value.strip_suffix('\n')
        && !last_line.is_empty()
        && kept.ends_with(last_line)
    {
        *value = kept.to_owned().into();
    }
}

/// What stands after the first document, as the error of someone who wants only one.
fn rest<'a>(events: impl Iterator<Item = granit_parser::ParseResult<'a>>) -> Option<SyntaxError> {
    for event in events {
        match event {
            Err(error) => return Some(unreadable(&error)),
            Ok((Event::StreamEnd, _)) => return None,
            Ok((Event::DocumentStart(..), span)) => {
                let message = "a second document starts here; only one is allowed".to_owned();
                return Some(SyntaxError { position: position(span.start), message, too_large: false });
            }
            Ok(_) => {}
        }
    }
    None
}

fn unreadable(error: &granit_parser::ScanError) -> SyntaxError {
    SyntaxError { position: position(*error.marker()), message: error.kind().to_string(), too_large: false }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

/// How much a subtree adds to the bounds.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text: usize,
    depth: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    size: Size,
    /// The key that waits for its value, in a mapping.
    key: Option<Node>,
    /// The keys so far, and where they stand.
    keys: HashMap<String, Position>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, Size)>,
    /// The anchors of what is still open: an alias to one of them would have no end.
    unfinished: HashSet<usize>,
    total: Size,
    /// What [`Document::anchors`] gives.
    names: Vec<(Position, String)>,
    keeps_repeated: bool,
}

impl Builder {
    /// `left_out`: the event has no text of its own, as the value of `key:`. The parser calls that `~`.
    fn take(&mut self, event: Event<'_>, position: Position, left_out: bool) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let text = if plain && left_out { String::new() } else { text.into_owned() };
                let size = Size { nodes: 1, text: text.len(), depth: 0 };
                let kind = Kind::Scalar { text, plain };
                let node = Node { position, tag: tag.as_deref().map(resolved), kind };
                self.count(size, position)?;
                self.finish(node, size, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(position, anchor, tag.as_deref(), Kind::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.begin(position, anchor, tag.as_deref(), Kind::Mapping(Vec::new()))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    self.unfinished.remove(&open.anchor);
                    self.finish(open.node, open.size, open.anchor)
                }
                None => Ok(()),
            },
            Event::Anchor(_, name) => {
                self.names.push((position, name.into_owned()));
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, position),
            _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        position: Position,
        anchor: usize,
        tag: Option<&Tag>,
        kind: Kind,
    ) -> Result<(), SyntaxError> {
        let size = Size { nodes: 1, text: 0, depth: 1 };
        self.count(size, position)?;
        if anchor != 0 {
            self.unfinished.insert(anchor);
        }
        let node = Node { position, tag: tag.map(resolved), kind };
        self.open.push(Open { node, anchor, size, key: None, keys: HashMap::new() });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, position: Position) -> Result<(), SyntaxError> {
        match self.anchors.get(&anchor) {
            Some((node, size)) => {
                let (mut node, size) = (node.clone(), *size);
                self.count(size, position)?;
                node.position = position;
                self.finish(node, size, 0)
            }
            None if self.unfinished.contains(&anchor) => {
                Err(error(position, "this alias stands inside what it refers to and would have no end"))
            }
            None => Err(error(position, "this alias refers to nothing")),
        }
    }

    /// Counts what is about to be added, before memory is spent on it in earnest.
    fn count(&mut self, size: Size, position: Position) -> Result<(), SyntaxError> {
        self.total.nodes += size.nodes;
        self.total.text += size.text;
        if self.total.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} keys and values, aliases written out");
            return Err(SyntaxError { too_large: true, ..error(position, &message) });
        }
        if self.total.text > MAX_TEXT {
            let message = format!("more than {MAX_TEXT} bytes of text, aliases written out");
            return Err(SyntaxError { too_large: true, ..error(position, &message) });
        }
        if self.open.len() + size.depth > MAX_DEPTH {
            return Err(error(position, &format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, size: Size, anchor: usize) -> Result<(), SyntaxError> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size.nodes += size.nodes;
        parent.size.text += size.text;
        parent.size.depth = parent.size.depth.max(size.depth + 1);
        match (&mut parent.node.kind, parent.key.take()) {
            (Kind::Sequence(elements), _) => elements.push(node),
            (Kind::Mapping(entries), Some(key)) => entries.push((key, node)),
            (Kind::Mapping(_), None) => {
                if !self.keeps_repeated
                    && let Some(text) = node.text()
                    && let Some(first) = parent.keys.insert(text.to_owned(), node.position)
                {
                    let message = format!("the key `{}` is given twice; first at {first}", brief(text));
                    return Err(error(node.position, &message));
                }
                parent.key = Some(node);
            }
            (Kind::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

fn resolved(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

fn error(position: Position, message: &str) -> SyntaxError {
    SyntaxError { position, message: message.to_owned(), too_large: false }
}

/// The beginning of a text, for a message: one line of about 40 characters, invisible ones escaped.
pub fn brief(text: &str) -> String {
    let mut brief = String::new();
    for c in text.chars().take(40) {
        match c {
            '"' | '\'' | '\\' => brief.push(c),
            _ => brief.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(40).is_some() {
        brief.push('…');
    }
    brief
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    fn root(text: &str) -> Node {
        parse(text).unwrap().single().unwrap()
    }

    fn refusal(text: &str) -> SyntaxError {
        parse(text).and_then(Document::single).unwrap_err()
    }

    #[test]
    fn keeps_places_styles_and_tags() {
        let text = "a: 1\n'b': \"x\\n\"\nc:\n  - !!str 2\n  - !own {k: v}\nd: |\n  text\ne:\nf: [é, ü]\n";
        let root = super::tests::root(text);
        assert_eq!(root.position, at(1, 1));
        let entries: Vec<_> = root.entries().iter().map(|(k, v)| (k.position, v.position)).collect();
        assert_eq!(
            entries,
            [
                (at(1, 1), at(1, 4)),
                (at(2, 1), at(2, 6)),
                (at(3, 1), at(4, 3)),
                (at(6, 1), at(7, 3)),
                (at(8, 1), at(8, 2)),
                (at(9, 1), at(9, 4)),
            ]
        );
        let scalar = |text: &str, plain| Kind::Scalar { text: text.to_owned(), plain };
        assert_eq!(root.get("a").unwrap().kind, scalar("1", true));
        assert_eq!(root.get("b").unwrap().kind, scalar("x\n", false));
        assert_eq!(root.get("d").unwrap().kind, scalar("text\n", false));
        assert_eq!(root.get("e").unwrap().kind, scalar("", true));
        let c = root.get("c").unwrap().elements();
        assert_eq!(c[0].tag.as_deref(), Some("tag:yaml.org,2002:str"));
        assert_eq!(c[1].tag.as_deref(), Some("!own"));
        for text in ["k: ~", "k: !!str ~"] {
            assert_eq!(parse(text).unwrap().first().get("k").unwrap().kind, scalar("~", true));
        }
        for text in ["k:", "{k: }", "{k}", "? k", "k: !!str", "k: &x", "{k: !!str , l: m}"] {
            assert_eq!(parse(text).unwrap().first().get("k").unwrap().kind, scalar("", true), "{text}");
        }
        assert_eq!(root.get("f").unwrap().elements()[1].position, at(9, 8));
    }

    #[test]
    fn an_empty_text_is_a_null() {
        for text in ["", "\n\n", "# nothing\n", "---\n", "\u{feff}"] {
            assert!(root(text).is_null(), "{text:?}");
        }
        assert_eq!(root("").position, Position::START);
    }

    #[test]
    fn only_the_first_document_counts() {
        for (text, place) in [("a: 1\n---\nb: 2\n", at(2, 1)), ("a: 1\n...\n---\n", at(3, 1))] {
            let document = parse(text).unwrap();
            assert!(document.has_more());
            assert_eq!(document.clone().first().get("a").unwrap().text(), Some("1"));
            let error = document.single().unwrap_err();
            assert_eq!(error.position, place, "{text:?}");
            assert_eq!(error.message, "a second document starts here; only one is allowed");
        }
        assert!(parse("a: 1\n---\n]broken: [\n").unwrap().has_more());
        assert!(!parse("a: 1\n...\n# end\n").unwrap().has_more());
    }

    #[test]
    fn aliases_are_written_out() {
        let root = root("a: &x [1, {k: v}]\nb: *x\nc: &y z\nd: *y\n");
        let (a, b) = (root.get("a").unwrap(), root.get("b").unwrap());
        assert_eq!(a.kind, b.kind);
        assert_eq!(b.position, at(2, 4));
        assert_eq!(root.get("d").unwrap().text(), Some("z"));
    }

    #[test]
    fn anchors_have_names_and_places() {
        let document = parse("a: &x [1, &y.z 2]\n&k b: &é\n  c: d\n").unwrap();
        let anchors: Vec<_> =
            document.anchors().iter().map(|(place, name)| (*place, name.as_str())).collect();
        assert_eq!(anchors, [(at(1, 4), "x"), (at(1, 11), "y.z"), (at(2, 1), "k"), (at(2, 7), "é")]);
        assert_eq!(document.first().get("b").unwrap().get("c").unwrap().text(), Some("d"));
    }

    #[test]
    fn a_block_ends_as_the_text_does() {
        for (text, value) in [
            ("k: |\n  a\n", "a\n"),
            ("k: |\n  a", "a"),
            ("k: |+\n  a\n\n", "a\n\n"),
            ("k: |+\n  a", "a"),
            ("k: |-\n  a", "a"),
            ("k: >\n  a\n  b", "a b"),
            ("k: |\n  a\n\n  b  ", "a\n\nb  "),
            ("k: |\n  a\n  ", "a\n"),
            ("k: |\n  a\n# a", "a\n"),
            ("k: |\n  # a\n# a", "# a\n"),
            ("k: |", ""),
        ] {
            assert_eq!(root(text).get("k").unwrap().text(), Some(value), "{text:?}");
        }
    }

    #[test]
    fn refuses_with_the_place() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        let many = format!("[{}]", "1,".repeat(MAX_NODES));
        let bomb = (1..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            format!("{text}a{level}: &a{level} [*a{below}, *a{below}]\n", below = level - 1)
        });
        let copies = format!("- &x {}\n{}", "y".repeat(100_000), "- *x\n".repeat(100));
        let grown =
            format!("- &x {}\n- {}*x{}\n", "[".repeat(40) + &"]".repeat(40), "[".repeat(30), "]".repeat(30));
        for (text, place, message) in [
            ("a: 1\nb: 2\na: 3\n", at(3, 1), "the key `a` is given twice; first at 1:1"),
            ("x: {'k': 1, k: 2}\n", at(1, 13), "the key `k` is given twice; first at 1:5"),
            (
                "a: &x [1, *x]\n",
                at(1, 11),
                "this alias stands inside what it refers to and would have no end",
            ),
            (&deep, at(1, 65), "nested deeper than 64 levels"),
            (&grown, at(2, 33), "nested deeper than 64 levels"),
            (&many, at(1, 200_000), "more than 100000 keys and values, aliases written out"),
            (&bomb, at(15, 18), "more than 100000 keys and values, aliases written out"),
            (&copies, at(84, 3), "more than 8388608 bytes of text, aliases written out"),
        ] {
            let error = refusal(text);
            assert_eq!((error.position, error.message.as_str()), (place, message), "{:.80}", text);
        }
        for text in ["a: [", "a: b: c", "*nobody", "\"open", "a:\n\t- b", "%YAML 3", "{a: 1", "- a\nb: 1"] {
            let error = refusal(text);
            assert!(!error.message.is_empty(), "{text:?}");
            assert!(error.to_string().starts_with(&error.position.to_string()));
        }
    }

    #[test]
    fn repeated_keys_are_kept_on_demand() {
        let document = parse_with_repeated_keys("a: 1\n'a': 2\nb: {c: 3, c: 4}\n").unwrap().first();
        let texts = |node: &Node| -> Vec<String> {
            node.entries()
                .iter()
                .filter_map(|(key, value)| Some(format!("{}={}", key.text()?, value.text()?)))
                .collect()
        };
        assert_eq!(texts(&document), ["a=1", "a=2"]);
        assert_eq!(texts(document.get("b").unwrap()), ["c=3", "c=4"]);
        assert!(parse_with_repeated_keys("a: [").is_err());
    }

    #[test]
    fn tells_bounds_from_syntax() {
        let many = format!("[{}]", "1,".repeat(MAX_NODES));
        let copies = format!("- &x {}\n{}", "y".repeat(100_000), "- *x\n".repeat(100));
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        for (text, too_large) in
            [(many.as_str(), true), (&copies, true), (&deep, false), ("a: [", false), ("*a", false)]
        {
            assert_eq!(refusal(text).too_large, too_large, "{text:.40}");
        }
    }

    #[test]
    fn brief_is_one_short_line() {
        assert_eq!(brief("it's \"so\"\n\u{202e}"), "it's \"so\"\\n\\u{202e}");
        assert_eq!(brief(&"x".repeat(41)), format!("{}…", "x".repeat(40)));
    }
}
