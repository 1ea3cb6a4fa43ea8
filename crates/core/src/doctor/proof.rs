//! Identity, token and claims.

use std::time::Duration;

use gatepass_policy::{Claims, Field, Use, inspect, warnings};
use jiff::Timestamp;

use super::chain::Chain;
use super::clock::Clock;
use super::examination::{Link, Name};
use super::told::told;
use crate::deadline::Deadline;
use crate::secret::IdToken;

/// How long one link may take.
pub(super) const EACH: Duration = Duration::from_secs(10);

/// A token that was had, and what it says.
pub(super) struct Proof {
    pub(super) token: IdToken,
    /// None when its payload is no JSON object.
    pub(super) claims: Option<Claims>,
}

/// The link `identity`, and a token or the link that says why there is none.
pub(super) async fn get(chain: &Chain, deadline: Deadline) -> (Link, Result<Proof, Box<Link>>) {
    let needs = || Err(Box::new(Link::skipped(Name::Token, "needs the identity")));
    let source = match &chain.identity {
        Ok(source) => source,
        Err(problem) if chain.aids.is_nobody => {
            return (Link::skipped(Name::Identity, problem.clone()), needs());
        }
        Err(problem) => {
            let (found, next) = problem
                .rsplit_once("; ")
                .unwrap_or((problem, "set what is missing, or run this where the workload runs"));
            let link = Link::wrong(Name::Identity, found).why("there is nobody to be").mend(next);
            return (link, needs());
        }
    };
    let identity = match source.reach(deadline.at_most(EACH)).await {
        Ok(found) => Link::ok(Name::Identity, found),
        Err(failure) => {
            let (found, mend) = told(&failure);
            let why = "without it this workload cannot prove who it is";
            return (Link::wrong(Name::Identity, found).why(why).mend(mend), needs());
        }
    };
    let token = source.id_token(&chain.audience, deadline.at_most(EACH)).await.map_err(|failure| {
        let (found, mend) = told(&failure);
        let why = "the identity is there, and it gives no token for Octo STS";
        Box::new(Link::wrong(Name::Token, found).why(why).mend(mend))
    });
    (identity, token.map(|token| Proof { claims: token.unverified_claims(), token }))
}

impl Proof {
    /// The link `token`.
    pub(super) fn link(&self, clock: &Clock) -> Link {
        let Some(claims) = &self.claims else {
            return Link::wrong(Name::Token, "what was given is no JWT whose payload is a JSON object")
                .why("Octo STS answers `invalid bearer token`")
                .mend("check where this workload's token comes from, and what stands between");
        };
        let Some(expires) = time(claims, "exp") else {
            return Link::wrong(Name::Token, "the token has no time of expiry (`exp`)")
                .why("Octo STS takes such a token for expired")
                .mend("use a token of the cloud's own identity");
        };
        let left = expires.as_second() - clock.earliest().as_second();
        if left <= 0 {
            return Link::wrong(Name::Token, format!("the token expired {} s ago", -left))
                .why("Octo STS gives no leeway")
                .mend("use a fresh token; those of the clouds live from five minutes to a day");
        }
        Link::ok(Name::Token, format!("a JWT that is good for {left} s"))
    }
}

/// The link `claims`.
pub(super) fn claims(claims: &Claims, domain: &str, now: Timestamp) -> Link {
    let audiences = claims.audiences();
    let found =
        format!("iss {:?}, sub {:?}, aud {:?}", claims.issuer(), claims.subject(), audiences.join(" "));
    for field in Field::ALL {
        if let Some((_, violation)) = field.violation(claims) {
            let why = format!(
                "Octo STS refuses the token before it looks at any policy: its {} {violation}",
                field.key()
            );
            return Link::wrong(Name::Claims, found).why(why).mend(field.mend());
        }
    }
    if audiences.is_empty() {
        return Link::wrong(Name::Claims, found)
            .why("a token without an audience (`aud`) matches no trust policy")
            .mend("ask the identity endpoint for an audience");
    }
    let heeded = warnings(claims, domain, now.as_second()).into_iter();
    let heeded = heeded.map(|warning| format!("{}; {}", warning.what, warning.help));
    Link::ok(Name::Claims, found).notes(uses(claims)).notes(heeded)
}

/// Which of the other claims a policy can match.
fn uses(claims: &Claims) -> Option<String> {
    let (mut can, mut never) = (Vec::new(), Vec::new());
    for claim in inspect(claims) {
        match claim.use_ {
            Use::Field(_) => {}
            Use::Pattern(_) => can.push(claim.claim),
            Use::Never(_) => never.push(claim.claim),
        }
    }
    let can = if can.is_empty() { "none".to_owned() } else { can.join(", ") };
    (!never.is_empty() || can != "none").then(|| {
        let never = if never.is_empty() { String::new() } else { format!("; never: {}", never.join(", ")) };
        format!("claims that claim_pattern can match: {can}{never}")
    })
}

/// A claim that is a time.
pub(super) fn time(claims: &Claims, name: &str) -> Option<Timestamp> {
    Timestamp::from_second(claims.seconds(name)?).ok()
}
