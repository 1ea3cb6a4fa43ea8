//! What to send: one event for every trigger of every job.

use gatepass_core::config::{Caller, Signature, Trigger, WebhookTrigger};
use gatepass_core::job::Job;
use gatepass_core::names::JobId;

use super::place::Place;
use crate::check::Checked;
use crate::samples::{self, Kind};

/// Google's issuer, as files spell it.
pub(crate) const GOOGLE: &str = "https://accounts.google.com";

/// One event to send.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// Where it goes.
    pub(crate) place: Place,
    /// The jobs that it is for.
    pub(crate) jobs: Vec<JobId>,
    /// How it gets there.
    pub(crate) way: Way,
}

/// How an event gets to its host.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// EventBridge brings the sample alarm to Lambda.
    Alarm,
    /// EventBridge Scheduler invokes Lambda.
    Invocation,
    /// Cloud Scheduler sends an HTTP request to Cloud Run.
    Scheduler(Knocker),
    /// The Functions host invokes the timer function of this name.
    Timer(String),
    /// GitHub delivers the webhook of this name, as in `release.published`.
    Webhook(&'static str),
    /// Somebody sends an HTTP request; with GET when the job only reads.
    Request {
        /// Who.
        knocker: Knocker,
        /// Whether it is a GET.
        get: bool,
    },
}

/// How somebody who knocks over HTTP is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Knocker {
    /// By a token of Google's for this audience.
    Google {
        /// The audience.
        audience: String,
        /// The e-mail address, where it matters.
        email: Option<String>,
        /// The subject, where it matters.
        subject: Option<String>,
    },
    /// By the host, which lets nobody else in.
    Host,
}

/// What to send, and what cannot be sent and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// In the order of the clouds, and on each in the order of its triggers' kinds.
    pub(crate) errands: Vec<Errand>,
    /// One sentence each.
    pub(crate) skipped: Vec<String>,
}

impl Plan {
    /// One event for every trigger that one can be made for.
    pub(crate) fn of(checked: &Checked) -> Self {
        let mut plan = Self::default();
        for job in checked.jobs.iter() {
            for place in Place::of_job(checked, job) {
                let mut timers = 0;
                for trigger in job.triggers() {
                    timers += usize::from(matches!(trigger, Trigger::Schedule(_)));
                    match way(checked, job, place, trigger, timers) {
                        Ok(way) => plan.add(place, job.name(), way),
                        Err(why) => plan.skipped.push(format!("{} on {}: {why}", job.name(), place.host())),
                    }
                }
            }
        }
        plan.errands.sort_by_key(|errand| (errand.place, errand.way.rank()));
        plan
    }

    /// Several jobs may take the same alarm, which is sent once.
    fn add(&mut self, place: Place, job: &JobId, way: Way) {
        if let Way::Alarm = way
            && let Some(same) =
                self.errands.iter_mut().find(|other| other.place == place && matches!(other.way, Way::Alarm))
        {
            if !same.jobs.contains(job) {
                same.jobs.push(job.clone());
            }
            return;
        }
        self.errands.push(Errand { place, jobs: vec![job.clone()], way });
    }
}

fn way(checked: &Checked, job: &Job, place: Place, trigger: &Trigger, timers: usize) -> Result<Way, String> {
    let caller = |name| {
        let caller =
            checked.file.config.callers.get(name).ok_or_else(|| format!("there is no caller {name}"))?;
        Knocker::of(caller)
            .ok_or_else(|| format!("the caller {name} has tokens of an issuer that is not played here"))
    };
    match trigger {
        Trigger::Event(filter) => {
            let alarm = Kind::named("alarm").ok_or("there is no such sample")?.event()?;
            match place {
                Place::Lambda if samples::fits(trigger, &alarm) => Ok(Way::Alarm),
                _ => {
                    Err(format!("there is no sample event of the source {:?} for this cloud", filter.source))
                }
            }
        }
        Trigger::Schedule(schedule) => match (place, &schedule.caller) {
            (Place::Lambda, _) => Ok(Way::Invocation),
            (Place::Functions, _) if timers > 1 => Ok(Way::Timer(format!("{}-timer-{timers}", job.name()))),
            (Place::Functions, _) => Ok(Way::Timer(format!("{}-timer", job.name()))),
            (Place::CloudRun, Some(name)) => caller(name).map(Way::Scheduler),
            (Place::CloudRun, None) => Err("its schedule has no caller".to_owned()),
        },
        Trigger::Webhook(webhook) => {
            let name = sample_of(webhook);
            name.map(Way::Webhook).ok_or_else(|| match webhook.signature {
                Signature::Github => format!("there is no sample of {}", webhook.events.join(", ")),
                _ => "only GitHub's webhooks are played here; `gatepass send` has others".to_owned(),
            })
        }
        Trigger::Http(http) => Ok(Way::Request { knocker: caller(&http.caller)?, get: job.is_read_only() }),
    }
}

fn sample_of(webhook: &WebhookTrigger) -> Option<&'static str> {
    let wanted = |name: &str| {
        webhook.events.is_empty() || webhook.events.iter().any(|event| samples::names(event, name))
    };
    let is_github = webhook.signature == Signature::Github;
    Kind::webhooks().map(|(_, event)| event).find(|event| is_github && wanted(event))
}

impl Knocker {
    fn of(caller: &Caller) -> Option<Self> {
        match &caller.oidc {
            None => Some(Self::Host),
            Some(oidc) if oidc.issuer.as_str() == GOOGLE => Some(Self::Google {
                audience: oidc.audience.first()?.as_str().to_owned(),
                email: oidc.email.clone(),
                subject: oidc.subject.clone(),
            }),
            Some(_) => None,
        }
    }
}

impl Way {
    fn rank(&self) -> u8 {
        match self {
            Self::Alarm => 0,
            Self::Invocation | Self::Scheduler(_) | Self::Timer(_) => 1,
            Self::Webhook(_) => 2,
            Self::Request { .. } => 3,
        }
    }
}

impl Errand {
    /// Its kind, as `/send/KIND` has it, and `gatepass send` too.
    pub(crate) fn kind(&self) -> &'static str {
        match self.way {
            Way::Alarm => "alarm",
            Way::Invocation | Way::Scheduler(_) => "schedule",
            Way::Timer(_) => "timer",
            Way::Webhook(event) => {
                Kind::webhooks().find(|(_, known)| *known == event).map_or("webhook", |(kind, _)| kind.name)
            }
            Way::Request { .. } => "http",
        }
    }

    /// The job it is for, where it is for one.
    pub(crate) fn job(&self) -> &str {
        self.jobs.first().map_or("", JobId::as_str)
    }

    /// Its way, in words.
    pub(crate) fn title(&self) -> String {
        let jobs: Vec<&str> = self.jobs.iter().map(JobId::as_str).collect();
        let mut way = vec![self.sender().to_owned()];
        match (&self.way, self.place) {
            (Way::Alarm, _) => way.push("EventBridge".to_owned()),
            (Way::Webhook(_) | Way::Request { .. }, Place::Lambda) => way.push("Function URL".to_owned()),
            _ => {}
        }
        if let (Way::Webhook(event), Some(sender)) = (&self.way, way.first_mut()) {
            sender.push(' ');
            sender.push_str(event);
        }
        way.extend([self.place.host().to_owned(), jobs.join(", ")]);
        way.join(" → ")
    }

    /// Who or what sends it.
    pub(crate) fn sender(&self) -> &'static str {
        match self.way {
            Way::Alarm => "CloudWatch alarm",
            Way::Invocation => "EventBridge Scheduler",
            Way::Scheduler(_) => "Cloud Scheduler",
            Way::Timer(_) => "timer",
            Way::Webhook(_) => "GitHub webhook",
            Way::Request { .. } => "HTTP request",
        }
    }
}
