//! Sets of characters, as the classes of a pattern make them.

use super::syntax::Kind;

/// The last of ASCII.
const ASCII_END: u32 = 0x7f;

/// The last code point.
const END: u32 = 0x10_ffff;

/// The last code point that has another letter case in Go's tables. Newer tables only ever add some before it.
const LAST_WITH_CASE: u32 = 0x1_e943;

/// The two characters beyond ASCII that are another letter case of ASCII ones: the long s and the Kelvin sign.
const ODD_CASES: [(u32, [u32; 2]); 2] = [(0x17f, [0x53, 0x73]), (0x212a, [0x4b, 0x6b])];

/// Code points. Surrogates may be among them, as Go lets one write them.
#[derive(Clone, Debug, Default)]
pub(super) struct CharSet {
    /// From and to, both included, in any order.
    ranges: Vec<(u32, u32)>,
    /// Whether there may be more beyond ASCII: it depends on tables of Unicode that are not kept here.
    unknown: bool,
}

impl CharSet {
    /// The ASCII characters within these ranges, and an unknown part beyond ASCII.
    pub(super) fn known_in_ascii(ranges: &[(u8, u8)]) -> Self {
        Self { unknown: true, ..Self::of(ranges) }
    }

    /// The ASCII characters within these ranges.
    pub(super) fn of(ranges: &[(u8, u8)]) -> Self {
        let ranges = ranges.iter().map(|&(from, to)| (from.into(), to.into())).collect();
        Self { ranges, unknown: false }
    }

    /// Every code point.
    pub(super) fn all() -> Self {
        Self { ranges: vec![(0, END)], unknown: false }
    }

    /// Adds the code points from `from` to `to`.
    pub(super) fn add(&mut self, from: u32, to: u32) {
        // A surrogate that is written out never stands in a text, but Go looks for U+FFFD instead of some.
        let surrogate = |code| (0xd800..0xe000).contains(&code);
        self.unknown |= surrogate(from) || surrogate(to);
        self.ranges.push((from, to));
    }

    /// Adds everything that is in `other`.
    pub(super) fn union(&mut self, other: Self) {
        self.ranges.extend(other.ranges);
        self.unknown |= other.unknown;
    }

    /// Together with all other letter cases.
    pub(super) fn any_case(mut self) -> Self {
        for (from, to) in self.ranges.clone() {
            self.fold(from, to);
        }
        self
    }

    fn fold(&mut self, from: u32, to: u32) {
        for (first, last, other) in [(0x41_u32, 0x5a_u32, 0x61_u32), (0x61, 0x7a, 0x41)] {
            let (from, to) = (from.max(first), to.min(last));
            if from <= to {
                self.ranges.push((from - first + other, to - first + other));
            }
        }
        for (odd, ascii) in ODD_CASES {
            if ascii.iter().any(|letter| (from..=to).contains(letter)) {
                self.ranges.push((odd, odd));
            }
            if (from..=to).contains(&odd) {
                self.ranges.extend(ascii.map(|letter| (letter, letter)));
            }
        }
        let beyond = from.max(ASCII_END + 1);
        let all = beyond == ASCII_END + 1 && to >= LAST_WITH_CASE;
        let odd = beyond == to && ODD_CASES.iter().any(|(odd, _)| *odd == to);
        self.unknown |= beyond <= to && beyond <= LAST_WITH_CASE && !all && !odd;
    }

    /// Everything else.
    pub(super) fn negated(mut self) -> Self {
        self.tidy();
        let mut next = 0;
        let mut others = Vec::with_capacity(self.ranges.len() + 1);
        for (from, to) in self.ranges {
            if next < from {
                others.push((next, from - 1));
            }
            next = to + 1;
        }
        if next <= END {
            others.push((next, END));
        }
        if self.unknown {
            others.retain(|(from, _)| *from <= ASCII_END);
            if let Some((_, to)) = others.last_mut() {
                *to = ASCII_END.min(*to);
            }
        }
        Self { ranges: others, unknown: self.unknown }
    }

    /// Sorts and merges the ranges.
    fn tidy(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|(from, to), (_, before)| {
            let touches = *from <= before.saturating_add(1);
            if touches {
                *before = (*before).max(*to);
            }
            touches
        });
    }

    /// As a class of a pattern.
    pub(super) fn into_class(mut self) -> Kind {
        self.tidy();
        let ranges = self.ranges.into_iter().filter_map(|(from, to)| {
            let from = char::from_u32(from).unwrap_or('\u{e000}');
            let to = char::from_u32(to).unwrap_or('\u{d7ff}');
            (from <= to).then_some((from, to))
        });
        Kind::Class { ranges: ranges.collect(), beyond_ascii_unknown: self.unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> CharSet {
        let mut set = CharSet::default();
        for &(from, to) in ranges {
            set.add(from, to);
        }
        set
    }

    #[track_caller]
    fn is(set: CharSet, expected: &[(char, char)], unknown: bool) {
        assert_eq!(
            set.into_class(),
            Kind::Class { ranges: expected.to_vec(), beyond_ascii_unknown: unknown }
        );
    }

    #[test]
    fn merges_and_negates() {
        is(set(&[(0x63, 0x64), (0x61, 0x62), (0x61, 0x61), (0x66, 0x66)]), &[('a', 'd'), ('f', 'f')], false);
        is(set(&[]).negated(), &[('\0', char::MAX)], false);
        is(CharSet::all().negated(), &[], false);
        is(set(&[(0, 0x60), (0x62, END)]).negated(), &[('a', 'a')], false);
        is(set(&[(0xd7ff, 0xe000)]), &[('\u{d7ff}', '\u{e000}')], false);
        is(set(&[(0xd800, 0xd800)]), &[], true);
        is(CharSet::known_in_ascii(&[(b'a', b'z')]).negated(), &[('\0', '`'), ('{', '\u{7f}')], true);
        is(CharSet::known_in_ascii(&[]).negated(), &[('\0', '\u{7f}')], true);
        is(CharSet::known_in_ascii(&[(0, 0x7f)]).negated(), &[], true);
    }

    #[test]
    fn folds() {
        is(set(&[(0x61, 0x61)]).any_case(), &[('A', 'A'), ('a', 'a')], false);
        is(set(&[(0x6b, 0x6b)]).any_case(), &[('K', 'K'), ('k', 'k'), ('\u{212a}', '\u{212a}')], false);
        is(set(&[(0x17f, 0x17f)]).any_case(), &[('S', 'S'), ('s', 's'), ('ſ', 'ſ')], false);
        is(set(&[(0x30, 0x39)]).any_case(), &[('0', '9')], false);
        is(set(&[(0xe9, 0xe9)]).any_case(), &[('é', 'é')], true);
        is(set(&[(0x2_0000, 0x2_0001)]).any_case(), &[('\u{20000}', '\u{20001}')], false);
        is(set(&[(0x5b, END)]).any_case(), &[('A', char::MAX)], false);
    }
}
