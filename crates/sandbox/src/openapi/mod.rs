//! GitHub's OpenAPI document as a judge of what was said to GitHub and what it answered.
//!
//! The document is npm's `@octokit/openapi`, `generated/api.github.com.json`. An [`Exchange`] passes when its path is
//! an operation, its query holds only known parameters, the request's body and the answer's are valid, and the
//! status is documented. Where the document itself is wrong, `exceptions.rs` says so, each with its reason.

mod exceptions;
mod operation;
mod schema;
mod template;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value};

use self::operation::Operation;
use self::schema::Strictness;
use self::template::Template;
use crate::github::{Exchange, Recording};

/// An OpenAPI 3.0 document.
#[derive(Debug)]
pub struct Document {
    json: Value,
    templates: Vec<Template>,
    /// By where their schemas are, since compiling one takes longer than using it.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// Why there is no document to judge by.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// It is not JSON.
    #[error("the OpenAPI document is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is JSON, and something else.
    #[error("the OpenAPI document has no `paths` in the form of OpenAPI 3.0")]
    NotOpenApi,
}

/// What part of an exchange is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Method and path are no operation, or a parameter in the path is invalid.
    Path,
    /// The query.
    Query,
    /// The request's body.
    Request,
    /// The answer's status.
    Status,
    /// The answer's body.
    Answer,
}

/// One thing that is wrong with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Method, path and status.
    pub exchange: String,
    /// Where it is.
    pub part: Part,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.exchange, self.part, self.message)
    }
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn read(path: &Path) -> Result<Self, DocumentError> {
        let text = std::fs::read(path)
            .map_err(|error| DocumentError::Unreadable { path: path.display().to_string(), error })?;
        Self::parse(&text)
    }

    /// Reads the text of a document.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        let json: Value = serde_json::from_slice(text)?;
        let paths = json.get("paths").and_then(Value::as_object).ok_or(DocumentError::NotOpenApi)?;
        let templates = paths.keys().map(|path| Template::new(path)).collect();
        Ok(Self { json, templates, validators: Mutex::default() })
    }

    /// The operation that this is a request to, as `POST /repos/{owner}/{repo}/issues`.
    pub fn operation(&self, exchange: &Exchange) -> Option<String> {
        self.find(exchange).map(|operation| operation.name())
    }

    /// Everything that is wrong with the request.
    pub fn check_request(&self, exchange: &Exchange) -> Vec<Finding> {
        self.with_operation(exchange, |operation, exchange, found| operation.check_request(exchange, found))
    }

    /// Everything that is wrong with the answer.
    pub fn check_answer(&self, exchange: &Exchange) -> Vec<Finding> {
        self.with_operation(exchange, |operation, exchange, found| operation.check_answer(exchange, found))
    }

    /// Everything that is wrong in a recording: with requests, with answers, and that it is not whole.
    pub fn check(&self, recording: &Recording) -> Vec<Finding> {
        let mut findings: Vec<Finding> = recording
            .exchanges
            .iter()
            .flat_map(|exchange| {
                self.with_operation(exchange, |operation, exchange, found| {
                    operation.check_request(exchange, found);
                    operation.check_answer(exchange, found);
                })
            })
            .collect();
        if recording.missed > 0 {
            let message = format!("{} exchanges were not recorded: record more", recording.missed);
            findings.push(Finding { exchange: "the recording".to_owned(), part: Part::Path, message });
        }
        findings
    }

    fn with_operation(
        &self,
        exchange: &Exchange,
        check: impl FnOnce(&Operation<'_>, &Exchange, &mut Found),
    ) -> Vec<Finding> {
        let mut found = Found::default();
        match self.find(exchange) {
            Some(operation) => check(&operation, exchange, &mut found),
            None => found.add(Part::Path, "no such operation"),
        }
        let name = format!("{} {} {}", exchange.method, exchange.path, exchange.status);
        let findings = found.0.into_iter();
        findings.map(|(part, message)| Finding { exchange: name.clone(), part, message }).collect()
    }

    /// The operation whose path says most by itself, where several would do.
    fn find(&self, exchange: &Exchange) -> Option<Operation<'_>> {
        let method = exchange.method.to_lowercase();
        let candidates = self.templates.iter().filter_map(|template| {
            let json = self.json.get("paths")?.get(template.text())?.get(&method)?;
            Some((template, template.match_path(&exchange.path)?, json))
        });
        let (template, values, json) = candidates.max_by_key(|(template, ..)| template.literals())?;
        Some(Operation { document: self, method, template, values, json })
    }

    /// What a reference refers to, and anything else as it is.
    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..16 {
            let reference = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
            match reference.and_then(|pointer| self.json.pointer(pointer)) {
                Some(found) => value = found,
                None => break,
            }
        }
        value
    }

    /// The validator of a schema of this document; `place` names the schema.
    fn validator(
        &self,
        place: String,
        schema: &Value,
        strictness: Strictness,
    ) -> Result<Arc<Validator>, String> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = validators.get(&place) {
            return Ok(Arc::clone(validator));
        }
        let nothing = Map::new();
        let components = self.json.pointer("/components/schemas").and_then(Value::as_object);
        let contained = schema::contained(components.unwrap_or(&nothing), schema, strictness);
        let validator = Arc::new(schema::compile(&contained).map_err(|error| format!("{place}: {error}"))?);
        validators.insert(place, Arc::clone(&validator));
        Ok(validator)
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<(Part, String)>);

impl Found {
    fn add(&mut self, part: Part, message: impl Into<String>) {
        self.0.push((part, message.into()));
    }
}
