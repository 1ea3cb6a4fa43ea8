//! Why a value could not be filled: the error type behind the reader, before it has a path.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::{Node, nearest, parse::brief};

/// At most so many known names are listed when none is near.
const LISTED: usize = 12;

/// What went wrong, and at which node of the tree.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Compared with the nodes of the tree, never followed.
    pub(crate) place: Option<*const Node>,
    pub(crate) cause: Cause,
}

#[derive(Debug)]
pub(crate) enum Cause {
    /// A key that no field has, or a word that no variant has.
    Unknown {
        what: What,
        name: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    Other {
        message: String,
        help: Option<String>,
    },
    /// Only the consequence of a fault that has been recorded before.
    FollowUp,
}

/// What an unknown name was meant to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Key,
    Value,
}

impl Fault {
    pub(crate) fn other(message: impl Into<String>, help: Option<&str>) -> Self {
        Cause::Other { message: message.into(), help: help.map(str::to_owned) }.into()
    }

    pub(crate) fn with_help(mut self, advice: &str) -> Self {
        if let Cause::Other { help, .. } = &mut self.cause {
            help.get_or_insert_with(|| advice.to_owned());
        }
        self
    }

    /// Places the fault, unless something deeper in the tree already has.
    pub(crate) fn or_at(mut self, node: &Node) -> Self {
        self.place.get_or_insert(std::ptr::from_ref(node));
        self
    }

    /// The same place, but nothing to report.
    pub(crate) fn follow_up_at(node: &Node) -> Self {
        Self::from(Cause::FollowUp).or_at(node)
    }
}

impl Cause {
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Unknown { what: What::Key, name, .. } => format!("unknown key `{}`", brief(name)),
            Self::Unknown { what: What::Value, name, .. } => format!("unknown value `{}`", brief(name)),
            Self::MissingKey(name) => format!("missing key `{name}`"),
            Self::Other { message, .. } => message.clone(),
            Self::FollowUp => "follows from an earlier problem".to_owned(),
        }
    }

    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { name, known, .. } => suggestion(name, known),
            Self::Other { help, .. } => help.clone(),
            Self::MissingKey(_) | Self::FollowUp => None,
        }
    }
}

impl From<Cause> for Fault {
    fn from(cause: Cause) -> Self {
        Self { place: None, cause }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause.message())
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::other(message.to_string(), None)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::other(format!("expected {}, found {}", plainly(expected), found(&unexpected)), None)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::other(format!("expected {}, found {length} elements", plainly(expected)), None)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Cause::Unknown { what: What::Value, name: variant.to_owned(), known: expected }.into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Cause::Unknown { what: What::Key, name: field.to_owned(), known: expected }.into()
    }

    fn missing_field(field: &'static str) -> Self {
        Cause::MissingKey(field).into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::other(format!("`{field}` is given under two names"), Some("keep one of them"))
    }
}

/// The near name as a question, or the whole list when it is short.
fn suggestion(name: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known {
        [] => None,
        [only] => Some(format!("only `{only}` is known here")),
        _ if known.len() <= LISTED => Some(format!("known here: {}", list(known))),
        _ => None,
    }
}

pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What serde's types say they expect, in the words of someone who writes a configuration.
fn plainly(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    let range =
        |from: &dyn fmt::Display, to: &dyn fmt::Display| format!("a whole number from {from} to {to}");
    match words.as_str() {
        "a string" => "text".to_owned(),
        "a character" => "a single character".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "unit" => "nothing".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "u8" => range(&u8::MIN, &u8::MAX),
        "u16" => range(&u16::MIN, &u16::MAX),
        "u32" => range(&u32::MIN, &u32::MAX),
        "u64" => range(&u64::MIN, &u64::MAX),
        "usize" => range(&usize::MIN, &usize::MAX),
        "i8" => range(&i8::MIN, &i8::MAX),
        "i16" => range(&i16::MIN, &i16::MAX),
        "i32" => range(&i32::MIN, &i32::MAX),
        "i64" => range(&i64::MIN, &i64::MAX),
        "isize" => range(&isize::MIN, &isize::MAX),
        "a nonzero u8" => range(&1, &u8::MAX),
        "a nonzero u16" => range(&1, &u16::MAX),
        "a nonzero u32" => range(&1, &u32::MAX),
        "a nonzero u64" => range(&1, &u64::MAX),
        "a nonzero usize" => range(&1, &usize::MAX),
        _ if words.starts_with("struct ") => "a mapping".to_owned(),
        _ => words,
    }
}

fn found(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(text) => format!("`{}`", brief(text)),
        Unexpected::Other(words) => (*words).to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::UnitVariant => "a bare word".to_owned(),
        Unexpected::NewtypeVariant | Unexpected::TupleVariant | Unexpected::StructVariant => {
            "a word with a value".to_owned()
        }
        other => other.to_string(),
    }
}
