//! `[…]`.

use super::super::set::CharSet;
use super::{INVALID_CLASS_RANGE, MISSING_BRACKET, Parser, Refused};

impl Parser<'_> {
    /// Reads a class in brackets.
    pub(super) fn class(&mut self) -> Result<(), Refused> {
        let start = self.at;
        self.next();
        let negated = self.eat('^');
        let mut set = CharSet::default();
        let mut first = true;
        // A `]` that comes first is one of the characters.
        while first || self.peek() != Some(']') {
            first = false;
            let part = match self.posix_class()? {
                None => self.escaped_class()?,
                part => part,
            };
            match part {
                Some(part) => set.union(part),
                None => set.union(self.range(start)?),
            }
        }
        self.next();
        self.set(start, if negated { set.negated() } else { set });
        Ok(())
    }

    /// Reads `[:alpha:]`, if that is what comes.
    fn posix_class(&mut self) -> Result<Option<CharSet>, Refused> {
        let start = self.at;
        let Some(after) = self.rest().strip_prefix("[:").filter(|_| self.posix_may_end) else {
            return Ok(None);
        };
        let Some(length) = after.find(":]") else {
            // None comes later either; looking again and again would take quadratic time.
            self.posix_may_end = false;
            return Ok(None);
        };
        self.at += length + 4;
        let name = after.get(..length).unwrap_or_default();
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(ranges) = posix(name) else {
            return Err(Refused::new(INVALID_CLASS_RANGE, start..self.at));
        };
        Ok(Some(self.with_flags(CharSet::of(ranges), negated)))
    }

    /// Reads `a` or `a-z`, in the class that began at `class`.
    fn range(&mut self, class: usize) -> Result<CharSet, Refused> {
        let start = self.at;
        let from = self.class_char(class)?;
        let mut to = from;
        // A `-` before the end is one of the characters.
        if self.rest().strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(']')) {
            self.next();
            to = self.class_char(class)?;
            if to < from {
                return Err(Refused::new(INVALID_CLASS_RANGE, start..self.at));
            }
        }
        let mut set = CharSet::default();
        set.add(from, to);
        Ok(self.with_flags(set, false))
    }

    fn class_char(&mut self, class: usize) -> Result<u32, Refused> {
        if self.peek() == Some('\\') {
            return self.escaped_char();
        }
        self.next().map(u32::from).ok_or_else(|| {
            let shown = class..self.at;
            Refused { what: MISSING_BRACKET, shown, at: class..class + 1 }
        })
    }
}

/// The characters of a POSIX class.
fn posix(name: &str) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(b'0', b'9')],
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    })
}
