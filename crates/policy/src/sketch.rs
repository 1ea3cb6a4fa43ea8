//! What stands in a policy file, right or wrong, with its places: what lints look at.

use gatepass_yaml::{Path, Position};

use crate::lint::Finding;
use crate::{ParseError, PolicyKind, TrustPolicy, read};

/// A policy file, read as far as it can be.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The text fields that are there and not null (`issuer` … `audience_pattern`), by the name that the server knows them
    /// by. One that is given twice in different letter case is here once, with the value that counts.
    pub texts: Vec<Spot>,
    /// The entries of `claim_pattern`. A null is an empty pattern.
    pub claims: Vec<Spot>,
    /// Where `permissions` is, if it is there.
    pub permissions_at: Option<Position>,
    /// The entries of `permissions` that are not null: by the name that the server knows them by, or else as written.
    pub permissions: Vec<Spot>,
    /// Where `repositories` is, if it is there.
    pub repositories_at: Option<Position>,
    /// Its elements, in an organisation's policy; the name is empty.
    pub repositories: Vec<Spot>,
    /// The fields of which nothing more should be said: those that are there but cannot be read, and those that were most
    /// likely meant by an unknown key.
    pub unread: Vec<&'static str>,
    /// Where the policy begins: the place of what is missing.
    pub root: Position,
    /// Where another document begins, which the server does not read.
    pub second_document: Option<Position>,
    /// All that is wrong with the file as a file and as a policy, in the order of the text: everything for which the server
    /// refuses it, or of which it is not known what the server makes; and where it reads something else than is written
    /// (`Coerced`, `RepeatedKey` in another letter case, `SecondDocument`).
    pub problems: Vec<Finding>,
    /// What [`TrustPolicy::parse`] makes of it.
    pub policy: Result<TrustPolicy, ParseError>,
    pub(crate) source: String,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// As the server knows it, where it knows it.
    pub name: String,
    /// The way to it.
    pub path: Path,
    /// Where the key is.
    pub key: Position,
    /// Where the value is.
    pub value: Position,
    /// The text that the server gets.
    pub text: String,
    /// How it is written.
    pub written: Written,
}

/// How a text is written in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// Without quotes, and text.
    Bare,
    /// Without quotes, and a number or boolean to YAML 1.1: the server makes text of it, or refuses it.
    Coerced,
    /// In quotes, or as a block.
    Quoted,
}

impl Sketch {
    /// Reads the bytes of a file as the server does, and goes on where the server stops. Bounded in time and memory,
    /// whatever the bytes are.
    pub fn read(bytes: &[u8], kind: PolicyKind) -> Self {
        read::sketch(bytes, kind)
    }

    /// The field of this name, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<&Spot> {
        self.texts.iter().find(|spot| spot.name == name && !spot.text.is_empty())
    }

    /// Where in the file the character at `offset` (in bytes) of a spot's text stands; where that cannot be told, because
    /// lines are folded or an alias is used, where the value begins.
    pub fn position_in(&self, spot: &Spot, offset: usize) -> Position {
        read::within(&self.source, spot.value, &spot.text, offset)
    }
}
