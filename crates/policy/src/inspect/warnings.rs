//! What speaks against a token, before it is sent.

use crate::Claims;
use crate::hint::{Field, TOKEN_EXCHANGE};
use crate::issuers::Issuer;
use crate::names::{Arn, Entra, RunContext, RunSubject};
use crate::show::{shown, shown_list};
use crate::suggest::quote;

/// Something to know before the token is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub what: String,
    /// What to do.
    pub help: String,
}

/// How far a token's `nbf` may lie ahead for the server, in seconds (go-oidc, `Verify`). `exp` has no leeway.
const LEEWAY: i64 = 5 * 60;

/// From how far ahead `iat` is a sign of a clock that is behind, in seconds.
const SKEW: i64 = 60;

/// The longest that a token of the clouds lives, in seconds: a managed identity's, a day and a few minutes.
const LONGEST_LIFE: i64 = 25 * 3600;

/// What speaks against sending it to a server of this domain at this time (in seconds since 1970): expired, not yet valid, the
/// wrong audience for a policy without `audience`, a format that the server refuses, an Entra client assertion that others could replay …
pub fn warnings(claims: &Claims, domain: &str, now: i64) -> Vec<Warning> {
    let token = Token { claims, domain, now };
    let looks: [Look; 12] = [
        lifetime,
        |token| format(token, Field::Issuer),
        |token| format(token, Field::Subject),
        |token| format(token, Field::Audience),
        audience,
        client_assertion,
        entra_v1,
        role_only,
        shared_account,
        unnamed_account,
        pull_request,
        stranger,
    ];
    let mut warnings = time_warnings(claims, now);
    warnings.extend(looks.iter().filter_map(|look| look(&token)).map(warning));
    warnings
}

/// Those of [`warnings`] for which a server refuses to verify the token: expired, not yet valid, issued in the future.
pub fn time_warnings(claims: &Claims, now: i64) -> Vec<Warning> {
    let token = Token { claims, domain: "", now };
    let looks: [Look; 3] = [expiry, not_before, clock];
    looks.iter().filter_map(|look| look(&token)).map(warning).collect()
}

fn warning((what, help): (String, &'static str)) -> Warning {
    Warning { what, help: help.to_owned() }
}

struct Token<'a> {
    claims: &'a Claims,
    domain: &'a str,
    now: i64,
}

type Found = Option<(String, &'static str)>;

type Look = fn(&Token<'_>) -> Found;

impl Token<'_> {
    fn issuer(&self) -> Option<Issuer> {
        Issuer::of(self.claims.issuer())
    }

    fn google(&self) -> Option<&Claims> {
        (self.issuer() == Some(Issuer::Google)).then_some(self.claims)
    }
}

fn expiry(token: &Token<'_>) -> Found {
    match token.claims.seconds("exp") {
        None => Some((
            "the token has no time of expiry (`exp`)".to_owned(),
            "ask the cloud for another: Octo STS takes such a token for an expired one",
        )),
        Some(exp) if exp < token.now => Some((
            format!("the token expired {} ago", span(token.now.saturating_sub(exp))),
            "ask for a new one; if it is new, set this machine's clock",
        )),
        Some(_) => None,
    }
}

fn not_before(token: &Token<'_>) -> Found {
    let ahead = token.claims.seconds("nbf")?.saturating_sub(token.now);
    (ahead > LEEWAY).then(|| {
        (
            format!("the token is not valid before {} from now (`nbf`)", span(ahead)),
            "set this machine's clock, which is behind",
        )
    })
}

fn clock(token: &Token<'_>) -> Found {
    let ahead = token.claims.seconds("iat")?.saturating_sub(token.now);
    (ahead > SKEW).then(|| {
        (
            format!("the token was issued {} in the future (`iat`)", span(ahead)),
            "set this machine's clock, which is behind",
        )
    })
}

fn lifetime(token: &Token<'_>) -> Found {
    let life = token.claims.seconds("exp")?.saturating_sub(token.claims.seconds("iat")?);
    (life > LONGEST_LIFE).then(|| {
        (
            format!("the token lives for {}", span(life)),
            "ask for one that lives for minutes: whoever sees it can use it for as long as it lives",
        )
    })
}

fn format(token: &Token<'_>, field: Field) -> Found {
    let (_, violation) = field.violation(token.claims)?;
    let help = match field {
        Field::Issuer => "use an identity whose issuer is an https URL without query or fragment",
        Field::Subject => {
            "use an identity with another name: Octo STS refuses this one whatever the policy says"
        }
        Field::Audience => "ask for another audience: Octo STS refuses this one whatever the policy says",
    };
    Some((format!("the token's {} {violation}", field.key()), help))
}

fn audience(token: &Token<'_>) -> Found {
    let audiences = token.claims.audiences();
    if audiences.is_empty() {
        let help = "ask for one where the token is made: no policy admits a token without";
        return Some(("the token has no audience".to_owned(), help));
    }
    let (domain, shown) = (quote(token.domain), shown_list(&audiences));
    (!audiences.contains(&token.domain)).then(|| {
        (
            format!("the token is for {shown}, and a policy without `audience` wants {domain}"),
            if Entra::of(token.claims.issuer()).is_some() {
                "set `audience` in the policy to the token's: a token of Azure cannot have the server's domain"
            } else {
                "ask for the server's domain as the audience, or set `audience` in the policy to the token's"
            },
        )
    })
}

fn client_assertion(token: &Token<'_>) -> Found {
    Entra::of(token.claims.issuer())?;
    let (resource, id) = TOKEN_EXCHANGE;
    token.claims.audiences().iter().any(|audience| [resource, id].contains(audience)).then(|| {
        (
            "the token is also a client assertion for Entra: who gets hold of it can act on Azure wherever a federated \
             credential trusts this identity"
                .to_owned(),
            "use a managed identity that no federated credential trusts, or a dedicated app registration (version 2, app-role \
             assignment required) as the audience",
        )
    })
}

fn entra_v1(token: &Token<'_>) -> Found {
    let issuer = Entra::of(token.claims.issuer())?;
    (!issuer.is_v2).then(|| {
        (
            "the token is of version 1, so its issuer is `https://sts.windows.net/<tenant>/`".to_owned(),
            "write the issuer with its slash at the end, or set requestedAccessTokenVersion of the app registration to 2",
        )
    })
}

fn role_only(token: &Token<'_>) -> Found {
    Arn::parse(token.claims.subject())?.role()?;
    let nested = token.claims.get("https://sts.amazonaws.com/").is_some();
    let is_aws = nested || token.issuer() == Some(Issuer::Aws);
    is_aws.then(|| {
        (
            "of an AWS token only the role's ARN can be matched: whatever runs as the role is the same to Octo STS".to_owned(),
            "give each function a role of its own",
        )
    })
}

fn shared_account(token: &Token<'_>) -> Found {
    let email = token.google()?.get("email")?.as_str()?;
    let shared = email.ends_with("-compute@developer.gserviceaccount.com")
        || email.ends_with("@appspot.gserviceaccount.com");
    shared.then(|| {
        (
            format!(
                "{} is a default service account: whatever else runs in the project has the same subject",
                shown(email)
            ),
            "run the service as a service account of its own",
        )
    })
}

fn unnamed_account(token: &Token<'_>) -> Found {
    let google = token.google()?;
    google.get("email").is_none().then(|| {
        (
            "the token does not say its account's e-mail address".to_owned(),
            "ask the metadata server with `format=full` if a policy is to match `email`",
        )
    })
}

fn pull_request(token: &Token<'_>) -> Found {
    let run = RunSubject::parse(token.claims.subject())?;
    (run.context == RunContext::PullRequest).then(|| {
        (
            "the token is of a run for a pull request, whose author chose what runs".to_owned(),
            "admit runs of a branch or an environment instead, or grant no more than reading",
        )
    })
}

/// Runs with the base repository's rights that pull requests of strangers start.
fn stranger(token: &Token<'_>) -> Found {
    RunSubject::parse(token.claims.subject())?;
    let event = token.claims.get("event_name")?.as_str()?;
    (event == "pull_request_target").then(|| {
        (
            "the token is of a run for `pull_request_target`, which pull requests from forks start, too".to_owned(),
            "keep what comes from the pull request out of that workflow, and match `event_name` in `claim_pattern`",
        )
    })
}

/// A span of time in the largest unit that it has two of.
fn span(seconds: i64) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    match units.into_iter().find(|(unit, _)| seconds >= 2 * unit) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests;
