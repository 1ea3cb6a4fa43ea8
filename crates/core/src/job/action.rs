//! What a job does, whichever it is.

use std::collections::BTreeMap;

use gatepass_yaml::Path;

use super::comment::Comment;
use super::custom::{Actions, Custom};
use super::dispatch::{DispatchRepository, DispatchWorkflow};
use super::open_issue::OpenIssue;
use super::read_repository::ReadRepository;
use super::template::Compiler;
use crate::config;

/// What a job does.
#[derive(Debug)]
pub(super) enum Action {
    OpenIssue(Box<OpenIssue>),
    ReadRepository(ReadRepository),
    Comment(Comment),
    DispatchWorkflow(DispatchWorkflow),
    DispatchRepository(DispatchRepository),
    Custom(Custom),
}

impl Action {
    /// `None` when something was reported: here, or by `check` when there is not exactly one.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        job: &config::Job,
        actions: &Actions,
    ) -> Option<Self> {
        let reads: Vec<&str> = job.read.keys().map(|name| name.as_str()).collect();
        if let Some(action) = &job.open_issue {
            let action = OpenIssue::compile(compiler, &place.key("open_issue"), action, &reads)?;
            return Some(Self::OpenIssue(Box::new(action)));
        }
        if let Some(action) = &job.comment {
            return Comment::compile(compiler, &place.key("comment"), action, &reads).map(Self::Comment);
        }
        if let Some(action) = &job.dispatch_workflow {
            let place = place.key("dispatch_workflow");
            return DispatchWorkflow::compile(compiler, &place, action, &reads).map(Self::DispatchWorkflow);
        }
        if let Some(action) = &job.dispatch_repository {
            let place = place.key("dispatch_repository");
            return DispatchRepository::compile(compiler, &place, action, &reads)
                .map(Self::DispatchRepository);
        }
        if let Some(action) = &job.custom {
            return Custom::compile(compiler, &place.key("custom"), action, actions).map(Self::Custom);
        }
        job.read_repository.as_ref().map(|action| Self::ReadRepository(ReadRepository::compile(action)))
    }

    /// Whether it only reads.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadRepository(_))
    }

    /// Whether doing it again for the same event changes nothing. What is not sure to be found again does not converge.
    pub(super) fn converges(&self) -> bool {
        match self {
            Self::OpenIssue(_) | Self::ReadRepository(_) => true,
            Self::Comment(_) | Self::DispatchWorkflow(_) | Self::DispatchRepository(_) | Self::Custom(_) => {
                false
            }
        }
    }

    /// The permissions that it needs beside those of its job's `read` steps.
    pub(super) fn permissions(&self) -> BTreeMap<String, String> {
        let writes = |name: &str| BTreeMap::from([(name.to_owned(), "write".to_owned())]);
        match self {
            Self::OpenIssue(_) | Self::Comment(_) => writes("issues"),
            Self::DispatchWorkflow(_) => writes("actions"),
            Self::DispatchRepository(_) => writes("contents"),
            Self::ReadRepository(action) => {
                action.permissions().map(|name| (name.to_owned(), "read".to_owned())).collect()
            }
            Self::Custom(action) => action.permissions(),
        }
    }
}
