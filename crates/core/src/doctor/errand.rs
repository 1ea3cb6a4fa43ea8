//! Policy, evaluation, exchange and permissions of one scope and trust policy.

use gatepass_policy::{Claims, Explanation, Outcome, TrustPolicy, Verdict, exact_policy, explain};

use super::chain::{Chain, Errand};
use super::examination::{Link, Name, State};
use super::github::Api;
use super::permissions;
use super::policy::{self, Text, Unread};
use super::proof::{EACH, Proof};
use super::told::{again, told};
use crate::deadline::Deadline;
use crate::exchange::{Access, Denial, OctoSts, Refused};
use crate::secret::InstallationToken;

/// What all errands of one examination share.
pub(super) struct Common<'a> {
    pub(super) chain: &'a Chain,
    /// None where GitHub does not answer.
    pub(super) api: Option<Api<'a>>,
    /// Or why there is none to ask.
    pub(super) sts: Result<OctoSts, &'static str>,
    /// Or why there is none to send.
    pub(super) proof: Result<&'a Proof, &'static str>,
    /// Or why there are none to judge.
    pub(super) claims: Result<&'a Claims, &'static str>,
    /// When tokens must be revoked, at the latest.
    pub(super) end: Deadline,
}

/// What became of the exchange.
enum Trade {
    Granted(InstallationToken),
    Denied(Denial),
    Not(&'static str),
}

/// What a refusal is about, by the server's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    NoPolicy,
    BrokenPolicy,
    Mismatch,
    Permissions,
    Other,
}

impl Blame {
    fn of(message: &str) -> Self {
        const STARTS: [(&str, Blame); 6] = [
            ("unable to find trust policy", Blame::NoPolicy),
            ("unable to parse trust policy", Blame::BrokenPolicy),
            ("unable to compile trust policy", Blame::BrokenPolicy),
            ("unable to read trust policy", Blame::BrokenPolicy),
            ("trust policy:", Blame::Mismatch),
            ("token exchange failure", Blame::Permissions),
        ];
        let blame = STARTS.into_iter().find(|(start, _)| message.starts_with(start));
        blame.map_or(Self::Other, |(_, blame)| blame)
    }
}

impl Trade {
    fn token(&self) -> Option<&InstallationToken> {
        match self {
            Self::Granted(token) => Some(token),
            Self::Denied(_) | Self::Not(_) => None,
        }
    }

    fn refused(&self) -> Option<(&Refused, Blame)> {
        match self {
            Self::Denied(Denial::Refused(refused)) => Some((refused, Blame::of(&refused.message))),
            _ => None,
        }
    }
}

impl Common<'_> {
    /// The links of one errand, in the order of the chain.
    pub(super) async fn examine(&self, errand: &Errand, deadline: Deadline) -> Vec<Link> {
        let api = self.api.as_ref();
        let (read, trade) =
            tokio::join!(policy::read(self.chain, errand, api, deadline), self.trade(errand, deadline));
        let read = match (read, trade.token()) {
            (Err(first @ (Unread::Unseen | Unread::Because(_))), Some(token)) => {
                let second = policy::read_with(errand, api, token, deadline).await;
                second.map_err(|second| if matches!(second, Unread::Moved) { second } else { first })
            }
            (read, _) => read,
        };
        let (policy_link, policy) = self.policy(errand, &read, &trade);
        let evaluation = self.evaluation(errand, &policy_link, policy.as_ref(), &trade);
        let permissions = match (trade.refused(), &policy, trade.token()) {
            (Some((refused, Blame::Permissions)), _, _) => permissions::refused(refused, policy.as_ref()),
            (_, Some(policy), _) => permissions::compare(errand, policy),
            (_, None, Some(token)) => permissions::probe(errand, api, token, deadline).await,
            (_, None, None) => Link::skipped(Name::Permissions, "needs the trust policy's text, or a token"),
        };
        let is_committed = read.as_ref().is_ok_and(|text| text.is_committed);
        let mut exchange = exchange(errand, &trade, &policy_link, &evaluation, is_committed);
        let mut rate = Link::skipped(Name::RateLimit, "needs a token of the exchange");
        if let Some(token) = trade.token() {
            let revoked = match api {
                Some(api) => {
                    rate = api.rate(token, deadline).await;
                    api.revoke(token, self.end).await
                }
                None => false,
            };
            if !revoked {
                exchange = exchange
                    .notes(["the token could not be revoked, and lives for up to an hour".to_owned()]);
            }
        }
        let mut links = vec![policy_link, evaluation, exchange, permissions];
        for link in &mut links {
            link.scope = Some(errand.scope.to_string());
            link.trust_policy = Some(errand.trust_policy.clone());
        }
        // Of the App on this owner, whatever the policy is.
        rate.scope = Some(errand.scope.owner().to_owned());
        links.push(rate);
        links
    }

    async fn trade(&self, errand: &Errand, deadline: Deadline) -> Trade {
        let (sts, proof, job) = match (&self.sts, self.proof, errand.jobs.first()) {
            (Ok(sts), Ok(proof), Some(job)) => (sts, proof, job),
            (_, Err(why), _) => return Trade::Not(why),
            (Err(why), _, _) => return Trade::Not(why),
            (_, _, None) => return Trade::Not("needs a job"),
        };
        let access = Access {
            job,
            scope: &errand.scope,
            trust_policy: &errand.trust_policy,
            permissions: &errand.permissions,
        };
        match sts.trade(&access, &proof.token, deadline.at_most(EACH)).await {
            Ok(token) => Trade::Granted(token),
            Err(Denial::Refused(refused)) => {
                let next_step = again(&refused.next_step);
                Trade::Denied(Denial::Refused(Refused { next_step, ..refused }))
            }
            Err(denial) => Trade::Denied(denial),
        }
    }

    fn policy(
        &self,
        errand: &Errand,
        read: &Result<Text, Unread>,
        trade: &Trade,
    ) -> (Link, Option<TrustPolicy>) {
        let refused = trade.refused();
        if let (Some((refused, Blame::NoPolicy)), false) =
            (refused, read.as_ref().is_ok_and(|text| text.is_committed))
        {
            let moved = matches!(read, Err(Unread::Moved)).then(|| policy::moved(errand));
            return (missing(errand, refused).notes(moved), None);
        }
        let unread = match read {
            Ok(text) => return policy::judge(self.chain, errand, text),
            Err(unread) => unread,
        };
        let link = match (trade, refused) {
            (_, Some((refused, Blame::BrokenPolicy))) => {
                Link::wrong(Name::Policy, format!("Octo STS answers {}: {}", refused.status, refused.message))
                    .why(refused.why())
                    .mend(refused.next_step.clone())
                    .notes(proposal(refused))
            }
            _ if matches!(unread, Unread::Moved) => policy::unread(errand, unread),
            (Trade::Granted(_), _) | (_, Some((_, Blame::Mismatch | Blame::Permissions))) => {
                let found =
                    format!("{}: Octo STS has found it; its text cannot be read here", policy::place(errand));
                let why = if let Unread::Because(why) = unread { Some(why.clone()) } else { None };
                Link::ok(Name::Policy, found).notes(why)
            }
            _ => policy::unread(errand, unread),
        };
        (link, None)
    }

    fn evaluation(&self, errand: &Errand, link: &Link, policy: Option<&TrustPolicy>, trade: &Trade) -> Link {
        let claims = match self.claims {
            Ok(claims) => claims,
            Err(why) => return Link::skipped(Name::Evaluation, why),
        };
        if let Some(policy) = policy {
            let domain = &self.chain.audience;
            let is_granted = trade.token().is_some();
            return evaluate(errand, policy, claims, domain, is_granted);
        }
        match trade.refused() {
            Some((refused, Blame::Mismatch)) => Link::wrong(Name::Evaluation, refused.message.clone())
                .why(format!("{} (Octo STS says so: the policy's text cannot be read here)", refused.why()))
                .mend(refused.next_step.clone())
                .notes(proposal(refused)),
            _ if link.state == State::Wrong => Link::skipped(Name::Evaluation, "needs the trust policy"),
            _ if trade.token().is_some() => Link::skipped(
                Name::Evaluation,
                "needs the policy's text; Octo STS itself has admitted the token",
            ),
            _ => Link::skipped(Name::Evaluation, "needs the trust policy's text"),
        }
    }
}

fn missing(errand: &Errand, refused: &Refused) -> Link {
    let found = format!("Octo STS finds no {}", policy::place(errand));
    Link::wrong(Name::Policy, found)
        .why(refused.why())
        .mend(refused.next_step.clone())
        .notes(proposal(refused))
}

/// The policy that would admit exactly this workload.
fn proposal(refused: &Refused) -> Option<String> {
    refused.policy.as_ref().map(|policy| format!("the policy:\n{}", policy.trim_end()))
}

/// The policy held against the claims as Octo STS would.
fn evaluate(errand: &Errand, policy: &TrustPolicy, claims: &Claims, domain: &str, is_granted: bool) -> Link {
    let explanation = explain(policy, claims, domain);
    let checks = explanation.checks.iter().map(|check| {
        let verdict = match check.outcome {
            Outcome::Matches => "matches",
            Outcome::Differs => "differs",
            Outcome::NotJudged => "cannot be told",
        };
        let hint = check.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{} {verdict}: expected {}, the token has {}{hint}", check.what, check.expected, check.actual)
    });
    let link = match &explanation.verdict {
        Verdict::Admitted => {
            let older = explanation.older.as_ref().map(|verdict| match verdict {
                Verdict::Refused(refusal) => format!("an older Octo STS refuses it: {refusal}"),
                Verdict::Admitted => "an older Octo STS admits it".to_owned(),
                Verdict::NotJudged(why) => format!("an older Octo STS may judge otherwise: {why}"),
            });
            return Link::ok(Name::Evaluation, "the trust policy admits this token").notes(older);
        }
        Verdict::NotJudged(why) => {
            Link::doubtful(Name::Evaluation, "whether the policy admits this token cannot be told here")
                .why(why.clone())
                .mend("the exchange tells")
        }
        Verdict::Refused(refusal) if is_granted => Link::doubtful(Name::Evaluation, refusal.to_string())
            .why("Octo STS still admits the token, by a copy of the policy that is up to five minutes old")
            .mend(change(errand, &explanation, claims, domain)),
        Verdict::Refused(refusal) => {
            let hint = explanation.checks.iter().find(|check| check.outcome == Outcome::Differs);
            let why = hint.and_then(|check| check.hint.clone());
            Link::wrong(Name::Evaluation, refusal.to_string())
                .why(why.unwrap_or_else(|| "the token's claims do not match the trust policy".into()))
                .mend(change(errand, &explanation, claims, domain))
        }
    };
    link.notes(checks)
}

/// What to write into the policy.
fn change(errand: &Errand, explanation: &Explanation, claims: &Claims, domain: &str) -> String {
    let place = policy::place(errand);
    if let Some(change) = &explanation.change {
        let lines = change.lines.join("\n");
        return format!(
            "in {place}, {}:\n{lines}\nwhat else is then admitted: {}",
            change.what, change.also_admits
        );
    }
    match exact_policy(claims, domain, &errand.permissions) {
        Ok(policy) => {
            format!("write {place} so that it admits exactly this workload:\n{}", policy.trim_end())
        }
        Err(why) => why.to_string(),
    }
}

/// The link `exchange`. What follows from a link before it is not wrong once more.
fn exchange(errand: &Errand, trade: &Trade, policy: &Link, evaluation: &Link, is_committed: bool) -> Link {
    let denial = match trade {
        Trade::Granted(_) => {
            return Link::ok(Name::Exchange, format!("Octo STS gave a token for {}", errand.scope));
        }
        Trade::Not(why) => return Link::skipped(Name::Exchange, *why),
        Trade::Denied(denial) => denial,
    };
    let refused = match denial {
        Denial::Failed(failure) => {
            let (found, mend) = told(failure);
            return Link::wrong(Name::Exchange, found).why("there was no answer to the exchange").mend(mend);
        }
        Denial::Refused(refused) => refused,
    };
    let said = format!("Octo STS answers {}: {}", refused.status, refused.message);
    let follows = |of: &str| {
        let mut link = Link::skipped(Name::Exchange, format!("refused, which follows from {of}"));
        link.found.clone_from(&said);
        link
    };
    let stale = |why: &str| {
        Link::wrong(Name::Exchange, said.clone()).why(why).mend(format!(
            "wait five minutes, after which Octo STS reads {} again; then make sure that its App may access {}",
            policy::place(errand),
            errand.scope
        ))
    };
    match Blame::of(&refused.message) {
        Blame::NoPolicy | Blame::BrokenPolicy if policy.state == State::Wrong => follows("the trust policy"),
        Blame::NoPolicy => stale(
            "GitHub shows the policy: Octo STS remembers that there was none, or its App may not access the repository",
        ),
        Blame::BrokenPolicy if is_committed => {
            stale("the policy that GitHub shows is a good one: Octo STS has an older copy")
        }
        Blame::Mismatch if evaluation.state == State::Wrong => follows("the evaluation"),
        Blame::Mismatch if is_committed && evaluation.state == State::Ok => {
            stale("the policy that GitHub shows admits this token: Octo STS has an older copy")
        }
        Blame::Permissions => follows("the permissions"),
        Blame::BrokenPolicy | Blame::Mismatch | Blame::Other => {
            Link::wrong(Name::Exchange, said).why(refused.why()).mend(refused.next_step.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_about_what_its_message_says() {
        for (message, blame) in [
            ("unable to find trust policy for \"a\"", Blame::NoPolicy),
            ("unable to parse trust policy found for \"a\"", Blame::BrokenPolicy),
            ("unable to compile trust policy found for \"a\"", Blame::BrokenPolicy),
            ("trust policy: subject \"a\" did not match \"b\"", Blame::Mismatch),
            ("token exchange failure (StatusUnprocessableEntity)", Blame::Permissions),
            ("no installation found for \"acme\"", Blame::Other),
            ("transient error fetching trust policy for \"a\"", Blame::Other),
        ] {
            assert_eq!(Blame::of(message), blame, "{message}");
        }
    }
}
