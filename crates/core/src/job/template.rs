//! Templates and conditions.
//!
//! Templates see `event`, `vars` and what the job has read, and no environment. Printing something that is not there is an
//! error; so is asking for it inside. What is interpolated is treated by what the text is for; the author's literal
//! text is not touched.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::neutral;
use crate::config::Loaded;
use crate::event::Event;
use crate::failure::Failure;

/// The most that one template may print, in bytes.
const MAX_OUTPUT: usize = 1024 * 1024;

/// The most steps that one template may take.
const FUEL: u64 = 500_000;

/// RFC 3986's unreserved characters stay as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a template's text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// People read it on GitHub: values are neutralised.
    Prose,
    /// It is compared or hashed: values stay as they are.
    Plain,
    /// It is a URL's path and query: values are percent-encoded.
    Path,
}

impl Purpose {
    fn prefix(self) -> &'static str {
        match self {
            Self::Prose => "prose:",
            Self::Plain => "plain:",
            Self::Path => "path:",
        }
    }

    fn of(template: &str) -> Self {
        [Self::Plain, Self::Path]
            .into_iter()
            .find(|kind| template.starts_with(kind.prefix()))
            .unwrap_or(Self::Prose)
    }
}

/// A compiled template; its text is in [`Templates`].
#[derive(Clone, Debug)]
pub(super) struct Template {
    name: String,
}

/// A compiled condition.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    place: String,
    source: String,
}

/// All templates of a file.
#[derive(Debug)]
pub(super) struct Templates {
    templates: Environment<'static>,
    conditions: Environment<'static>,
}

/// What templates see.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Scope<'a> {
    pub(super) event: &'a Event,
    pub(super) vars: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) reads: BTreeMap<String, serde_json::Value>,
}

impl Templates {
    pub(super) fn new() -> Self {
        let mut templates = environment(UndefinedBehavior::SemiStrict);
        templates.set_formatter(write_value);
        templates.set_fuel(Some(FUEL));
        let mut conditions = environment(UndefinedBehavior::Chainable);
        conditions.set_fuel(Some(FUEL));
        Self { templates, conditions }
    }

    /// Compiles the template that stands at `place`; it may use `event`, `vars` and `reads`.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub(super) fn compile(
        &mut self,
        purpose: Purpose,
        place: &gatepass_yaml::Path,
        source: &str,
        reads: &[&str],
    ) -> Result<Template, (String, String)> {
        let name = format!("{}{place}", purpose.prefix());
        self.templates.add_template_owned(name.clone(), source.to_owned()).map_err(|error| {
            (format!("the template cannot be read: {}", told(&error, source)), String::new())
        })?;
        let template =
            self.templates.get_template(&name).map_err(|error| (told(&error, source), String::new()))?;
        let known: Vec<&str> = ["event", "vars"].iter().chain(reads).copied().collect();
        check_names(template.undeclared_variables(false), &self.templates, &known)?;
        Ok(Template { name })
    }

    /// Compiles a condition; it may use `event`.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub(super) fn compile_condition(
        &self,
        place: &gatepass_yaml::Path,
        source: &str,
    ) -> Result<Condition, (String, String)> {
        let expression = self.conditions.compile_expression(source).map_err(|error| {
            let help = "write an expression, as in event.data.state == \"ALARM\"; no braces around it";
            (format!("the condition cannot be read: {}", told(&error, source)), help.to_owned())
        })?;
        check_names(expression.undeclared_variables(false), &self.conditions, &["event"])?;
        Ok(Condition { place: place.to_string(), source: source.to_owned() })
    }

    /// # Errors
    /// Invalid when something that is printed is not there, and whatever else goes wrong: the same event will fail again.
    pub(super) fn render(&self, template: &Template, scope: &Value) -> Result<String, Failure> {
        let mut output = Capped(Vec::new());
        let place = template.name.split_once(':').map_or("", |(_, place)| place);
        let failed =
            |error: &Error, source: &str| Failure::invalid(format!("{place}: {}", told(error, source)));
        let compiled = self.templates.get_template(&template.name).map_err(|error| failed(&error, ""))?;
        compiled
            .render_captured_to(scope.clone(), &mut output)
            .map_err(|error| failed(&error, compiled.source()))?;
        String::from_utf8(output.0).map_err(|_| Failure::invalid(format!("{place}: not UTF-8")))
    }

    /// # Errors
    /// Invalid when the condition raises an error.
    pub(super) fn holds(&self, condition: &Condition, scope: &Value) -> Result<bool, Failure> {
        self.conditions
            .compile_expression(&condition.source)
            .and_then(|expression| expression.eval(scope.clone()))
            .map(|value| value.is_true())
            .map_err(|error| {
                Failure::invalid(format!("{}: {}", condition.place, told(&error, &condition.source)))
            })
    }
}

impl Scope<'_> {
    pub(super) fn value(&self) -> Value {
        Value::from(Serde(self))
    }
}

fn environment(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    // Error messages would hold the event's data otherwise.
    environment.set_debug(false);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // They would do nothing here, so whoever writes them should hear of it.
    for filter in ["safe", "escape", "e"] {
        environment.remove_filter(filter);
    }
    environment.remove_global("debug");
    environment.add_filter("trusted", |value: &Value| Value::from_object(Trusted(value.to_string())));
    // The engine's own writes `<` and `&` as escapes, for HTML.
    environment.add_filter("tojson", |value: Value| {
        serde_json::to_string(&value)
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, "this cannot be JSON"))
    });
    environment
}

/// What the author trusts. A type of our own and not the engine's mark for safe strings, because that spreads: whatever is
/// joined to a safe string is safe.
#[derive(Debug)]
struct Trusted(String);

impl Object for Trusted {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes one interpolated value by the purpose of its template.
fn write_value(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let text = if value.is_none() { String::new() } else { value.to_string() };
    let text = match Purpose::of(state.name()) {
        Purpose::Plain => text,
        Purpose::Path => utf8_percent_encode(&text, SEGMENT).to_string(),
        Purpose::Prose if value.downcast_object_ref::<Trusted>().is_some() => text,
        Purpose::Prose => neutral::neutralise(&text),
    };
    output.write_str(&text).map_err(Error::from)
}

fn check_names(
    used: impl IntoIterator<Item = String>,
    environment: &Environment<'_>,
    known: &[&str],
) -> Result<(), (String, String)> {
    let mut used: Vec<String> = used.into_iter().collect();
    used.sort();
    for name in used {
        if known.contains(&name.as_str()) || environment.globals().any(|(global, _)| global == name) {
            continue;
        }
        let help = match gatepass_yaml::nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        return Err((format!("the name `{name}` is not defined"), help));
    }
    Ok(())
}

/// What a template error tells, with the piece of the template that it is about and nothing of the event.
fn told(error: &Error, source: &str) -> String {
    let piece = error.range().map(|range| piece(source, range)).filter(|piece| !piece.is_empty());
    let piece = piece.map(|piece| format!("`{piece}`"));
    match (error.kind(), piece) {
        (ErrorKind::UndefinedError, Some(piece)) => format!("{piece} is not there in this event"),
        (ErrorKind::UndefinedError, None) => "something is not there in this event".into(),
        (ErrorKind::OutOfFuel, _) => "the template takes too long; is there a loop over too much?".into(),
        (ErrorKind::WriteFailure, _) => format!("the template prints more than {MAX_OUTPUT} bytes"),
        // These details hold names and punctuation of the template alone.
        (
            ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownMethod,
            piece,
        ) => {
            let detail = error.detail().unwrap_or("it is not understood");
            let line = error.line().map(|line| format!(" (line {line} of the template)")).unwrap_or_default();
            piece.map_or_else(|| format!("{detail}{line}"), |piece| format!("{detail}, at {piece}{line}"))
        }
        (kind, Some(piece)) => format!("{kind} at {piece}"),
        (kind, None) => kind.to_string(),
    }
}

/// The expression that `range` ends in: the whole path, where it is the end of one.
fn piece(source: &str, range: std::ops::Range<usize>) -> String {
    let before = source.get(..range.end).unwrap_or_default();
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '"' | '\'');
    let path = before.rsplit(|c| !is_path(c)).next().unwrap_or_default();
    let piece = if path.is_empty() { source.get(range).unwrap_or_default() } else { path };
    piece.trim().trim_start_matches('.').chars().take(80).collect()
}

/// Takes at most [`MAX_OUTPUT`] bytes.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compiles templates of one file and collects what is wrong with them.
pub(super) struct Compiler<'a> {
    pub(super) file: &'a Loaded,
    pub(super) templates: Templates,
    pub(super) problems: Vec<gatepass_yaml::Problem>,
}

impl Compiler<'_> {
    pub(super) fn template(
        &mut self,
        purpose: Purpose,
        place: &gatepass_yaml::Path,
        source: &str,
        reads: &[&str],
    ) -> Option<Template> {
        match self.templates.compile(purpose, place, source, reads) {
            Ok(template) => Some(template),
            Err((message, help)) => {
                self.report(place, message, help);
                None
            }
        }
    }

    pub(super) fn condition(&mut self, place: &gatepass_yaml::Path, source: &str) -> Option<Condition> {
        match self.templates.compile_condition(place, source) {
            Ok(condition) => Some(condition),
            Err((message, help)) => {
                self.report(place, message, help);
                None
            }
        }
    }

    pub(super) fn report(
        &mut self,
        place: &gatepass_yaml::Path,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(self.file.problem(place.clone(), message, help));
    }
}

#[cfg(test)]
mod tests {
    use gatepass_yaml::Path;
    use serde_json::{Map, json};

    use super::*;

    fn event() -> Event {
        Event {
            id: "1".into(),
            source: "s".into(),
            kind: "t".into(),
            time: jiff::Timestamp::UNIX_EPOCH,
            subject: None,
            attributes: Map::new(),
            data: json!({"who": "@ada", "path": "a/b ?", "none": null, "n": 7, "list": [1, 2], "secret": "hunter2"}),
        }
    }

    fn render(purpose: Purpose, source: &str) -> Result<String, String> {
        let mut templates = Templates::new();
        let place = Path::root().key("title");
        let (event, vars) = (event(), BTreeMap::new());
        let scope = Scope { event: &event, vars: &vars, reads: BTreeMap::new() }.value();
        let template = templates.compile(purpose, &place, source, &[]).map_err(|(message, _)| message)?;
        templates.render(&template, &scope).map_err(|failure| failure.message)
    }

    #[test]
    fn a_value_is_treated_by_what_the_text_is_for() {
        let table = [
            (Purpose::Prose, "@team {{ event.data.who }}", "@team @\u{200b}ada"),
            (Purpose::Prose, "{{ event.data.who | trusted }}", "@ada"),
            (Purpose::Prose, "{% autoescape false %}{{ event.data.who }}{% endautoescape %}", "@\u{200b}ada"),
            (
                Purpose::Prose,
                "{% autoescape 'html' %}{{ event.data.who }}{% endautoescape %}",
                "@\u{200b}ada",
            ),
            (Purpose::Prose, "{% set x %}{{ event.data.who }}{% endset %}{{ x }}", "@\u{200b}ada"),
            (Purpose::Prose, "{{ event.data.who | tojson }}", "\"@\u{200b}ada\""),
            (Purpose::Prose, "{{ event.data.none }}|{{ event.data.n }}", "|7"),
            (Purpose::Plain, "{{ event.data.who }}", "@ada"),
            (Purpose::Path, "x/{{ event.data.path }}", "x/a%2Fb%20%3F"),
            (Purpose::Path, "x/{{ event.data.path | trusted }}", "x/a%2Fb%20%3F"),
        ];
        for (purpose, source, expected) in table {
            assert_eq!(render(purpose, source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_trusted_does_not_spread_to_what_is_not() {
        let safe = "('x '|trusted)";
        let who = "event.data.who";
        for expression in [
            format!("{safe} ~ {who}"),
            format!("{safe} + {who}"),
            format!("{safe} | replace('x', {who})"),
            format!("[{safe}, {who}] | join({safe})"),
            format!("[{who}, {who}] | join({safe})"),
            format!("[{who}] | join | trim"),
            format!("({who} ~ {safe}) | upper | lower"),
            format!("none | default({who})"),
            format!("[{who}] | first"),
            format!("'%s %s' | format({safe}, {who})"),
            format!("('%s'|trusted) | format({who})"),
            format!("{who} | escape"),
            format!("'%s'.format({who})"),
            format!("({safe}).replace('x', {who})"),
            format!("({safe} ~ {who})[1:]"),
        ] {
            let rendered = render(Purpose::Prose, &format!("{{{{ {expression} }}}}"));
            assert!(!rendered.as_ref().is_ok_and(|text| text.contains("@ada")), "{expression}: {rendered:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (source, words) in [
            ("{{ event.data.nope }}", "`event.data.nope` is not there in this event"),
            ("a\n{{ event.data.nope.more }}", "`event.data.nope.more` is not there"),
            ("{{ event.data.list[9] }}", "is not there in this event"),
            ("{{ evnt.id }}", "the name `evnt` is not defined"),
            ("{{ event.id | frob }}", "filter frob is unknown"),
            ("{{ event.id | safe }}", "filter safe is unknown"),
            ("{{ 'a' if", "the template cannot be read"),
            ("{{ debug() }}", "`debug` is not defined"),
        ] {
            let error = render(Purpose::Prose, source).unwrap_err();
            assert!(error.contains(words), "{source}: {error}");
        }
    }

    #[test]
    fn an_error_shows_the_template_and_never_the_event() {
        for source in [
            "{{ event.data.secret + 1 }}",
            "{{ event.data.secret.x.y }}",
            "{{ event.data.secret | int }}",
            "{{ event.data.nope }}",
        ] {
            let error = render(Purpose::Prose, source).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn time_and_output_are_bounded() {
        let long = render(Purpose::Prose, "{{ 'x' * 2000000 }}").unwrap_err();
        assert!(long.contains("prints more than"), "{long}");
        let slow = render(
            Purpose::Plain,
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        );
        assert!(slow.unwrap_err().contains("takes too long"));
    }

    #[test]
    fn a_condition_takes_what_is_missing_as_undefined() {
        let templates = Templates::new();
        let place = Path::root().key("if");
        let (event, vars) = (event(), BTreeMap::new());
        let scope = Scope { event: &event, vars: &vars, reads: BTreeMap::new() }.value();
        for (source, expected) in [
            ("event.data.n == 7", true),
            ("event.data.a.b.c == 7", false),
            ("event.data.a.b.c", false),
            ("event.data.who in ['@ada']", true),
            ("not event.data.a.b", true),
        ] {
            let condition = templates.compile_condition(&place, source).unwrap();
            assert_eq!(templates.holds(&condition, &scope).unwrap(), expected, "{source}");
        }
        let raises = templates.compile_condition(&place, "event.data.who + 1 == 2").unwrap();
        assert!(templates.holds(&raises, &scope).unwrap_err().message.starts_with("if: "));
        for bad in ["{{ event.id }}", "event.id ==", "evnt.id == 1", "pulls | length", "vars.TEAM == 'a'"] {
            assert!(templates.compile_condition(&place, bad).is_err(), "{bad}");
        }
    }
}
