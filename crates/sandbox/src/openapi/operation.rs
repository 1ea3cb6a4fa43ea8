//! One operation of the document, and whether an exchange is one with it.

use std::borrow::Cow;

use serde_json::Value;
use url::form_urlencoded;

use super::exceptions::{ANYWHERE, IN_SEARCH_SYNTAX, NOT_JSON, ON_ANY_GET};
use super::schema::{self, Strictness};
use super::template::Template;
use super::{Document, Found, Part};
use crate::github::Exchange;

/// An operation that was asked for, with what its path said.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) document: &'a Document,
    pub(super) method: String,
    pub(super) template: &'a Template,
    pub(super) values: Vec<(String, String)>,
    pub(super) json: &'a Value,
}

impl<'a> Operation<'a> {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.template.text())
    }

    pub(super) fn check_request(&self, exchange: &Exchange, found: &mut Found) {
        for (name, value) in &self.values {
            match self.parameter("path", name) {
                Some(parameter) => self.check_parameter(parameter, name, value, Part::Path, found),
                None => found.add(Part::Path, format!("{name:?} is not declared")),
            }
        }
        self.check_query(&exchange.query, found);
        self.check_request_body(exchange, found);
    }

    pub(super) fn check_answer(&self, exchange: &Exchange, found: &mut Found) {
        let documented = self.json.get("responses").and_then(|all| all.get(exchange.status.to_string()));
        let content = match documented.map(|response| self.document.resolve(response)) {
            Some(response) => response.get("content").map(Cow::Borrowed),
            None => match ANYWHERE.iter().find(|(status, _)| *status == exchange.status) {
                Some((_, name)) => {
                    let schema = serde_json::json!({ "$ref": format!("#/components/schemas/{name}") });
                    Some(Cow::Owned(serde_json::json!({ "application/json": { "schema": schema } })))
                }
                None => return found.add(Part::Status, "the document has no such answer"),
            },
        };
        let Some(content) = content else {
            if !exchange.answer.is_empty() {
                found.add(Part::Answer, "has a body, and the document has none");
            }
            return;
        };
        let media_type = exchange.media_type.split(';').next().unwrap_or_default().trim();
        if NOT_JSON.contains(&media_type) {
            return;
        }
        let Some(schema) = content.get(media_type).and_then(|content| content.get("schema")) else {
            return found.add(Part::Answer, format!("the document has no {media_type:?}"));
        };
        let place = format!("{} {}", self.name(), exchange.status);
        self.check_json(&exchange.answer, place, schema, Part::Answer, found);
    }

    fn check_query(&self, query: &str, found: &mut Found) {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for (name, value) in &pairs {
            match self.parameter("query", name) {
                Some(_) if IN_SEARCH_SYNTAX.contains(&(self.name().as_str(), name)) => {}
                Some(parameter) => self.check_parameter(parameter, name, value, Part::Query, found),
                None if self.method == "get" && ON_ANY_GET.contains(&name.as_str()) => {}
                None => found.add(Part::Query, format!("{name:?} is not a parameter")),
            }
        }
        for required in self.parameters().filter(|parameter| is(parameter, "required")) {
            let name = required.get("name").and_then(Value::as_str).unwrap_or_default();
            if required.get("in") == Some(&"query".into()) && pairs.iter().all(|(known, _)| known != name) {
                found.add(Part::Query, format!("{name:?} is missing"));
            }
        }
    }

    fn check_request_body(&self, exchange: &Exchange, found: &mut Found) {
        let Some(body) = self.json.get("requestBody").map(|body| self.document.resolve(body)) else {
            if !exchange.request.is_empty() {
                found.add(Part::Request, "has a body, and the operation takes none");
            }
            return;
        };
        if exchange.request.is_empty() {
            if is(body, "required") {
                found.add(Part::Request, "has no body");
            }
            return;
        }
        match body.pointer("/content/application~1json/schema") {
            Some(schema) => {
                let place = format!("{} request", self.name());
                self.check_json(&exchange.request, place, schema, Part::Request, found);
            }
            None => found.add(Part::Request, "the operation takes no JSON"),
        }
    }

    fn check_json(&self, body: &[u8], place: String, schema: &Value, part: Part, found: &mut Found) {
        let strictness =
            if part == Part::Request { Strictness::NothingElse } else { Strictness::AnythingElse };
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return found.add(part, format!("is not JSON: {error}")),
        };
        match self.document.validator(place, schema, strictness) {
            Ok(validator) => {
                schema::problems(&validator, &value).into_iter().for_each(|problem| found.add(part, problem));
            }
            Err(error) => found.add(part, format!("the schema cannot be used: {error}")),
        }
    }

    /// A parameter is text; where the schema wants a number or a boolean, it is the one that the text spells.
    fn check_parameter(&self, parameter: &Value, name: &str, text: &str, part: Part, found: &mut Found) {
        let Some(schema) = parameter.get("schema") else { return };
        let place = format!("{} {name} in {part:?}", self.name());
        let validator = match self.document.validator(place, schema, Strictness::AnythingElse) {
            Ok(validator) => validator,
            Err(error) => return found.add(part, format!("the schema cannot be used: {error}")),
        };
        let spelled =
            serde_json::from_str(text).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
        let readings: Vec<Value> = [Some(Value::from(text)), spelled].into_iter().flatten().collect();
        if readings.iter().any(|reading| validator.is_valid(reading)) {
            return;
        }
        if let Some(reading) = readings.last() {
            let problems = schema::problems(&validator, reading);
            problems.into_iter().for_each(|problem| found.add(part, format!("{name:?} {problem}")));
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &'a Value> {
        let document = self.document;
        let declared = self.json.get("parameters").and_then(Value::as_array).into_iter().flatten();
        declared.map(|parameter| document.resolve(parameter))
    }

    fn parameter(&self, place: &str, name: &str) -> Option<&'a Value> {
        let has = |parameter: &Value, member: &str, text: &str| {
            parameter.get(member).and_then(Value::as_str) == Some(text)
        };
        self.parameters().find(|parameter| has(parameter, "in", place) && has(parameter, "name", name))
    }
}

fn is(json: &Value, member: &str) -> bool {
    json.get(member).and_then(Value::as_bool).unwrap_or(false)
}
