//! The whole chain between a workload and GitHub, link by link: which one is broken, why, and what mends it.
//!
//! An examination asks for a real token, trades it, and revokes what it gets. It writes nothing on GitHub and puts nothing on a
//! queue. What it tells holds claims and the text of trust policies, and never a credential. The shape of its JSON is
//! fixed in `docs/doctor.md`.

mod chain;
mod clock;
mod errand;
mod examination;
mod github;
mod octo_sts;
mod permissions;
mod policy;
mod proof;
mod running;
mod surroundings;
mod told;

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

pub use self::chain::{Aids, Chain};
use self::clock::Clock;
use self::errand::Common;
pub use self::examination::{Examination, Link, Name, State};
use self::github::{Api, Probed};
pub use self::running::Request;
use crate::deadline::Deadline;
use crate::exchange::OctoSts;

/// How long an examination takes at the most: whoever waits for one on a command line gives up after a minute, and asks again.
pub const LONGEST: Duration = Duration::from_secs(60);

/// What is kept back of the time to revoke tokens.
const REVOKING: Duration = Duration::from_secs(3);

/// How many exchanges are made at once.
const AT_ONCE: usize = 4;

impl Chain {
    /// Walks the whole chain. Each link has a time of its own, and all of them end by `end`.
    pub async fn examine(&self, end: Deadline) -> Examination {
        let deadline = end.earlier_by((end.remaining() / 4).min(REVOKING));
        let client = &self.clients.outbound;
        let api = self.api.as_ref().map(|url| Api::new(client, url));
        let sts = async {
            match &self.sts {
                Some(url) => octo_sts::probe(client, url, deadline).await,
                None => (Link::skipped(Name::OctoSts, "needs its URL: see the configuration"), None),
            }
        };
        let github = async {
            match &api {
                Some(api) => api.probe(deadline).await,
                None => Probed {
                    link: Link::skipped(Name::Github, "needs its URL: see the configuration"),
                    witness: None,
                    is_github: false,
                },
            }
        };
        let ((identity, proof), (sts, sts_time), github, secrets, queue) = tokio::join!(
            proof::get(self, deadline),
            sts,
            github,
            surroundings::secrets(self, deadline),
            surroundings::queue(self, deadline),
        );
        let clock = Clock::new([sts_time, github.witness].into_iter().flatten());
        let proven = proof.as_ref().ok();
        let claims = proven.and_then(|proof| proof.claims.as_ref());
        let token = match &proof {
            Ok(proof) => proof.link(&clock),
            Err(link) => Link::clone(link),
        };
        let claims_link = match claims {
            Some(claims) => proof::claims(claims, &self.audience, Timestamp::now()),
            None => Link::skipped(Name::Claims, "needs the token"),
        };
        let is_wrong = |link: &Link| link.state == State::Wrong;
        let common = Common {
            chain: self,
            api: api.filter(|_| github.is_github),
            sts: match (&self.sts, sts.state) {
                (Some(url), State::Ok | State::Doubtful) => self.exchange(url),
                _ => Err("needs Octo STS"),
            },
            proof: match proven {
                Some(_) if is_wrong(&claims_link) => Err("needs claims that Octo STS takes"),
                Some(proof) if token.state == State::Ok => Ok(proof),
                _ => Err("needs the token"),
            },
            claims: match claims {
                Some(_) if is_wrong(&claims_link) => Err("needs claims that Octo STS takes"),
                claims => claims.ok_or("needs the token's claims"),
            },
            end,
        };
        let mut examining = Vec::with_capacity(self.errands.len());
        for errand in &self.errands {
            examining.push(common.examine(errand, deadline));
        }
        let examined: Vec<Vec<Link>> = stream::iter(examining).buffered(AT_ONCE).collect().await;
        // Stores and queues are reached with the same identity.
        let follows = |link: Link| {
            // What was answered, without the endpoint's own words, which may hold an id of this very request.
            let answered = token.found.split(": ").next().unwrap_or_default();
            let is_without = is_wrong(&identity) || (is_wrong(&token) && link.found.contains(answered));
            if is_without && is_wrong(&link) {
                Link { state: State::Skipped, mend: None, ..link }
                    .why("refused, which follows from the identity")
            } else {
                link
            }
        };
        let (secrets, queue) = (secrets.into_iter().map(follows).collect::<Vec<_>>(), follows(queue));
        let mut links =
            vec![self.configuration.clone(), identity, token, claims_link, clock.link(claims), sts];
        links.extend(in_order(self, examined, github.link));
        links.extend(secrets);
        links.push(queue);
        Examination::new(links)
    }

    fn exchange(&self, url: &crate::client::ServiceUrl) -> Result<OctoSts, &'static str> {
        let source = self.identity.as_ref().map_err(|_| "needs the identity")?;
        // Its own: nothing that a job remembers counts, and no job gets its tokens.
        let client = self.clients.outbound.clone();
        Ok(OctoSts::new(client, url.clone(), self.audience.clone(), source.clone()))
    }
}

/// What the errands found, then GitHub, and the rate limit of each owner once.
fn in_order(chain: &Chain, examined: Vec<Vec<Link>>, github: Link) -> Vec<Link> {
    if examined.is_empty() {
        let why = "needs a job: see the configuration";
        let none = [Name::Policy, Name::Evaluation, Name::Exchange, Name::Permissions]
            .map(|name| Link::skipped(name, why));
        return [Vec::from(none), vec![github, Link::skipped(Name::RateLimit, why)]].concat();
    }
    let (rates, mut links): (Vec<Link>, Vec<Link>) =
        examined.into_iter().flatten().partition(|link| link.link == Name::RateLimit);
    if chain.left_out > 0 {
        let why = format!("{} more scopes and trust policies are not examined: name one job", chain.left_out);
        links.push(Link::skipped(Name::Exchange, why));
    }
    links.push(github);
    for rate in rates {
        let known = links.iter_mut().find(|link| link.link == Name::RateLimit && link.scope == rate.scope);
        match known {
            Some(known) if known.state == State::Skipped => *known = rate,
            Some(_) => {}
            None => links.push(rate),
        }
    }
    links
}
