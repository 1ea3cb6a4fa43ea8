//! The fields of a JSON request body, checked as GitHub checks them: all problems in one 422.

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::refusal::{FieldError, Refusal};

/// The longest body of an issue or a comment, in characters.
pub(crate) const MAX_BODY: usize = 65_536;
/// The longest title, in characters.
pub(crate) const MAX_TITLE: usize = 256;
/// The longest name of a label, in characters.
pub(crate) const MAX_LABEL: usize = 50;

/// A request body and what was found wrong with it.
#[derive(Debug)]
pub(crate) struct Fields {
    resource: &'static str,
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(crate) fn parse(resource: &'static str, body: &Bytes) -> Result<Self, Refusal> {
        let value =
            serde_json::from_slice(body).map_err(|_| Refusal::bad_request("Problems parsing JSON"))?;
        match value {
            Value::Object(values) => Ok(Self { resource, values, errors: Vec::new() }),
            _ => Err(Refusal::bad_request("Body should be a JSON object")),
        }
    }

    /// Text that must be there and not be blank.
    pub(crate) fn required_text(&mut self, field: &'static str, max: usize) -> String {
        let text = self.text(field, max).flatten().unwrap_or_default();
        if text.trim().is_empty() && self.is_fine(field) {
            self.error(field, "missing_field", None);
        }
        text
    }

    /// Text, where absent is `None` and null is `Some(None)`.
    pub(crate) fn text(&mut self, field: &'static str, max: usize) -> Option<Option<String>> {
        let text = match self.values.get(field)? {
            Value::Null => return Some(None),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.error(field, "invalid", None);
                return None;
            }
        };
        if text.chars().count() > max {
            let message = format!("{field} is too long (maximum is {max} characters)");
            self.error(field, "custom", Some(message));
        }
        Some(Some(text))
    }

    /// One of a few words, where absent and null are `None`.
    pub(crate) fn word<T>(&mut self, field: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.values.get(field).filter(|value| !value.is_null())?;
        let word = value.as_str().and_then(parse);
        if word.is_none() {
            self.error(field, "invalid", None);
        }
        word
    }

    /// A whole number, also as text; absent is `None` and null is `Some(None)`.
    pub(crate) fn number(&mut self, field: &'static str) -> Option<Option<u64>> {
        let number = match self.values.get(field)? {
            Value::Null => return Some(None),
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.error(field, "invalid", None);
        }
        number.map(Some)
    }

    /// Logins, each text or an object with a `login`.
    pub(crate) fn logins(&mut self, field: &'static str) -> Option<Vec<String>> {
        let given = self.values.get(field).filter(|value| !value.is_null())?;
        let logins =
            given.as_array().and_then(|items| items.iter().map(|item| name_in(item, "login")).collect());
        if logins.is_none() {
            self.error(field, "invalid", None);
        }
        logins
    }

    /// The value as it was sent.
    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        self.values.get(field)
    }

    /// Names of labels, each text or an object with a `name`.
    pub(crate) fn labels(&mut self) -> Option<Vec<String>> {
        let given = self.values.get("labels").filter(|value| !value.is_null())?;
        let names: Option<Vec<String>> =
            given.as_array().and_then(|items| items.iter().map(|item| name_in(item, "name")).collect());
        let Some(names) = names else {
            self.error("labels", "invalid", None);
            return None;
        };
        if names.iter().any(|name| name.trim().is_empty() || name.chars().count() > MAX_LABEL) {
            let message = format!("name is too long (maximum is {MAX_LABEL} characters) or blank");
            self.errors.push(FieldError {
                resource: "Label",
                field: "name",
                code: "invalid",
                message: Some(message),
            });
        }
        Some(names)
    }

    pub(crate) fn error(&mut self, field: &'static str, code: &'static str, message: Option<String>) {
        self.errors.push(FieldError { resource: self.resource, field, code, message });
    }

    /// Ends the checking.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(self.errors)) }
    }

    fn is_fine(&self, field: &str) -> bool {
        self.errors.iter().all(|error| error.field != field)
    }
}

/// What is named by a text, or by this member of an object.
fn name_in(value: &Value, member: &str) -> Option<String> {
    value.as_str().or_else(|| value.get(member)?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse("Issue", &Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_body_that_is_not_an_object_is_a_bad_request() {
        for body in ["", "{", "[]", "null", "\"x\""] {
            assert!(Fields::parse("Issue", &Bytes::copy_from_slice(body.as_bytes())).is_err(), "{body}");
        }
    }

    #[test]
    fn every_problem_is_found() {
        let long = "ü".repeat(MAX_TITLE + 1);
        for (body, code) in [
            ("{}".to_owned(), "missing_field"),
            ("{\"title\":null}".to_owned(), "missing_field"),
            ("{\"title\":\"  \"}".to_owned(), "missing_field"),
            ("{\"title\":[]}".to_owned(), "invalid"),
            (format!("{{\"title\":\"{long}\"}}"), "custom"),
        ] {
            let mut fields = fields(&body);
            fields.required_text("title", MAX_TITLE);
            let codes: Vec<_> = fields.errors.iter().map(|error| error.code).collect();
            assert_eq!(codes, [code], "{body}");
        }
        for labels in ["\"x\"", "[1]", "[\"\"]", &format!("[\"{}\"]", "l".repeat(MAX_LABEL + 1))] {
            let mut fields = fields(&format!("{{\"labels\":{labels}}}"));
            fields.labels();
            assert!(fields.finish().is_err(), "{labels}");
        }
        for milestone in ["[]", "-1", "1.5", "\"one\""] {
            let mut fields = fields(&format!("{{\"milestone\":{milestone}}}"));
            assert_eq!(fields.number("milestone"), None, "{milestone}");
            assert!(fields.finish().is_err(), "{milestone}");
        }
        for assignees in ["\"ada\"", "[1]", "[{\"name\":\"ada\"}]"] {
            let mut fields = fields(&format!("{{\"assignees\":{assignees}}}"));
            assert_eq!(fields.logins("assignees"), None, "{assignees}");
            assert!(fields.finish().is_err(), "{assignees}");
        }
        let mut wrong_word = fields("{\"state\":\"shut\"}");
        assert_eq!(wrong_word.word("state", crate::github::State::parse), None);
        assert!(wrong_word.finish().is_err());
    }

    #[test]
    fn what_is_right_is_read() {
        let mut fields =
            fields("{\"title\":7,\"body\":null,\"labels\":[\"a\",{\"name\":\"b\"}],\"state\":null}");
        assert_eq!(fields.required_text("title", MAX_TITLE), "7");
        assert_eq!(fields.text("body", MAX_BODY), Some(None));
        assert_eq!(fields.text("absent", MAX_BODY), None);
        assert_eq!(fields.labels().unwrap(), ["a", "b"]);
        assert_eq!(fields.word("state", crate::github::State::parse), None);
        assert!(fields.finish().is_ok());

        let mut fields =
            self::fields("{\"a\":7,\"b\":\"8\",\"c\":null,\"l\":[\"ada\",{\"login\":\"bob\"}],\"m\":null}");
        assert_eq!(
            ["a", "b", "c"].map(|field| fields.number(field)),
            [Some(Some(7)), Some(Some(8)), Some(None)]
        );
        assert_eq!(fields.number("absent"), None);
        assert_eq!(fields.logins("l").unwrap(), ["ada", "bob"]);
        assert_eq!((fields.logins("m"), fields.logins("absent")), (None, None));
        assert!(fields.value("a").is_some() && fields.value("absent").is_none());
        assert!(fields.finish().is_ok());
    }
}
