//! Sending an event the way its platform does, and reading what came of it.

use gatepass_core::names::JobId;
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::cloud_run::{Front, SchedulerJob};
use gatepass_sandbox::hosts::functions::Timer;
use gatepass_sandbox::hosts::lambda::{Entrance, FunctionError, IamCaller};
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::identity::gcp::{SCHEDULER, ServiceAccount};
use serde_json::{Value, json};

use super::place::Place;
use super::plan::{Errand, Knocker, Way};
use super::stage::{App, Service, Stage};
use crate::outcome::{Outcome, read_answer, read_invocation, read_results};
use crate::samples::Kind;
use crate::send::calls::{github, hook_path, job_call, job_path};

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
                let event = fresh("alarm", None, change)?;
                Ok(invoked(lambda.invoke(event.as_bytes()).await))
            }
            Way::Invocation => {
                let event = fresh("call", errand.jobs.first(), Some(&json!({ "input": change })))?;
                Ok(invoked(lambda.invoke(event.as_bytes()).await))
            }
            way => {
                let (caller, call) = match way {
                    Way::Webhook(name) => {
                        (None, webhook(name, change)?.call(&hook_path(job), &self.secret, Signature::Right))
                    }
                    Way::Request { knocker: Knocker::Host, get } => {
                        let user_arn = "arn:aws:iam::111122223333:user/console".to_owned();
                        (Some(IamCaller { user_arn }), job_call(job_path(job), *get, change))
                    }
                    Way::Request { knocker, get } => {
                        (None, self.bearing(job_call(job_path(job), *get, change), knocker, ""))
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
                let mut scheduled = SchedulerJob::new(job, front, job_path(job)).audience(audience);
                scheduled.account = account;
                scheduled.body = change.map(Value::to_string).unwrap_or_default().into_bytes();
                scheduled.run(&self.client, &self.sandbox.identity.gcp, &self.trace()).await
            }
            Way::Webhook(name) => {
                let webhook = webhook(name, change)?;
                webhook
                    .send(&self.client, service.public.url(), &hook_path(job), &self.secret, &self.trace())
                    .await
            }
            Way::Request { knocker, get } => {
                let front = door(knocker).url();
                let call = self.bearing(job_call(job_path(job), *get, change), knocker, front);
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
                return Ok(read_invocation(job, app.host.timer(&Timer::new(function)).await));
            }
            Way::Webhook(name) => {
                let (webhook, path) = (webhook(name, change)?, format!("/api{}", hook_path(job)));
                webhook.send(&self.client, url, &path, &self.secret, &self.trace()).await
            }
            Way::Request { knocker, get } => {
                let mut call = job_call(format!("/api{}", job_path(job)), *get, change);
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

/// The sample of this kind, fresh and changed.
fn fresh(kind: &str, job: Option<&JobId>, change: Option<&Value>) -> Result<String, String> {
    let kind = Kind::named(kind).ok_or("there is no such sample")?;
    Ok(kind.fresh(job, change)?.to_string())
}

/// GitHub's delivery of this event.
fn webhook(event: &str, change: Option<&Value>) -> Result<Webhook, String> {
    let (kind, _) = Kind::webhooks().find(|(_, known)| *known == event).ok_or("there is no such sample")?;
    Ok(github(event, kind.fresh(None, change)?.to_string()))
}
