//! What begins with a backslash.

use super::super::set::CharSet;
use super::super::syntax::{Assertion, Kind};
use super::super::unicode::{self, Named};
use super::{INVALID_CLASS_RANGE, INVALID_ESCAPE, Parser, Refused, TRAILING_BACKSLASH};

impl Parser<'_> {
    /// Reads an escape outside of `[…]`.
    pub(super) fn backslash(&mut self) -> Result<(), Refused> {
        let start = self.at;
        let assertion = match self.rest().as_bytes().get(1) {
            Some(b'A') => Assertion::TextStart,
            Some(b'z') => Assertion::TextEnd,
            Some(b'b') => Assertion::WordBoundary,
            Some(b'B') => Assertion::NotWordBoundary,
            Some(b'Q') => {
                self.quoted();
                return Ok(());
            }
            _ => {
                if let Some(set) = self.escaped_class()? {
                    self.set(start, set);
                } else {
                    let code = self.escaped_char()?;
                    self.literal(start, code, true);
                }
                return Ok(());
            }
        };
        self.at += 2;
        self.push(start, Kind::Assertion(assertion), false);
        Ok(())
    }

    /// Reads `\Q…\E`, or to the end without a `\E`.
    fn quoted(&mut self) {
        self.at += 2;
        let rest = self.rest();
        let (text, ended) = rest.split_once(r"\E").map_or((rest, 0), |(text, _)| (text, 2));
        for c in text.chars() {
            let start = self.at;
            self.next();
            self.literal(start, u32::from(c), true);
        }
        self.at += ended;
    }

    /// Reads `\d`, `\pL` and the like, if that is what comes.
    pub(super) fn escaped_class(&mut self) -> Result<Option<CharSet>, Refused> {
        let Some(letter) = self.rest().strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            return Ok(None);
        };
        let ranges: &[(u8, u8)] = match letter.to_ascii_lowercase() {
            'd' => &[(b'0', b'9')],
            's' => &[(b'\t', b'\n'), (0xc, b'\r'), (b' ', b' ')],
            'w' => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
            'p' => return self.unicode_class(letter == 'P').map(Some),
            _ => return Ok(None),
        };
        self.at += 2;
        Ok(Some(self.with_flags(CharSet::of(ranges), letter.is_ascii_uppercase())))
    }

    /// A named class as the flags have it.
    pub(super) fn with_flags(&self, set: CharSet, negated: bool) -> CharSet {
        let set = if self.flags.any_case { set.any_case() } else { set };
        if negated { set.negated() } else { set }
    }

    fn unicode_class(&mut self, negated: bool) -> Result<CharSet, Refused> {
        let start = self.at;
        let rest = self.rest();
        self.at += 2;
        let name = if self.next() == Some('{') {
            let Some(end) = rest.find('}') else {
                return Err(Refused::new(INVALID_CLASS_RANGE, start..start + rest.len()));
            };
            self.at = start + end + 1;
            rest.get(3..end).unwrap_or_default()
        } else {
            rest.get(2..self.at - start).unwrap_or_default()
        };
        let (name, negated) = name.strip_prefix('^').map_or((name, negated), |name| (name, !negated));
        match unicode::named(name) {
            Named::Class(set) => Ok(self.with_flags(set, negated)),
            Named::Nothing => Err(Refused::new(INVALID_CLASS_RANGE, start..self.at)),
            Named::Unsure => {
                let refused = Refused::new(INVALID_CLASS_RANGE, start..self.at);
                self.doubt(format!(
                    "uses the class `{name}`, and whether the server knows that one is not known"
                ));
                self.unsure_name.get_or_insert(refused);
                Ok(CharSet::known_in_ascii(&[]))
            }
        }
    }

    /// Reads an escape that stands for one character.
    pub(super) fn escaped_char(&mut self) -> Result<u32, Refused> {
        let start = self.at;
        self.next();
        let Some(c) = self.next() else {
            return Err(Refused { what: TRAILING_BACKSLASH, shown: 0..0, at: start..self.at });
        };
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        match c {
            // A single digit would refer to a group, which RE2 cannot.
            '1'..='7' if octal(self.peek()).is_none() => {}
            '0'..='7' => {
                let mut code = octal(Some(c)).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = octal(self.peek()) else { break };
                    self.next();
                    code = code * 8 + digit;
                }
                return Ok(code);
            }
            'x' => {
                if let Some(code) = self.hexadecimal() {
                    return Ok(code);
                }
            }
            'a' => return Ok(0x7),
            'f' => return Ok(0xc),
            'n' => return Ok(0xa),
            'r' => return Ok(0xd),
            't' => return Ok(0x9),
            'v' => return Ok(0xb),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(u32::from(c)),
            _ => {}
        }
        Err(Refused::new(INVALID_ESCAPE, start..self.at))
    }

    /// What follows `\x`: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let second = self.next();
            return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let mut code = None;
        loop {
            match self.next()? {
                '}' => return code,
                c => {
                    let value = code.unwrap_or(0) * 16 + c.to_digit(16)?;
                    code = Some(value).filter(|value| *value <= u32::from(char::MAX));
                    code?;
                }
            }
        }
    }
}
