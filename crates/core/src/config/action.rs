//! What a job does.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::values::{Pattern, ReadPath, Span};
use crate::names::{GitRef, InputName, WorkflowFile};

/// A read step: a path relative to the repository, or that with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReadStep {
    /// The path alone.
    Path(ReadPath),
    /// With settings.
    Settings(ReadSettings),
}

/// A read step with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadSettings {
    /// Relative to the repository, as in `pulls?state=open`.
    pub path: ReadPath,
    /// The most items of a list, over all its pages.
    #[serde(default = "default_max_items")]
    pub max_items: u32,
    /// Whether to leave out what goes beyond instead of failing.
    #[serde(default)]
    pub truncate: bool,
}

impl ReadStep {
    /// With its settings.
    pub fn settings(&self) -> ReadSettings {
        match self {
            Self::Path(path) => {
                ReadSettings { path: path.clone(), max_items: default_max_items(), truncate: false }
            }
            Self::Settings(settings) => settings.clone(),
        }
    }
}

fn default_max_items() -> u32 {
    500
}

/// Keep one open issue a key. The text fields are templates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenIssue {
    /// What makes an issue the same one.
    pub key: Vec<String>,
    /// Gives `open` or `closed`; `open` when left out.
    pub state: Option<String>,
    /// The title.
    pub title: String,
    /// The managed part of the body.
    #[serde(default)]
    pub body: String,
    /// Labels besides `gatepass:<job>`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Logins to assign when the issue is opened. Later it is for people to say.
    #[serde(default)]
    pub assignees: Vec<String>,
    /// The number of the milestone to give the issue when it is opened.
    pub milestone: Option<u32>,
    /// The name of the organisation's issue type to give the issue when it is opened.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What a further event does to an issue that is open already.
    #[serde(default)]
    pub on_repeat: OnRepeat,
    /// The comment of `on_repeat: comment`; the body when left out.
    pub repeat_comment: Option<String>,
    /// A comment to make when the issue is closed.
    pub closing_comment: Option<String>,
    /// Reopen an issue that was closed no longer ago than this, instead of opening another.
    pub reopen_within: Option<Span>,
    /// The most open issues of this job.
    #[serde(default = "default_max_open")]
    pub max_open: u32,
}

/// What a further event does to an issue that is open already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRepeat {
    /// Brings title, body and labels up to date.
    #[default]
    Update,
    /// Comments, and leaves title and body as they are.
    Comment,
    /// Nothing that anybody would see.
    Nothing,
}

fn default_max_open() -> u32 {
    100
}

/// Comment on an issue or a pull request, once an event. The text fields are templates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Gives the number of the issue or pull request.
    pub issue: String,
    /// The comment.
    pub body: String,
}

/// Run a workflow.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchWorkflow {
    /// The file in `.github/workflows`, as in `deploy.yml`.
    pub workflow: WorkflowFile,
    /// The branch or tag to run it on.
    #[serde(rename = "ref")]
    pub reference: GitRef,
    /// Its inputs.
    #[serde(default)]
    pub inputs: BTreeMap<InputName, Input>,
    /// The input that is given a fingerprint of the event and this job. With it in the workflow's `run-name`, an event
    /// that comes again does not run the workflow again.
    pub once_by: Option<InputName>,
    /// Ignore an event that is older than this.
    pub max_age: Option<Span>,
}

/// Raise a `repository_dispatch` event.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchRepository {
    /// What workflows ask for in `on.repository_dispatch.types`.
    pub event_type: String,
    /// Its `client_payload`, beside `gatepass`, which holds the event's id, source, type, time and fingerprint.
    #[serde(default)]
    pub payload: BTreeMap<InputName, Input>,
    /// Ignore an event that is older than this.
    pub max_age: Option<Span>,
}

/// A value for a workflow: what is interpolated must match a pattern, because workflows put their inputs into scripts.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Input {
    /// A text without anything of the event in it.
    Literal(String),
    /// A template whose result must match.
    Checked(CheckedInput),
}

/// By hand, so that what is wrong inside is told at its place.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Input;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, or { value: …, pattern: … }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Literal(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Input, A::Error> {
                CheckedInput::deserialize(MapAccessDeserializer::new(map)).map(Input::Checked)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A template and the pattern that its result must match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedInput {
    /// The template.
    pub value: String,
    /// From the beginning of the value to its end.
    pub pattern: Option<Pattern>,
}

/// An action that was written in Rust and linked into the binary.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// The name that it goes by.
    pub action: String,
    /// Its own settings.
    #[serde(default)]
    pub with: BTreeMap<String, serde_json::Value>,
}

/// Answer with what the repository is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRepository {
    /// What to answer besides the repository itself.
    #[serde(default)]
    pub include: Vec<Include>,
}

/// A part of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// Languages and their bytes.
    Languages,
    /// The latest release; null when there is none.
    LatestRelease,
    /// Open issues, without pull requests.
    OpenIssues,
    /// Open pull requests.
    OpenPulls,
}

impl Include {
    /// Its key in the answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Languages => "languages",
            Self::LatestRelease => "latest_release",
            Self::OpenIssues => "open_issues",
            Self::OpenPulls => "open_pulls",
        }
    }
}
