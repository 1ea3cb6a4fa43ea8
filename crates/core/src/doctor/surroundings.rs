//! Webhooks' secrets and the queue: what a workload has beside the chain.

use std::time::Duration;

use super::chain::Chain;
use super::examination::{Link, Name};
use super::proof::EACH;
use super::told::told;
use crate::config::WebhookTrigger;
use crate::deadline::Deadline;
use crate::inbound::secrets::Secrets;
use crate::names::JobId;
use crate::queue::Reached;

/// What only the workload itself can tell.
const ELSEWHERE: &str = "only the workload can tell: run `doctor` of its own binary there";

/// How long a store of secrets may take.
const SECRETS: Duration = Duration::from_secs(5);

/// The links `webhook_secret`, one a webhook.
pub(super) async fn secrets(chain: &Chain, deadline: Deadline) -> Vec<Link> {
    if chain.webhooks.is_empty() {
        return vec![Link::skipped(Name::WebhookSecret, "no job has a webhook")];
    }
    let looking = chain.webhooks.iter().map(|(job, webhook)| secret(chain, job, webhook, deadline));
    futures_util::future::join_all(looking).await
}

async fn secret(chain: &Chain, job: &JobId, webhook: &WebhookTrigger, deadline: Deadline) -> Link {
    if chain.aids.is_elsewhere {
        return Link::skipped(Name::WebhookSecret, ELSEWHERE).of_job(job);
    }
    let store = match &chain.secrets {
        Ok(store) => store.as_ref(),
        Err(_) if chain.identity.is_err() => {
            return Link::skipped(Name::WebhookSecret, "needs the identity").of_job(job);
        }
        Err(problem) => {
            return Link::wrong(Name::WebhookSecret, problem.clone())
                .why("the program does not start with this")
                .mend("correct the setting that is named")
                .of_job(job);
        }
    };
    let link = match Secrets::read(webhook, &chain.env, store, deadline.at_most(SECRETS)).await {
        Ok(_) => {
            let number = webhook.secrets.len();
            let has =
                if number == 1 { "its source holds a secret" } else { "each of its sources holds a secret" };
            Link::ok(Name::WebhookSecret, format!("{has} ({number})"))
        }
        Err(problems) => Link::wrong(Name::WebhookSecret, problems.join("\n"))
            .why("without every secret that is named, the program does not start")
            .mend("put the secret there, let this workload read it, or take the source out of `secrets`"),
    };
    link.of_job(job)
}

/// The link `queue`.
pub(super) async fn queue(chain: &Chain, deadline: Deadline) -> Link {
    if chain.aids.is_elsewhere {
        return Link::skipped(Name::Queue, ELSEWHERE);
    }
    let queue = match &chain.queue {
        Ok(Some(queue)) => queue,
        Ok(None) => return Link::skipped(Name::Queue, "GATEPASS_QUEUE names none"),
        Err(problem) if chain.identity.as_ref().err() == Some(problem) => {
            return Link::skipped(Name::Queue, "needs the identity");
        }
        Err(problem) => {
            return Link::wrong(Name::Queue, problem.clone())
                .why("the program does not start with this")
                .mend("correct the setting that is named, or take GATEPASS_QUEUE away");
        }
    };
    match queue.reach(deadline.at_most(EACH)).await {
        Ok(Reached::There) => Link::ok(Name::Queue, queue.name()),
        Ok(Reached::Untold { found, needs }) => Link::doubtful(Name::Queue, format!("{}: {found}", queue.name()))
            .why("it answers, and does not let this workload ask whether it is there; that need not keep it from sending")
            .mend(format!("to let the examination tell, give the workload {needs}")),
        Err(failure) => {
            let (found, mend) = told(&failure);
            let why = "what is handed off would be lost, or refused to its sender";
            Link::wrong(Name::Queue, format!("{}: {found}", queue.name())).why(why).mend(mend)
        }
    }
}
