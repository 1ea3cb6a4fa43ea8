//! The environment, read in one place.

use std::collections::BTreeMap;
use std::fmt;

/// A snapshot of the environment variables. It is taken once, in `main`; nothing else reads the environment,
/// so a test can hand in its own.
///
/// Reserved Lambda variables are credentials, so this never prints its values and templates never see it.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's own environment. Variables that are not Unicode are left out.
    pub fn from_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The arguments that follow the program's name. What is not Unicode in them is replaced, and fits nothing.
    pub fn arguments() -> Vec<String> {
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    /// The same, but with this variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The variable's value; one that is set to nothing counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on: `1` or `true`; off: `0`, `false` or not set.
    ///
    /// # Errors
    /// A sentence when it is anything else: whoever wrote it meant something.
    pub fn is_on(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(format!("{name} is neither 1 nor 0")),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_on_or_off_or_an_error() {
        let env = Env::from_iter([("ON", "1"), ("TOO", "true"), ("OFF", "0"), ("EMPTY", ""), ("ODD", "yes")]);
        let switches = ["ON", "TOO", "OFF", "EMPTY", "UNSET"].map(|name| env.is_on(name));
        assert_eq!(switches, [true, true, false, false, false].map(Ok));
        assert!(env.is_on("ODD").unwrap_err().contains("ODD is neither"));
    }

    #[test]
    fn nothing_shows_a_value() {
        let env = Env::from_iter([("AWS_SECRET_ACCESS_KEY", "hunter2")]);
        assert_eq!(format!("{env:?}"), r#"{"AWS_SECRET_ACCESS_KEY"}"#);
    }
}
