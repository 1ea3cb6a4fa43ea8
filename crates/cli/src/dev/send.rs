//! Sending an event the way its platform does, and reading what came of it.

use gatepass_sandbox::hosts::cloud_run::{Front, SchedulerJob};
use gatepass_sandbox::hosts::functions::{InvocationFailure, Timer};
use gatepass_sandbox::hosts::lambda::{Entrance, FunctionError, IamCaller};
use gatepass_sandbox::hosts::webhook::Signature;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::gcp::{SCHEDULER, ServiceAccount};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fresh;
use super::place::Place;
use super::plan::{Errand, Knocker, Way};
use super::stage::{App, Service, Stage};

/// What became of one job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// The job, where it got that far.
    pub(super) job: String,
    /// The job's status, or the class of its failure.
    pub(super) status: String,
    /// Where the result can be seen.
    pub(super) url: Option<String>,
    /// Why it failed.
    pub(super) detail: Option<String>,
    /// The whole answer.
    pub(super) answer: Value,
}

/// The statuses of jobs that did not fail.
const DONE: [&str; 7] = ["created", "updated", "reopened", "closed", "unchanged", "read", "ignored"];

impl Outcome {
    pub(super) fn is_done(&self) -> bool {
        DONE.contains(&self.status.as_str())
    }

    fn failed(job: &str, class: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let answer = json!({ "job": job, "status": class, "detail": detail });
        Self { job: job.to_owned(), status: class.to_owned(), url: None, detail: Some(detail), answer }
    }

    fn of(answer: &Value) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            job: text("job")?,
            status: text("status")?,
            url: text("url"),
            detail: text("detail"),
            answer: answer.clone(),
        })
    }
}

impl Stage {
    /// Sends the event of `errand`, changed by `change`, and answers what became of every job it was for.
    pub(super) async fn send(&self, errand: &Errand, change: Option<&Value>) -> Vec<Outcome> {
        let sent = match (errand.place, &self.lambda, &self.cloud_run, &self.functions) {
            (Place::Lambda, Some(_), _, _) => self.to_lambda(errand, change).await,
            (Place::CloudRun, _, Some(service), _) => self.to_cloud_run(service, errand, change).await,
            (Place::Functions, _, _, Some(app)) => self.to_functions(app, errand, change).await,
            _ => Err(format!("{} is not running", errand.place.host())),
        };
        sent.unwrap_or_else(|why| vec![Outcome::failed(errand.job(), "not sent", why)])
    }

    async fn to_lambda(&self, errand: &Errand, change: Option<&Value>) -> Result<Vec<Outcome>, String> {
        let Some(lambda) = &self.lambda else { return Ok(Vec::new()) };
        let job = errand.job();
        let invoked = |result: Result<Vec<u8>, FunctionError>| match result {
            Ok(bytes) => read_results(job, &serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) => vec![Outcome::failed(job, &error.error_type, error.message)],
        };
        match &errand.way {
            Way::Alarm => {
                let event = fresh::alarm(change)?.to_string();
                Ok(invoked(lambda.invoke(event.as_bytes()).await))
            }
            Way::Invocation => {
                let mut event = json!({
                    "job": job, "name": job, "scheduled_time": Timestamp::now(), "execution_id": fresh::id()?,
                });
                if let (Some(input), Some(event)) = (change, event.as_object_mut()) {
                    event.insert("input".to_owned(), input.clone());
                }
                Ok(invoked(lambda.invoke(event.to_string().as_bytes()).await))
            }
            way => {
                let (caller, call) = match way {
                    Way::Webhook(name) => {
                        (None, fresh::webhook(name, change)?.call(&hook(job), &self.secret, Signature::Right))
                    }
                    Way::Request { knocker: Knocker::Host, get } => {
                        let user_arn = "arn:aws:iam::111122223333:user/console".to_owned();
                        (Some(IamCaller { user_arn }), request(job, "", *get, change))
                    }
                    Way::Request { knocker, get } => {
                        (None, self.bearing(request(job, "", *get, change), knocker, ""))
                    }
                    _ => return Err("Lambda has no such trigger".to_owned()),
                };
                let answer = lambda.http(Entrance::FunctionUrl(caller), &call).await;
                Ok(match answer {
                    Ok(answer) => read_answer(job, &answer),
                    Err(error) => vec![Outcome::failed(job, &error.error_type, error.message)],
                })
            }
        }
    }

    async fn to_cloud_run(
        &self,
        service: &Service,
        errand: &Errand,
        change: Option<&Value>,
    ) -> Result<Vec<Outcome>, String> {
        let job = errand.job();
        let door = |knocker: &Knocker| -> &Front {
            if *knocker == Knocker::Host { &service.private } else { &service.public }
        };
        let answer = match &errand.way {
            Way::Scheduler(knocker) => {
                let front = door(knocker).url();
                let (audience, account) = proof(knocker, front);
                let mut scheduled = SchedulerJob::new(job, front, format!("/jobs/{job}")).audience(audience);
                scheduled.account = account;
                scheduled.body = change.map(Value::to_string).unwrap_or_default().into_bytes();
                scheduled.run(&self.client, &self.sandbox.identity.gcp, &self.trace()).await
            }
            Way::Webhook(name) => {
                let webhook = fresh::webhook(name, change)?;
                webhook
                    .send(&self.client, service.public.url(), &hook(job), &self.secret, &self.trace())
                    .await
            }
            Way::Request { knocker, get } => {
                let front = door(knocker).url();
                let call = self.bearing(request(job, "", *get, change), knocker, front);
                call.send(&self.client, front).await
            }
            _ => return Err("Cloud Run has no such trigger".to_owned()),
        };
        Ok(read_answer(job, &answer.map_err(|error| error.to_string())?))
    }

    async fn to_functions(
        &self,
        app: &App,
        errand: &Errand,
        change: Option<&Value>,
    ) -> Result<Vec<Outcome>, String> {
        let (job, url) = (errand.job(), app.host.url());
        let answer = match &errand.way {
            Way::Timer(_) if change.is_some() => return Err("a timer carries no body".to_owned()),
            Way::Timer(function) => {
                return Ok(match app.host.timer(&Timer::new(function)).await {
                    Ok(invoked) => invoked.logs.iter().filter_map(|line| read_log(line)).collect(),
                    Err(InvocationFailure::Status { body, .. }) => {
                        read_results(job, &serde_json::from_str(&body).unwrap_or_default())
                    }
                    Err(failure) => vec![Outcome::failed(job, "invocation failed", failure.to_string())],
                });
            }
            Way::Webhook(name) => {
                let (webhook, path) = (fresh::webhook(name, change)?, format!("/api{}", hook(job)));
                webhook.send(&self.client, url, &path, &self.secret, &self.trace()).await
            }
            Way::Request { knocker, get } => {
                let mut call = request(job, "/api", *get, change);
                if *knocker != Knocker::Host {
                    call = self.bearing(call, knocker, url);
                }
                if let Some(key) = &app.key {
                    call = call.header("x-functions-key", key);
                }
                call.send(&self.client, url).await
            }
            _ => return Err("Azure Functions has no such trigger".to_owned()),
        };
        Ok(read_answer(job, &answer.map_err(|error| error.to_string())?))
    }

    /// The request with a token of Google's, for the knocker's audience or the front's own.
    fn bearing(&self, call: HttpCall, knocker: &Knocker, front: &str) -> HttpCall {
        let (audience, account) = proof(knocker, front);
        let token = self.sandbox.identity.gcp.mint(account, &audience);
        call.header("authorization", &format!("Bearer {token}"))
    }
}

/// The audience of a knocker's token, and whose it is. A private service's audience is its own URL.
fn proof(knocker: &Knocker, front: &str) -> (String, ServiceAccount) {
    // Accounts are known at compile time in the sandbox; one that a file names lives as long as this process.
    let lasting = |text: &Option<String>, known: &'static str| match text {
        Some(text) if text != known => &*text.clone().leak(),
        _ => known,
    };
    match knocker {
        Knocker::Host => (front.to_owned(), SCHEDULER),
        Knocker::Google { audience, email, subject } => {
            let account = ServiceAccount {
                email: lasting(email, SCHEDULER.email),
                unique_id: lasting(subject, SCHEDULER.unique_id),
            };
            (audience.clone(), account)
        }
    }
}

fn hook(job: &str) -> String {
    format!("/hooks/{job}")
}

fn request(job: &str, prefix: &str, get: bool, change: Option<&Value>) -> HttpCall {
    let path = format!("{prefix}/jobs/{job}");
    match (change, get) {
        (Some(body), _) => HttpCall::post_json(path, body),
        (None, true) => HttpCall::get(path),
        (None, false) => HttpCall::new(Method::POST, path).header("content-length", "0"),
    }
}

fn read_answer(job: &str, answer: &HttpAnswer) -> Vec<Outcome> {
    let document = answer.json();
    if document.is_null() {
        return vec![Outcome::failed(job, "failed", format!("HTTP {}", answer.status))];
    }
    read_results(job, &document)
}

/// `{"results":[…]}`, or a problem document.
fn read_results(job: &str, document: &Value) -> Vec<Outcome> {
    let results = document.get("results").and_then(Value::as_array);
    match results {
        Some(results) => results.iter().filter_map(Outcome::of).collect(),
        None => {
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            vec![Outcome::failed(
                job,
                text("class").unwrap_or("failed"),
                text("detail").unwrap_or("no answer"),
            )]
        }
    }
}

/// `job: status url`, as a timer's answer has it.
fn read_log(line: &str) -> Option<Outcome> {
    let (job, rest) = line.split_once(": ")?;
    let (status, url) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut answer = json!({ "job": job, "status": status });
    if let (false, Some(answer)) = (url.is_empty(), answer.as_object_mut()) {
        answer.insert("url".to_owned(), json!(url));
    }
    Outcome::of(&answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whatever_they_are() {
        let answer = json!({"results": [{"job": "a", "status": "created", "url": "http://x/1"}, {"job": "b", "status": "refused", "detail": "no"}]});
        let outcomes = read_results("a", &answer);
        assert_eq!(outcomes.iter().map(Outcome::is_done).collect::<Vec<_>>(), [true, false]);
        assert_eq!(
            (outcomes[0].url.as_deref(), outcomes[1].detail.as_deref()),
            (Some("http://x/1"), Some("no"))
        );
        let problem = &read_results("a", &json!({"class": "untrusted", "detail": "who?"}))[0];
        assert_eq!(
            (problem.job.as_str(), problem.status.as_str(), problem.is_done()),
            ("a", "untrusted", false)
        );
        assert!(!read_results("a", &Value::Null)[0].is_done());
    }

    #[test]
    fn a_timers_log_is_read() {
        let created = read_log("weekly: created http://x/1").unwrap();
        assert_eq!(
            (created.job.as_str(), created.status.as_str(), created.url.as_deref()),
            ("weekly", "created", Some("http://x/1"))
        );
        let ignored = read_log("weekly: ignored ").unwrap();
        assert_eq!((ignored.status.as_str(), ignored.url), ("ignored", None));
        assert_eq!(read_log("odd"), None);
    }
}
