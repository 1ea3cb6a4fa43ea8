//! Every kind of event that there is a sample of, and how it travels. A kind is called as its file in `examples/events`.

use serde_json::Value;

use super::fresh::Stamp::{self, Id, Number, Rfc3339, Second, Wallclock};

/// A kind of event.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What it is called, on the command line and in `examples/events`.
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) about: &'static str,
    /// Its file.
    pub(crate) text: &'static str,
    /// How it gets to a program.
    pub(crate) transport: Transport,
    /// What is new in every one that is sent: JSON pointers into what is sent.
    pub(super) stamps: &'static [(&'static str, Stamp)],
}

/// How an event gets to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `POST /hooks/JOB`, signed.
    Hook(Sender),
    /// `POST /jobs/JOB`, as Cloud Scheduler does.
    Tick,
    /// `POST /jobs/JOB`.
    Call,
    /// `POST /events`.
    Event(Form),
    /// Lambda's invocation API, as it is.
    Invocation,
    /// Lambda's invocation API: a request for `/jobs/JOB` that came through what stands before the function.
    Front,
    /// The Functions host invokes the timer function of a job.
    Timer,
    /// The Functions host invokes a queue function.
    Queue,
}

/// Who sends a webhook, and so how it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// GitHub; the event's name, with its action.
    GitHub(&'static str),
    /// One that keeps to standardwebhooks.com.
    Standard,
    /// One that signs as the job's `hmac` says.
    Hmac,
}

/// The form of an event over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A CloudEvent in its attributes' headers.
    Binary,
    /// A CloudEvent in one JSON object.
    Structured,
    /// CloudEvents in a JSON array.
    Batch,
    /// Something else, in JSON.
    Json,
}

/// The sections of `gatepass send --list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Any gatepass.
    Http,
    /// Lambda's invocation API.
    Lambda,
    /// A Functions custom handler.
    Functions,
}

impl Transport {
    pub(crate) fn target(self) -> Target {
        match self {
            Self::Hook(_) | Self::Tick | Self::Call | Self::Event(_) => Target::Http,
            Self::Invocation | Self::Front => Target::Lambda,
            Self::Timer | Self::Queue => Target::Functions,
        }
    }
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../examples/events/", $name, ".json"))
    };
}

/// All of them; those for one target stand together.
pub(crate) static KINDS: [Kind; 24] = [
    Kind {
        name: "github-release",
        about: "GitHub's webhook: a release was published",
        text: sample!("github-release"),
        transport: Transport::Hook(Sender::GitHub("release.published")),
        stamps: &[("/repository/pushed_at", Rfc3339)],
    },
    Kind {
        name: "github-push",
        about: "GitHub's webhook: commits were pushed",
        text: sample!("github-push"),
        transport: Transport::Hook(Sender::GitHub("push")),
        stamps: &[("/repository/pushed_at", Rfc3339)],
    },
    Kind {
        name: "github-issue",
        about: "GitHub's webhook: an issue was opened",
        text: sample!("github-issue"),
        transport: Transport::Hook(Sender::GitHub("issues.opened")),
        stamps: &[("/repository/pushed_at", Rfc3339)],
    },
    Kind {
        name: "standard-webhook",
        about: "a webhook as standardwebhooks.com has it",
        text: sample!("standard-webhook"),
        transport: Transport::Hook(Sender::Standard),
        stamps: &[("/timestamp", Rfc3339)],
    },
    Kind {
        name: "hmac-webhook",
        about: "a webhook signed as the job's `signature: { hmac: … }` says",
        text: sample!("hmac-webhook"),
        transport: Transport::Hook(Sender::Hmac),
        stamps: &[("/occurred_at", Rfc3339)],
    },
    Kind {
        name: "schedule",
        about: "a tick of Cloud Scheduler",
        text: sample!("schedule"),
        transport: Transport::Tick,
        stamps: &[],
    },
    Kind {
        name: "http",
        about: "a call of a job",
        text: sample!("http"),
        transport: Transport::Call,
        stamps: &[],
    },
    Kind {
        name: "cloudevent",
        about: "a CloudEvent in binary mode, as Eventarc sends it",
        text: sample!("cloudevent"),
        transport: Transport::Event(Form::Binary),
        stamps: CLOUDEVENT,
    },
    Kind {
        name: "cloudevent-structured",
        about: "the same in structured mode",
        text: sample!("cloudevent"),
        transport: Transport::Event(Form::Structured),
        stamps: CLOUDEVENT,
    },
    Kind {
        name: "cloudevent-batch",
        about: "the same in batched mode",
        text: sample!("cloudevent"),
        transport: Transport::Event(Form::Batch),
        stamps: CLOUDEVENT,
    },
    Kind {
        name: "event-grid",
        about: "an event of Event Grid: a blob was created",
        text: sample!("event-grid"),
        transport: Transport::Event(Form::Structured),
        stamps: CLOUDEVENT,
    },
    Kind {
        name: "pubsub",
        about: "a message of Pub/Sub, pushed",
        text: sample!("pubsub"),
        transport: Transport::Event(Form::Json),
        stamps: PUBSUB,
    },
    Kind {
        name: "pubsub-incident",
        about: "an incident of Cloud Monitoring, through Pub/Sub",
        text: sample!("pubsub-incident"),
        transport: Transport::Event(Form::Json),
        stamps: PUBSUB,
    },
    Kind {
        name: "azure-alert",
        about: "an alert of Azure Monitor, in the common alert schema",
        text: sample!("azure-alert"),
        transport: Transport::Event(Form::Json),
        stamps: &[("/data/essentials/alertId", Id), ("/data/essentials/firedDateTime", Rfc3339)],
    },
    Kind {
        name: "alarm",
        about: "a CloudWatch alarm, through EventBridge",
        text: sample!("alarm"),
        transport: Transport::Invocation,
        stamps: &[("/id", Id), ("/time", Second), ("/detail/state/timestamp", Wallclock)],
    },
    Kind {
        name: "alarm-action",
        about: "a CloudWatch alarm whose action is the function",
        text: sample!("alarm-action"),
        transport: Transport::Invocation,
        stamps: &[("/time", Wallclock), ("/alarmData/state/timestamp", Wallclock)],
    },
    Kind {
        name: "sns",
        about: "a CloudWatch alarm, through SNS",
        text: sample!("sns"),
        transport: Transport::Invocation,
        stamps: &[("/Records/0/Sns/MessageId", Id), ("/Records/0/Sns/Timestamp", Rfc3339)],
    },
    Kind {
        name: "sqs",
        about: "two messages of an SQS queue",
        text: sample!("sqs"),
        transport: Transport::Invocation,
        stamps: &[("/Records/0/messageId", Id), ("/Records/1/messageId", Id)],
    },
    Kind {
        name: "call",
        about: "EventBridge Scheduler, or somebody who invokes the function for a job",
        text: sample!("call"),
        transport: Transport::Invocation,
        stamps: &[("/scheduled_time", Rfc3339), ("/execution_id", Id)],
    },
    Kind {
        name: "function-url",
        about: "a call of a job, through a Function URL (payload 2.0, with IAM)",
        text: sample!("function-url"),
        transport: Transport::Front,
        stamps: &[("/requestContext/requestId", Id)],
    },
    Kind {
        name: "api-gateway",
        about: "a call of a job, through a REST API (payload 1.0, with IAM)",
        text: sample!("api-gateway"),
        transport: Transport::Front,
        stamps: &[("/requestContext/requestId", Id)],
    },
    Kind {
        name: "load-balancer",
        about: "a call of a job, through a load balancer",
        text: sample!("load-balancer"),
        transport: Transport::Front,
        stamps: &[],
    },
    Kind {
        name: "timer",
        about: "a tick of a job's timer function",
        text: sample!("schedule"),
        transport: Transport::Timer,
        stamps: &[],
    },
    Kind {
        name: "queue",
        about: "a message of a Storage Queue",
        text: sample!("queue"),
        transport: Transport::Queue,
        stamps: &[],
    },
];

const CLOUDEVENT: &[(&str, Stamp)] = &[("/id", Id), ("/time", Rfc3339)];

const PUBSUB: &[(&str, Stamp)] = &[
    ("/message/messageId", Number),
    ("/message/message_id", Number),
    ("/message/publishTime", Rfc3339),
    ("/message/publish_time", Rfc3339),
];

impl Kind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// GitHub's webhooks, with the names that `events` of a trigger has for them.
    pub(crate) fn webhooks() -> impl Iterator<Item = (&'static Self, &'static str)> {
        KINDS.iter().filter_map(|kind| match kind.transport {
            Transport::Hook(Sender::GitHub(event)) => Some((kind, event)),
            _ => None,
        })
    }

    /// What is sent of the sample: of one that is written as gatepass sees it, the body alone.
    pub(super) fn payload(&self, mut sample: Value) -> Value {
        let within = match self.transport {
            Transport::Hook(Sender::GitHub(_)) => "/data",
            Transport::Call => "/data/body",
            _ => "",
        };
        sample.pointer_mut(within).map(Value::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_sample_that_is_json() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for kind in &KINDS {
            let sample: Value =
                serde_json::from_str(kind.text).unwrap_or_else(|e| panic!("{}: {e}", kind.name));
            let payload = kind.payload(sample);
            assert!(payload.is_object(), "{}", kind.name);
            for (pointer, _) in kind.stamps.iter().filter(|_| kind.webhook_name().is_none()) {
                assert!(payload.pointer(pointer).is_some(), "{} {pointer}", kind.name);
            }
        }
    }

    #[test]
    fn every_file_is_the_sample_of_a_kind_and_stands_in_the_list() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/events");
        let list = std::fs::read_to_string(directory.join("README.md")).unwrap();
        for entry in std::fs::read_dir(&directory).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(stem) = name.strip_suffix(".json") else { continue };
            assert!(Kind::named(stem).is_some(), "{name} is of no kind");
            assert!(list.contains(&format!("`{name}`")), "README.md does not list {name}");
        }
    }

    #[test]
    fn kinds_for_one_target_stand_together() {
        let mut targets: Vec<Target> = KINDS.iter().map(|kind| kind.transport.target()).collect();
        targets.dedup();
        assert_eq!(targets, [Target::Http, Target::Lambda, Target::Functions]);
    }

    impl Kind {
        fn webhook_name(&self) -> Option<&'static str> {
            Self::webhooks().find(|(kind, _)| kind.name == self.name).map(|(_, event)| event)
        }
    }
}
