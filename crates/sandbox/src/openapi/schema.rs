//! Schemas of OpenAPI 3.0 as JSON Schema, draft 7.

use std::collections::BTreeSet;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// How objects that name their properties take others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// They are wrong: in requests, where GitHub would ignore them and the caller would not know.
    NothingElse,
    /// They are let through: in answers, which may have more than the document knows.
    AnythingElse,
}

const COMPONENT: &str = "#/components/schemas/";

/// Keywords of OpenAPI that say nothing about what is valid.
const SAYS_NOTHING: &[&str] = &[
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "nullable",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];

const COMBINED: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// A schema together with those components that it refers to.
pub(super) fn contained(components: &Map<String, Value>, schema: &Value, strictness: Strictness) -> Value {
    let root = lower(schema, strictness);
    let mut pending = references(&root);
    let mut schemas = Map::new();
    while let Some(name) = pending.pop_first() {
        if let Some(component) = components.get(&name).filter(|_| !schemas.contains_key(&name)) {
            let component = lower(component, Strictness::AnythingElse);
            pending.extend(references(&component));
            schemas.insert(name, component);
        }
    }
    json!({ "allOf": [root], "components": { "schemas": schemas } })
}

pub(super) fn compile(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    options.build(schema).map_err(|error| error.to_string())
}

/// The first things that are wrong with a value: where in it, and what. Never the value itself, which may be long.
pub(super) fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value).take(5);
    errors.map(|error| format!("at {:?}: {}", error.instance_path().to_string(), error.masked())).collect()
}

fn lower(schema: &Value, strictness: Strictness) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    if let Some(reference) = keywords.get("$ref") {
        return json!({ "$ref": reference });
    }
    let mut lowered = Map::new();
    for (keyword, value) in keywords {
        let value = match (keyword.as_str(), value) {
            (keyword, _) if SAYS_NOTHING.contains(&keyword) || keyword.starts_with("x-") => continue,
            ("properties", Value::Object(properties)) => {
                let properties = properties.iter();
                properties.map(|(name, schema)| (name.clone(), lower(schema, strictness))).collect()
            }
            // Each part of an `allOf` sees the properties of the others.
            ("allOf", Value::Array(schemas)) => {
                schemas.iter().map(|schema| lower(schema, Strictness::AnythingElse)).collect()
            }
            ("anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().map(|schema| lower(schema, strictness)).collect()
            }
            ("items" | "not" | "additionalProperties", schema) => lower(schema, strictness),
            (_, value) => value.clone(),
        };
        lowered.insert(keyword.clone(), value);
    }
    let is_combined = COMBINED.iter().any(|keyword| lowered.contains_key(*keyword));
    if strictness == Strictness::NothingElse
        && !is_combined
        && lowered.contains_key("properties")
        && !lowered.contains_key("additionalProperties")
    {
        lowered.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    if keywords.get("nullable") == Some(&Value::Bool(true)) {
        return nullable(lowered);
    }
    Value::Object(lowered)
}

fn nullable(mut schema: Map<String, Value>) -> Value {
    match schema.get("type").cloned() {
        Some(Value::String(name)) if !COMBINED.iter().any(|keyword| schema.contains_key(*keyword)) => {
            schema.insert("type".to_owned(), json!([name, "null"]));
            if let Some(Value::Array(values)) = schema.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            Value::Object(schema)
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// The names of the components that are referred to anywhere in a schema.
fn references(schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match schema {
        Value::Object(members) => {
            if let Some(name) =
                members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(COMPONENT))
            {
                names.insert(name.to_owned());
            }
            members.values().for_each(|member| names.extend(references(member)));
        }
        Value::Array(items) => items.iter().for_each(|item| names.extend(references(item))),
        _ => {}
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_lets_null_in_and_nothing_else() {
        for (schema, right, wrong) in [
            (json!({ "type": "string" }), json!("x"), json!(null)),
            (json!({ "type": "string", "nullable": true }), json!(null), json!(7)),
            (json!({ "type": "string", "enum": ["a"], "nullable": true }), json!(null), json!("b")),
            (json!({ "oneOf": [{ "type": "integer" }], "nullable": true }), json!(null), json!("x")),
            (
                json!({ "type": "object", "properties": { "nullable": { "type": "boolean" } } }),
                json!({ "nullable": true }),
                json!({ "nullable": 1 }),
            ),
            (
                json!({ "$ref": "#/components/schemas/person", "nullable": false }),
                json!({ "login": null }),
                json!({ "login": 7 }),
            ),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/person" } }),
                json!([{ "login": "x", "boss": { "login": "y" } }]),
                json!([{ "login": "x", "boss": { "login": 7 } }]),
            ),
            (json!({ "type": "string", "format": "date-time" }), json!("2026-11-20T09:00:00Z"), json!("now")),
            (json!({ "type": "string", "format": "uri" }), json!("http://h/x"), json!("no uri")),
        ] {
            let person = json!({ "type": "object", "properties": {
                "login": { "type": "string", "nullable": true }, "boss": { "$ref": "#/components/schemas/person" },
            } });
            let components = Map::from_iter([("person".to_owned(), person)]);
            let validator = compile(&contained(&components, &schema, Strictness::AnythingElse)).unwrap();
            assert_eq!(problems(&validator, &right), [""; 0], "{schema}");
            assert_ne!(problems(&validator, &wrong), [""; 0], "{schema}");
        }
    }

    #[test]
    fn what_a_request_may_not_have_an_answer_may() {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "example": "t" },
                "free": { "type": "object", "additionalProperties": true, "properties": { "x": {} } },
                "deep": { "oneOf": [{ "type": "object", "properties": { "y": {} } }] },
            },
        });
        let nothing = Map::new();
        for (value, strict) in [
            (json!({ "title": "t", "free": { "anything": 1 } }), true),
            (json!({ "titel": "t" }), false),
            (json!({ "deep": { "z": 1 } }), false),
        ] {
            let valid = |strictness| {
                let validator = compile(&contained(&nothing, &schema, strictness)).unwrap();
                problems(&validator, &value).is_empty()
            };
            assert_eq!(valid(Strictness::NothingElse), strict, "{value}");
            assert!(valid(Strictness::AnythingElse), "{value}");
        }
    }
}
