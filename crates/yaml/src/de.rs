//! `serde` over the tree.

use std::collections::{HashMap, HashSet};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::core_schema::{self, Value};
use crate::de::choice::Choice;
use crate::de::stand_in::StandIn;
use crate::fault::Fault;
use crate::{Kind, Node, Path};

mod choice;
mod stand_in;

const WHOLE_NUMBER: &str = "write it in decimal digits, without quotes or leading zeros";

/// What has been changed about the tree so that the next pass gets beyond the faults already known.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    /// Nodes that are passed over: a key or value with its whole entry, an element.
    pub(crate) dropped: HashSet<*const Node>,
    /// Mappings that get a stand-in for a missing key.
    pub(crate) supplied: HashMap<*const Node, Vec<&'static str>>,
}

impl Repairs {
    pub(crate) fn drops(&self, node: &Node) -> bool {
        self.dropped.contains(&std::ptr::from_ref(node))
    }

    /// The list items below `node` that are passed over, each by its list and its index.
    pub(crate) fn left_out(&self, node: &Node, path: &Path, found: &mut Vec<(Path, usize)>) {
        for (index, element) in node.elements().iter().enumerate() {
            if self.drops(element) {
                found.push((path.clone(), index));
            }
            self.left_out(element, &path.index(index), found);
        }
        for (key, value) in node.entries() {
            self.left_out(value, &path.key(key.text().unwrap_or_default()), found);
        }
    }

    pub(crate) fn drops_entry(&self, (key, value): &(Node, Node)) -> bool {
        self.drops(key) || self.drops(value)
    }
}

/// A node, to be read as whatever the type asks for.
#[derive(Clone, Copy)]
pub(crate) struct De<'a> {
    pub(crate) node: &'a Node,
    pub(crate) repairs: &'a Repairs,
}

impl<'a> De<'a> {
    fn with(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    /// The text of a scalar that may mean something else than text.
    fn bare(self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar { text, plain: true } if self.node.tag.is_none() => Some(text),
            _ => None,
        }
    }

    fn unexpected(self) -> Unexpected<'a> {
        match &self.node.kind {
            _ if self.node.is_null() => Unexpected::Unit,
            Kind::Scalar { text, .. } => Unexpected::Str(text),
            Kind::Sequence(_) => Unexpected::Seq,
            Kind::Mapping(_) => Unexpected::Map,
        }
    }

    fn invalid<'de, V: Visitor<'de>>(self, visitor: &V) -> Fault {
        Fault::invalid_type(self.unexpected(), visitor)
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let bare = self.bare();
        if let Some(number) = bare.and_then(core_schema::decimal) {
            return visitor.visit_u64(number);
        }
        if let Some(number) = bare.and_then(core_schema::decimal) {
            return visitor.visit_i64(number);
        }
        Err(self.invalid(&visitor).with_help(WHOLE_NUMBER))
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.integer(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for De<'_> {
    type Error = Fault;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (&self.node.kind, self.bare().map(core_schema::resolve)) {
            (Kind::Sequence(_), _) => self.deserialize_seq(visitor),
            (Kind::Mapping(_), _) => self.deserialize_map(visitor),
            (Kind::Scalar { .. }, Some(Value::Null)) => visitor.visit_unit(),
            (Kind::Scalar { .. }, Some(Value::Bool(value))) => visitor.visit_bool(value),
            (Kind::Scalar { .. }, Some(Value::Unsigned(value))) => visitor.visit_u64(value),
            (Kind::Scalar { .. }, Some(Value::Signed(value))) => visitor.visit_i64(value),
            (Kind::Scalar { .. }, Some(Value::Float(value))) => visitor.visit_f64(value),
            (Kind::Scalar { text, .. }, _) => visitor.visit_str(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.bare() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(self.invalid(&visitor).with_help("write true or false, without quotes")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.bare().and_then(core_schema::float) {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.text() {
            Some(text) if !self.node.is_null() => visitor.visit_str(text),
            Some(text) if !text.is_empty() => {
                Err(self.invalid(&visitor).with_help("quote it to mean the word"))
            }
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() { visitor.visit_unit() } else { Err(self.invalid(&visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Sequence(elements) => {
                visitor.visit_seq(Elements { of: self, left: elements.iter(), keep_places: false })
            }
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Sequence(elements) if elements.len() == length => {
                visitor.visit_seq(Elements { of: self, left: elements.iter(), keep_places: true })
            }
            Kind::Sequence(elements) => {
                Err(Fault::other(format!("expected {length} elements, found {}", elements.len()), None))
            }
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Mapping(entries) => {
                let supplied = self.repairs.supplied.get(&std::ptr::from_ref(self.node));
                visitor.visit_map(Entries {
                    of: self,
                    left: entries.iter(),
                    supplied: supplied.map_or(&[] as &[_], Vec::as_slice).iter(),
                    next: Next::StandIn,
                })
            }
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(Choice::new(self, variants)?)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The elements of a list.
struct Elements<'a> {
    of: De<'a>,
    left: std::slice::Iter<'a, Node>,
    /// In a tuple a dropped element gets a stand-in, in a list nothing.
    keep_places: bool,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let (keep, repairs) = (self.keep_places, self.of.repairs);
        let Some(node) = self.left.find(|node| keep || !repairs.drops(node)) else { return Ok(None) };
        let value = if repairs.drops(node) {
            seed.deserialize(StandIn).map_err(|_| Fault::follow_up_at(self.of.node))
        } else {
            seed.deserialize(self.of.with(node)).map_err(|fault| fault.or_at(node))
        };
        value.map(Some)
    }
}

/// The entries of a mapping, then the stand-ins for missing ones.
struct Entries<'a> {
    of: De<'a>,
    left: std::slice::Iter<'a, (Node, Node)>,
    supplied: std::slice::Iter<'a, &'static str>,
    next: Next<'a>,
}

/// The value that belongs to the key just read.
enum Next<'a> {
    Value(&'a Node),
    StandIn,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let repairs = self.of.repairs;
        if let Some((key, value)) = self.left.find(|entry| !repairs.drops_entry(entry)) {
            self.next = Next::Value(value);
            return seed.deserialize(Key(key)).map(Some).map_err(|fault| fault.or_at(key));
        }
        self.next = Next::StandIn;
        let Some(name) = self.supplied.next() else { return Ok(None) };
        seed.deserialize((*name).into_deserializer())
            .map(Some)
            .map_err(|fault: Fault| fault.or_at(self.of.node))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.next {
            Next::Value(node) => seed.deserialize(self.of.with(node)).map_err(|fault| fault.or_at(node)),
            Next::StandIn => seed.deserialize(StandIn).map_err(|_| Fault::follow_up_at(self.of.node)),
        }
    }
}

/// A key: always its text, as it is written. The reader has made sure that it is a scalar.
struct Key<'a>(&'a Node);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.0.text().unwrap_or_default())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self.0.text().unwrap_or_default().into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}
