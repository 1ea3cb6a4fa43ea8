//! Actions that are written in Rust and linked into a binary.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gatepass_yaml::Path;
use serde_json::Value;

use super::situation::Situation;
use super::template::Compiler;
use crate::config;
use crate::event::Event;
use crate::failure::Failure;
use crate::github::GitHub;
use crate::id_token::Pending;
use crate::names::JobId;
use crate::report::Done;

/// An action of your own: `custom: { action: NAME, with: {…} }` in the file.
///
/// It may be called more than once for the same event, as every delivery may come again, also to another process: let it look
/// before it writes. [`Event::fingerprint`] is the same for every delivery of an event, and short enough for a marker.
pub trait CustomAction: Send + Sync {
    /// What the file calls it.
    fn name(&self) -> &str;

    /// What its trust policy must grant: permission to `read` or `write`.
    fn permissions(&self) -> BTreeMap<String, String>;

    /// Whether it can work with these settings. It is asked once, when the file is read.
    ///
    /// # Errors
    /// What is wrong, for whoever wrote the file.
    fn check(&self, settings: &BTreeMap<String, Value>) -> Result<(), String> {
        let _ = settings;
        Ok(())
    }

    /// Does it for one event, within the time that [`GitHub::time_left`] tells: what is not done by then is dropped and
    /// Deferred.
    ///
    /// # Errors
    /// A [`Failure`] whose class says what becomes of the event.
    fn run<'a>(&'a self, call: Call<'a>) -> Pending<'a, Result<Done, Failure>>;
}

/// What a custom action is called with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The job's id, as labels and markers have it.
    pub job: &'a JobId,
    /// The event, which its sender has been verified for.
    pub event: &'a Event,
    /// `with` of the file, as it stands there.
    pub settings: &'a BTreeMap<String, Value>,
    /// GitHub, with a token for the job's repository once one is needed.
    pub github: &'a GitHub<'a>,
    /// Whether to say what would be done and to write nothing.
    pub dry_run: bool,
}

/// The custom actions of a binary.
#[derive(Clone, Default)]
pub struct Actions {
    known: BTreeMap<String, Arc<dyn CustomAction>>,
    any: bool,
}

impl Actions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// For who reads a file and runs nothing: takes every name for that of an action.
    pub fn any() -> Self {
        Self { known: BTreeMap::new(), any: true }
    }

    /// With one more. A second one of the same name takes the first one's place.
    #[must_use]
    pub fn with(mut self, action: impl CustomAction + 'static) -> Self {
        self.known.insert(action.name().to_owned(), Arc::new(action));
        self
    }

    pub(super) fn takes_any(&self) -> bool {
        self.any
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<dyn CustomAction>> {
        self.known.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// A compiled `custom`.
pub(super) struct Custom {
    name: String,
    /// `None` where a file is only read.
    action: Option<Arc<dyn CustomAction>>,
    settings: BTreeMap<String, Value>,
}

impl Custom {
    /// `None` when something was reported.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        custom: &config::Custom,
        actions: &Actions,
    ) -> Option<Self> {
        let action = actions.get(&custom.action);
        if action.is_none() && !actions.takes_any() {
            let help = match gatepass_yaml::nearest(&custom.action, actions.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => match actions.names().collect::<Vec<_>>().join(", ") {
                    known if known.is_empty() => "link it into the binary with Actions::with".to_owned(),
                    known => format!("link it into the binary with Actions::with; there are: {known}"),
                },
            };
            let message = format!("this binary has no action `{}`", custom.action);
            compiler.report(&place.key("action"), message, help);
            return None;
        }
        if let Some(Err(message)) = action.map(|action| action.check(&custom.with)) {
            let help = format!("compare it with what the action `{}` takes", custom.action);
            compiler.report(&place.key("with"), message, help);
            return None;
        }
        Some(Self { name: custom.action.clone(), action: action.cloned(), settings: custom.with.clone() })
    }

    /// What the file calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What its trust policy must grant.
    pub(super) fn permissions(&self) -> BTreeMap<String, String> {
        self.action.as_ref().map(|action| action.permissions()).unwrap_or_default()
    }

    pub(super) async fn run(&self, situation: &Situation<'_>, github: &GitHub<'_>) -> Result<Done, Failure> {
        let Some(action) = &self.action else { return Err(Failure::bug()) };
        let Situation { job, event, dry_run, .. } = *situation;
        action.run(Call { job, event, settings: &self.settings, github, dry_run }).await
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use crate::job::Jobs;
    use crate::report::Status;

    struct Stamp;

    impl CustomAction for Stamp {
        fn name(&self) -> &'static str {
            "stamp"
        }

        fn permissions(&self) -> BTreeMap<String, String> {
            [("statuses", "write"), ("contents", "read")]
                .map(|(name, level)| (name.to_owned(), level.to_owned()))
                .into()
        }

        fn check(&self, settings: &BTreeMap<String, Value>) -> Result<(), String> {
            settings.get("context").map(drop).ok_or_else(|| "there is no `context`".to_owned())
        }

        fn run<'a>(&'a self, _: Call<'a>) -> Pending<'a, Result<Done, Failure>> {
            Box::pin(async { Ok(Done::new(Status::Updated)) })
        }
    }

    fn compile(custom: &str, actions: &Actions) -> Result<BTreeMap<String, String>, String> {
        let text = format!(
            "version: 1\ndefaults: {{ repository: a/b, trust_policy: t }}\njobs:\n  one:\n    triggers: [{{ event: {{ source: s }} }}]\n    read: {{ pulls: pulls, release: releases/latest }}\n    custom: {custom}\n"
        );
        let file = load("x.yaml", &text).unwrap();
        match Jobs::compile(&file, None, actions) {
            Ok((jobs, _)) => Ok(jobs.get("one").unwrap().permissions().clone()),
            Err(error) => Err(error.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn an_action_is_found_by_its_name_and_asked_about_its_settings() {
        let linked = Actions::new().with(Stamp);
        let found = compile("{ action: stamp, with: { context: ci } }", &linked).unwrap();
        let expected = [("contents", "read"), ("pull_requests", "read"), ("statuses", "write")];
        assert_eq!(found, expected.map(|(name, level)| (name.to_owned(), level.to_owned())).into());
        for (custom, actions, words) in [
            (
                "{ action: stmap }",
                &linked,
                ["jobs.one.custom.action", "no action `stmap`", "did you mean `stamp`"],
            ),
            ("{ action: paint }", &linked, ["custom.action", "Actions::with", "there are: stamp"]),
            ("{ action: stamp }", &Actions::new(), ["custom.action", "no action `stamp`", "Actions::with"]),
            ("{ action: stamp }", &linked, ["custom.with", "there is no `context`", "`stamp` takes"]),
            ("{ name: stamp }", &linked, ["custom", "name", "action"]),
        ] {
            let said = compile(custom, actions).unwrap_err();
            for word in words {
                assert!(said.contains(word), "{word:?} is not in {said}");
            }
        }
    }

    #[test]
    fn who_only_reads_a_file_takes_every_name() {
        let found = compile("{ action: anything, with: { a: [1, { b: true }] } }", &Actions::any()).unwrap();
        assert_eq!(found.len(), 2, "those of the read steps");
    }
}
