//! Log records: one JSON object a line on standard output, in the cloud's dialect.
//!
//! Every record of ours is an event with the target `gatepass`; records of other crates are kept from WARN up, because
//! some of them log whole payloads below it. Never a token, a JWT, a secret, a signature or a body.

use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The target of our own records.
pub const TARGET: &str = "gatepass";

/// How a cloud wants its log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Lambda's JSON log format: `timestamp`, `level`, `message`, `requestId`.
    Aws,
    /// Cloud Logging's special fields: `severity`, `message`, `logging.googleapis.com/trace`, with the project that a
    /// trace belongs to.
    Gcp {
        /// The project's id, where it is known.
        project: Option<String>,
    },
    /// Application Insights parses a line's JSON: `timestamp`, `level`, `message`, `operation_Id`.
    Azure,
}

/// What ties the records of one delivery together.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// The host's id of this request or invocation; shown in answers too.
    pub id: String,
    /// The trace it belongs to, where the host says so.
    pub trace: Option<String>,
}

tokio::task_local! {
    static CORRELATION: Correlation;
}

impl Correlation {
    /// Runs `future` with this correlation on all its records.
    pub async fn scope<T>(self, future: impl Future<Output = T>) -> T {
        CORRELATION.scope(self, future).await
    }

    /// Of the delivery that is being handled; none outside one.
    pub fn current() -> Option<Self> {
        CORRELATION.try_with(Self::clone).ok()
    }

    /// The id of the delivery that is being handled; empty outside one.
    pub fn current_id() -> String {
        CORRELATION.try_with(|correlation| correlation.id.clone()).unwrap_or_default()
    }
}

/// The level that `GATEPASS_LOG` names.
///
/// # Errors
/// A sentence that names the levels when it is none of them.
pub(crate) fn level(name: Option<&str>) -> Result<LevelFilter, String> {
    name.unwrap_or("info").parse().map_err(|_| {
        format!(
            "GATEPASS_LOG is `{}`: write off, error, warn, info, debug or trace",
            name.unwrap_or_default()
        )
    })
}

/// Starts the log. `level` is the value of `GATEPASS_LOG`; without one it is `info`.
///
/// A second call in one process changes nothing.
///
/// # Errors
/// A sentence that names the levels when `level` is none of them.
pub fn init(dialect: Dialect, level: Option<&str>) -> Result<(), String> {
    let level = self::level(level)?;
    let others = level.min(LevelFilter::WARN);
    let filter = Targets::new().with_default(others).with_target(TARGET, level);
    let subscriber = tracing_subscriber::registry().with(JsonLines { dialect }.with_filter(filter));
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        // The place and not the text: a panic message may hold anything.
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(target: TARGET, place, "a bug in gatepass: please report this place");
    }));
    Ok(())
}

/// Tells why a binary does not start: a record for each line, so that each problem of a file can be found. Gives the
/// exit code to end with. `GATEPASS_LOG` does not silence it: else nothing at all would be heard of a program that is not
/// there.
pub fn report_start_error(dialect: Dialect, error: &dyn fmt::Display) -> ExitCode {
    let log = JsonLines { dialect };
    for line in error.to_string().lines() {
        log.write(Level::ERROR, Map::from_iter([("message".to_owned(), json!(line))]));
    }
    ExitCode::FAILURE
}

struct JsonLines {
    dialect: Dialect,
}

impl JsonLines {
    fn record(&self, level: Level, fields: Map<String, Value>) -> Map<String, Value> {
        let mut line = Map::new();
        match &self.dialect {
            Dialect::Aws | Dialect::Azure => {
                line.insert("timestamp".into(), json!(Timestamp::now()));
                line.insert("level".into(), json!(level.as_str()));
            }
            Dialect::Gcp { .. } => {
                line.insert("severity".into(), json!(severity(level)));
                line.insert("time".into(), json!(Timestamp::now()));
            }
        }
        line.extend(fields);
        let _ = CORRELATION.try_with(|correlation| {
            line.insert("correlation_id".into(), json!(correlation.id));
            match (&self.dialect, &correlation.trace) {
                (Dialect::Aws, _) => {
                    line.insert("requestId".into(), json!(correlation.id));
                }
                (Dialect::Gcp { project: Some(project) }, Some(trace)) => {
                    let trace = format!("projects/{project}/traces/{trace}");
                    line.insert("logging.googleapis.com/trace".into(), json!(trace));
                }
                (Dialect::Gcp { project: None }, Some(trace)) => {
                    line.insert("logging.googleapis.com/trace".into(), json!(trace));
                }
                (Dialect::Azure, Some(trace)) => {
                    line.insert("operation_Id".into(), json!(trace));
                }
                (_, None) => {}
            }
        });
        line
    }

    fn write(&self, level: Level, fields: Map<String, Value>) {
        if let Ok(mut text) = serde_json::to_vec(&self.record(level, fields)) {
            text.push(b'\n');
            // In one write, so that lines of several threads do not mix; a closed pipe must not stop the work.
            let _ = std::io::stdout().lock().write_all(&text);
        }
    }
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        self.write(*event.metadata().level(), fields.0);
    }
}

/// Cloud Logging's names of the levels.
fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), Value::String(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn line(dialect: Dialect) -> Map<String, Value> {
        let fields = Map::from_iter([("message".to_owned(), json!("outcome"))]);
        Correlation { id: "r1".into(), trace: Some("t1".into()) }
            .scope(async { JsonLines { dialect }.record(Level::WARN, fields) })
            .await
    }

    #[tokio::test]
    async fn each_cloud_gets_its_dialect() {
        let aws = line(Dialect::Aws).await;
        assert_eq!(
            (&aws["level"], &aws["requestId"], &aws["message"]),
            (&json!("WARN"), &json!("r1"), &json!("outcome"))
        );
        let gcp = line(Dialect::Gcp { project: Some("p".into()) }).await;
        assert_eq!(gcp["severity"], "WARNING");
        assert_eq!(gcp["logging.googleapis.com/trace"], "projects/p/traces/t1");
        let azure = line(Dialect::Azure).await;
        assert_eq!((&azure["operation_Id"], &azure["correlation_id"]), (&json!("t1"), &json!("r1")));
    }

    #[test]
    fn an_unknown_level_names_the_known_ones() {
        assert!(init(Dialect::Aws, Some("loud")).unwrap_err().contains("debug"));
    }
}
