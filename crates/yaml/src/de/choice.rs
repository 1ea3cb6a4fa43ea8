//! Enums: `word`, or a mapping with the variant's name as its only key.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor,
};

use super::De;
use super::stand_in::StandIn;
use crate::fault::{Cause, Fault, What, list};
use crate::{Kind, Node};

/// The variant that a node names, and its content.
pub(super) struct Choice<'a> {
    of: De<'a>,
    /// The scalar itself, or the only key.
    name: &'a Node,
    content: Content<'a>,
}

enum Content<'a> {
    None,
    Value(&'a Node),
    /// The value was wrong, which is known already.
    Dropped,
}

impl<'a> Choice<'a> {
    pub(super) fn new(of: De<'a>, variants: &[&str]) -> Result<Self, Fault> {
        match &of.node.kind {
            Kind::Scalar { .. } if !of.node.is_null() => {
                Ok(Self { of, name: of.node, content: Content::None })
            }
            Kind::Mapping(entries) => match entries.as_slice() {
                [(key, _)] if of.repairs.drops(key) => Err(Fault::follow_up_at(of.node)),
                [(key, value)] => {
                    let dropped = of.repairs.drops(value);
                    let content = if dropped { Content::Dropped } else { Content::Value(value) };
                    Ok(Self { of, name: key, content })
                }
                _ => Err(several(of, entries, variants)),
            },
            _ => Err(Fault::invalid_type(of.unexpected(), &one_of(variants).as_str())),
        }
    }
}

fn one_of(variants: &[&str]) -> String {
    match variants {
        [only] => format!("`{only}`"),
        _ => format!("one of {}", list(variants)),
    }
}

fn several(of: De<'_>, entries: &[(Node, Node)], variants: &[&str]) -> Fault {
    let keys: Vec<&str> = entries.iter().filter_map(|(key, _)| key.text()).collect();
    if entries.iter().any(|entry| of.repairs.drops_entry(entry)) {
        return Fault::follow_up_at(of.node);
    }
    let found = if keys.is_empty() { "none".to_owned() } else { list(&keys) };
    let message = format!("expected exactly one of the keys {}, found {found}", list(variants));
    Fault::other(message, (!keys.is_empty()).then_some("give each a list item or a place of its own"))
}

impl<'de, 'a> EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = self.name();
        let variant = seed.deserialize(name.into_deserializer()).map_err(|mut fault: Fault| {
            if let (Cause::Unknown { what, .. }, false) =
                (&mut fault.cause, matches!(self.content, Content::None))
            {
                *what = What::Key;
            }
            fault.or_at(self.name)
        })?;
        Ok((variant, self))
    }
}

impl<'a> Choice<'a> {
    fn name(&self) -> &'a str {
        self.name.text().unwrap_or_default()
    }

    /// The content to read; none if it is known to be wrong and a stand-in will do.
    fn content(&self) -> Result<Option<De<'a>>, Fault> {
        match self.content {
            Content::None => {
                let (name, help) = (self.name(), format!("write `{}: …`", self.name()));
                Err(Fault::other(format!("`{name}` needs a value"), Some(&help)))
            }
            Content::Value(node) => Ok(Some(self.of.with(node))),
            Content::Dropped => Ok(None),
        }
    }

    fn known_to_be_wrong(&self) -> Fault {
        Fault::follow_up_at(self.of.node)
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            Content::None | Content::Dropped => Ok(()),
            Content::Value(node) if node.is_null() => Ok(()),
            Content::Value(node) => {
                let (name, help) = (self.name(), format!("write `{}` alone", self.name()));
                Err(Fault::other(format!("`{name}` takes no value"), Some(&help)).or_at(node))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match self.content()? {
            Some(content) => seed.deserialize(content).map_err(|fault| fault.or_at(content.node)),
            None => seed.deserialize(StandIn).map_err(|_| self.known_to_be_wrong()),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.content()? {
            Some(content) => {
                content.deserialize_tuple(length, visitor).map_err(|fault| fault.or_at(content.node))
            }
            None => StandIn.deserialize_tuple(length, visitor).map_err(|_| self.known_to_be_wrong()),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.content()? {
            Some(content) => content.deserialize_map(visitor).map_err(|fault| fault.or_at(content.node)),
            None => StandIn.deserialize_map(visitor).map_err(|_| self.known_to_be_wrong()),
        }
    }
}
