//! Values for workflows. They put them into scripts, so whatever an event has a say in must match a pattern.

use std::collections::BTreeMap;

use gatepass_yaml::Path;
use minijinja::Value;

use crate::config::{self, Input, Pattern};
use crate::failure::Failure;
use crate::job::template::{Compiler, Purpose, Template, Templates};
use crate::names::InputName;

/// Compiled values by their names.
#[derive(Debug)]
pub(super) struct Inputs {
    place: String,
    list: Vec<(InputName, Kind)>,
}

#[derive(Debug)]
enum Kind {
    Literal(String),
    Checked { template: Template, pattern: Pattern },
}

impl Inputs {
    /// `None` when something was reported.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        inputs: &BTreeMap<InputName, Input>,
        most: usize,
        reads: &[&str],
    ) -> Option<Self> {
        if inputs.len() > most {
            let message = format!("there are {}, and GitHub takes no more than {most}", inputs.len());
            compiler.report(place, message, "put several of them into one");
        }
        let compiled: Vec<_> = inputs
            .iter()
            .map(|(name, input)| {
                let kind = Kind::compile(compiler, &place.key(name.as_str()), input, reads)?;
                Some((name.clone(), kind))
            })
            .collect();
        let list = compiled.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Self { place: place.to_string(), list })
    }

    /// The values for this event.
    ///
    /// # Errors
    /// Invalid when one does not match its pattern: it is named, and never shown.
    pub(super) fn render(
        &self,
        templates: &Templates,
        scope: &Value,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let render = |(name, kind): &(InputName, Kind)| {
            let value = match kind {
                Kind::Literal(text) => text.clone(),
                Kind::Checked { template, pattern } => {
                    let value = templates.render(template, scope)?;
                    if !pattern.matches(&value) {
                        return Err(Failure::invalid(format!(
                            "{}.{name}: the value of this event does not match the pattern {}; change the pattern if it should",
                            self.place,
                            pattern.as_str()
                        )));
                    }
                    value
                }
            };
            Ok((name.to_string(), value))
        };
        self.list.iter().map(render).collect()
    }
}

impl Kind {
    fn compile(compiler: &mut Compiler<'_>, place: &Path, input: &Input, reads: &[&str]) -> Option<Self> {
        const HELP: &str =
            "write { value: \"{{ … }}\", pattern: '…' }: the value must match all of the pattern";
        let (place, value, pattern) = match input {
            Input::Literal(text) => (place.clone(), text, None),
            Input::Checked(checked) => (place.key("value"), &checked.value, checked.pattern.as_ref()),
        };
        match (config::is_template(value), pattern) {
            (false, None) => Some(Self::Literal(value.clone())),
            (true, None) => {
                compiler.report(&place, "an interpolated input needs a pattern", HELP);
                None
            }
            (false, Some(pattern)) => {
                if !pattern.matches(value) {
                    compiler.report(&place, "this does not match its own pattern", "change either of them");
                }
                Some(Self::Literal(value.clone()))
            }
            (true, Some(pattern)) => {
                let template = compiler.template(Purpose::Plain, &place, value, reads)?;
                Some(Self::Checked { template, pattern: pattern.clone() })
            }
        }
    }
}
