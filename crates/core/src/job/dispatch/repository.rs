//! The action `dispatch_repository`: raises a `repository_dispatch` event.

use std::time::Duration;

use gatepass_yaml::Path;
use minijinja::Value;
use serde_json::{Map, json};

use super::input::Inputs;
use super::too_old;
use crate::config::{self, Span};
use crate::event::Event;
use crate::failure::Failure;
use crate::github::{CallError, GitHub};
use crate::job::situation::Situation;
use crate::job::template::{Compiler, Templates};
use crate::report::{Done, Status};

/// GitHub's limit of the fields of a payload. REST API, "Create a repository dispatch event".
const MAX_FIELDS: usize = 10;

/// GitHub's limit of a payload, in bytes of JSON: it must have less.
const MAX_PAYLOAD: usize = 64 * 1024;

/// GitHub's limit of an event type, in characters.
const MAX_TYPE: usize = 100;

/// The field that tells which event it is.
const OWN_FIELD: &str = "gatepass";

/// A compiled `dispatch_repository`.
#[derive(Debug)]
pub(in crate::job) struct DispatchRepository {
    event_type: String,
    payload: Inputs,
    max_age: Option<Duration>,
}

/// An event for a repository as an event's templates describe it.
pub(in crate::job) struct DraftedEvent {
    pub(in crate::job) event_type: String,
    pub(in crate::job) payload: Map<String, serde_json::Value>,
}

impl DispatchRepository {
    /// `None` when something was reported.
    pub(in crate::job) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        action: &config::DispatchRepository,
        reads: &[&str],
    ) -> Option<Self> {
        let at = place.key("event_type");
        if config::is_template(&action.event_type) {
            compiler.report(&at, "an event may not choose this", "write the type itself, as in alarm");
        } else if !(1..=MAX_TYPE).contains(&action.event_type.chars().count()) {
            compiler.report(
                &at,
                format!("GitHub takes 1 to {MAX_TYPE} characters"),
                "write a shorter one, as in alarm",
            );
        }
        let at = place.key("payload");
        if let Some(name) = action.payload.keys().find(|name| name.as_str() == OWN_FIELD) {
            let help = "choose another name: it holds the event's id, source, type, time and fingerprint";
            compiler.report(&at.key(name.as_str()), "this field is filled in already", help);
        }
        let payload = Inputs::compile(compiler, &at, &action.payload, MAX_FIELDS - 1, reads)?;
        let max_age = action.max_age.map(Span::duration);
        Some(Self { event_type: action.event_type.clone(), payload, max_age })
    }

    /// What is to be raised for this event.
    pub(in crate::job) fn draft(
        &self,
        templates: &Templates,
        scope: &Value,
        event: &Event,
    ) -> Result<DraftedEvent, Failure> {
        let fields = self.payload.render(templates, scope)?;
        let mut payload: Map<_, _> = fields.into_iter().map(|(name, value)| (name, json!(value))).collect();
        let own = json!({
            "id": event.id, "source": event.source, "type": event.kind, "time": event.time,
            "fingerprint": event.fingerprint(),
        });
        payload.insert(OWN_FIELD.into(), own);
        let length = json!(payload).to_string().len();
        if length >= MAX_PAYLOAD {
            return Err(Failure::invalid(format!(
                "the payload for this event has {length} bytes, and GitHub takes less than {MAX_PAYLOAD}; narrow the patterns of dispatch_repository.payload"
            )));
        }
        Ok(DraftedEvent { event_type: self.event_type.clone(), payload })
    }

    pub(in crate::job) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
        github: &GitHub<'_>,
    ) -> Result<Done, Failure> {
        if let Some(ignored) = too_old(situation, self.max_age) {
            return Ok(ignored);
        }
        let draft = self.draft(templates, scope, situation.event)?;
        if situation.dry_run {
            return Ok(Done::dry(Status::Dispatched));
        }
        github.dispatch_repository(&draft.event_type, &draft.payload).await.map_err(|error| match error {
            CallError::Missing(failure) => Failure {
                message: format!(
                    "GitHub: {} is not there, or the token may not write to it; check its name, and that the trust policy gives `contents: write`",
                    github.repository()
                ),
                ..failure
            },
            CallError::Rejected { said, .. } => Failure::invalid(format!(
                "GitHub, raising {}: not accepted ({said}); compare dispatch_repository with GitHub's limits",
                draft.event_type
            )),
            error => error.into(),
        })?;
        Ok(Done::new(Status::Dispatched))
    }
}
