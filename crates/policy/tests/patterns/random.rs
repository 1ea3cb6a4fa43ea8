//! Random patterns, and values that they nearly or really match.

use gatepass_policy::Pattern;
use gatepass_policy::pattern::syntax::{Kind, Node};

/// Small, fixed and good enough (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % u64::try_from(end).unwrap()) as usize
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// What has a good chance of being a pattern.
    pub(crate) fn pattern(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 12 }) {
            0..3 => self.pick(ATOMS).to_owned(),
            3 => self.class(),
            4..8 => (0..self.below(5)).map(|_| self.pattern(depth - 1)).collect(),
            8 => format!("{}|{}", self.pattern(depth - 1), self.pattern(depth - 1)),
            9 => format!(
                "{}{})",
                self.pick(&["(", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:", "(?P<n>", "(?<n>", "(?im-s:"]),
                self.pattern(depth - 1)
            ),
            _ => format!("{}{}", self.pattern(depth - 1), self.pick(REPEATS)),
        }
    }

    fn class(&mut self) -> String {
        let parts: String = (0..=self.below(4)).map(|_| self.pick(CLASS_PARTS)).collect();
        format!("[{}{parts}]", self.pick(&["", "", "^"]))
    }

    /// What has hardly a chance of being one.
    pub(crate) fn rubble(&mut self) -> String {
        (0..self.below(12))
            .map(|_| match self.below(4) {
                0 => self.pick(ATOMS),
                1 => self.pick(CLASS_PARTS),
                2 => self.pick(REPEATS),
                _ => self.pick(RUBBLE),
            })
            .collect()
    }

    /// What is near the limit of how deep a pattern may nest.
    pub(crate) fn deep(&mut self) -> String {
        let depth = 940 + self.below(120);
        let styles =
            [("(", &[")", ")", "|b)", "a)", "{1})"][..]), ("(?:", &[")*", "a*)?", ")+", "|[ab]+)*"][..])];
        let (open, closes) = styles[self.below(2)];
        let plain = self.below(2) == 0;
        let closes: String = (0..depth).map(|_| if plain { closes[0] } else { self.pick(closes) }).collect();
        format!("{}a{closes}", open.repeat(depth))
    }

    /// A text that a piece of a pattern matches, assertions aside.
    fn example(&mut self, node: &Node, text: &mut String) {
        match &node.kind {
            Kind::Literal { text: c, .. } => text.push(*c),
            Kind::Dot { .. } => text.push_str(self.pick(VALUES)),
            Kind::Class { ranges, .. } if !ranges.is_empty() => {
                let (from, to) = ranges[self.below(ranges.len())];
                let near = char::from_u32(u32::from(from) + u32::try_from(self.below(40)).unwrap());
                text.push(near.filter(|c| *c <= to).unwrap_or(to));
            }
            Kind::Concat(nodes) => nodes.iter().for_each(|node| self.example(node, text)),
            Kind::Alternate(nodes) => {
                let chosen = self.below(nodes.len());
                self.example(&nodes[chosen], text);
            }
            Kind::Group(node) => self.example(node, text),
            Kind::Repeat { min, max, node } => {
                let more = max.map_or(2, |max| max - min).min(2);
                for _ in 0..*min + u32::try_from(self.below(3)).unwrap().min(more) {
                    if text.len() < 2_000 {
                        self.example(node, text);
                    }
                }
            }
            _ => {}
        }
    }

    /// Values that a pattern has a good chance to match, or nearly.
    pub(crate) fn values(&mut self, pattern: &str) -> Vec<String> {
        let mut values: Vec<String> = (0..4).map(|_| self.value()).collect();
        if let Ok(pattern) = Pattern::compile(pattern) {
            for _ in 0..3 {
                let mut text = String::new();
                self.example(pattern.syntax(), &mut text);
                values.push(format!("{text}{}", self.pick(VALUES)));
                values.push(text.chars().skip(1).collect());
                values.push(text);
            }
        }
        values
    }

    fn value(&mut self) -> String {
        (0..self.below(7)).map(|_| self.pick(VALUES)).collect()
    }
}

#[rustfmt::skip]
const ATOMS: &[&str] = &[
    "a", "b", "k", "K", "S", "é", "É", "_", "0", "-", "/", ".", ".", ".*", "a*", "^", "$", r"\A", r"\z",
    r"\b", r"\B", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\pL", r"\PL", r"\p{Lu}", r"\P{Greek}",
    r"\p{^Latin}", r"\.", r"\-", r"\n", "\n", r"\x41", r"\x{e9}", r"\Qa.\E", r"\101", "{", "}", "]", ",",
    "(?i)", "(?s)", "(?m)", "(?U)", "(?-i)", "ſ", "\u{212a}", r"\x{17f}", "()", "(?:)", r"\p{any}",
    r"\p{punct}", r"\PN", "日", "ab", "ba", r"\x{d800}", r"\p{Common}", r"\P{ASCII}", r"\p{^assigned}", r"\p{Klingon}",
    "(?i)k", "(?i)S", "(?i)[a-z]", "(?i)[^k]",
];
#[rustfmt::skip]
const CLASS_PARTS: &[&str] = &[
    "a", "b", "k", "z", "A", "K", "s", "-", "a-z", "A-Z", "0-9", "b-a", "é", "à-ü", r"\d", r"\D", r"\w",
    r"\W", r"\s", r"\pL", r"\P{Lu}", "[:alpha:]", "[:^alpha:]", "[:space:]", "[:word:]", "[:foo:]", "[:",
    ":]", "[", "^", "&&", "~~", r"\]", r"\-", r"\n", "\n", r"\x00-\x{10ffff}", r"\x{d800}-\x{dfff}",
    r"\p{Greek}", r"\p{^Any}", "!-~", "ſ", "\u{212a}", r"\b", r"\Q", "é-", "-z", "]",
];
#[rustfmt::skip]
const REPEATS: &[&str] = &[
    "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0}", "{1,}", "{0,}?", "{,2}", "{2,1}", "{33}",
    "{1000}", "{1001}", "{02}", "{2", "{99999999999}", "{500}", "{2,}", "{0,0}", "{3}", "{0,1}", "{30,}",
];
#[rustfmt::skip]
const RUBBLE: &[&str] = &[
    "(", ")", "|", "[", "]", "[^", "(?", "(?i", "(?P<", "(?P<n>", "(?<", "(?P=n)", "(?=", "(?!", "(?<=",
    "(?#", "(?x)", "(?-)", "(?i-", ">", ":", "\\", r"\p", r"\p{", r"\P{^", r"\pX", r"\p{Foo1}", r"\p{Greek",
    r"\x", r"\x{", r"\x{110000}", r"\x{}", r"\xZ", r"\x4", r"\8", r"\1", r"\07", r"\777", r"\C", r"\Z",
    r"\Q", r"\E", r"\é", r"\e", r"\u0041", r"\<", r"\_", r"\ ", "[[:", "{", "}", "{1", "1}", "[a-",
    r"[a-\d]", r"[\d-z]", r"\G", "é", "a)|(?:b", ")(", "(?i:", "(?ims-U:", "(?--i)", "-", "\n",
];
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "a", "b", "k", "K", "s", "S", "A", "B", "é", "É", "_", "0", "9", "-", "/", ".", "\n", " ", "\t", "ſ",
    "\u{212a}", "日", "aa", "ab", "ba", "{", "}", "]", "[", "\u{b}", "z", "Z", "α", "\u{0}", "&", "$", "^",
    "\\", "\u{10ffff}", "\u{fffd}",
];
