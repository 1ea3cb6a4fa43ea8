//! Issuers: other hosts, and other customers of the same one.

use super::super::look::{Look, Says};
use super::super::{Code, sample};
use super::{UUID, is_made_up};
use crate::issuers::Issuer;
use crate::names::is_account;
use crate::show::shown;
use crate::{Pattern, format};

/// A host that is a stranger's.
const HOST: &str = "evil.example";

/// Hosts below which anybody can have one, and with them the endings that a name can be bought under.
const SHARED: [&str; 22] = [
    "app",
    "auth0.com",
    "azurewebsites.net",
    "cloudfront.net",
    "com",
    "dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "io",
    "net",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "okta.com",
    "org",
    "pages.dev",
    "trycloudflare.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// Hosts on which anybody can have a path.
const SHARED_PATHS: [&str; 4] =
    ["oidc.vercel.com", "raw.githubusercontent.com", "s3.amazonaws.com", "storage.googleapis.com"];

/// What a cluster's id looks like on EKS.
const CLUSTER: &str = "66666666666666666666666666666666";

/// An account on AWS that is a stranger's.
const ACCOUNT: &str = "666666666666";

pub(super) fn check(look: &mut Look<'_>) {
    let Some(spot) = look.sound("issuer_pattern") else { return };
    let Some(pattern) =
        look.pattern(spot).filter(|_| !["evil", "6666"].iter().any(|word| spot.text.contains(word)))
    else {
        return;
    };
    let (what, help, witness) = if let Some(witness) = strangers_host(&pattern, is_elsewhere) {
        (
            "issuers on other hosts",
            "write `issuer: <the one that is meant>`; or let each `.*` be a `[a-z0-9-]+`, and escape the dots",
            witness,
        )
    } else if let Some(witness) = strangers_host(&pattern, is_shared) {
        (
            "issuers that anybody can set up there",
            "write `issuer: <the one that is meant>`, or all of them as `(<one>|<other>)`",
            witness,
        )
    } else if let Some(witness) = other_customer(look, &pattern) {
        (
            "issuers of other customers of the same service",
            "write `issuer: <the one that is meant>`, or all of them as `(<one>|<other>)`",
            witness,
        )
    } else {
        return;
    };
    look.at_value(
        Code::AdmitsIssuers,
        spot,
        Says {
            message: format!("this also admits {what}, such as `{}`", shown(&witness)),
            help: help.to_owned(),
            why: "Whoever runs an issuer that is admitted writes its tokens, with every subject and every claim that it likes.",
        },
    );
}

/// Whether a host is a stranger's.
fn is_elsewhere(host: &str, _path: &str) -> bool {
    host.ends_with(HOST) && !host.starts_with(['.', '-'])
}

/// Whether a host, or a path on it, is one that a stranger can get.
fn is_shared(host: &str, path: &str) -> bool {
    host.strip_prefix("evil.").is_some_and(|rest| SHARED.contains(&rest))
        || (SHARED_PATHS.contains(&host) && path.starts_with("evil"))
}

fn strangers_host(pattern: &Pattern, is_strangers: fn(&str, &str) -> bool) -> Option<String> {
    let fills = [
        format!(".{HOST}"),
        HOST.to_owned(),
        format!("-{HOST}"),
        format!("{HOST}/x"),
        format!("{HOST}/"),
        format!("://{HOST}"),
        format!("//{HOST}"),
        format!("https://{HOST}"),
        format!("https://{HOST}/x"),
        "evil".to_owned(),
    ];
    let strange = |text: &&String| {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        is_strangers(host, path) && format::issuer(text).is_ok()
    };
    sample::texts(pattern, &fills).iter().filter(strange).find(|text| sample::admits(pattern, text)).cloned()
}

/// An issuer of a service that has one for each customer, where nothing else in the policy says which.
fn other_customer(look: &Look<'_>, pattern: &Pattern) -> Option<String> {
    let gke = "evil/locations/us-east1/clusters/evil";
    let aks = format!("{UUID}/{UUID}/");
    let v2 = format!("{UUID}/v2.0");
    let fills = [UUID, CLUSTER, "us-east-1", gke, &aks, &v2, "evil", "-evil", ""].map(str::to_owned);
    sample::texts(pattern, &fills).into_iter().find(|text| {
        let kind = Issuer::of(text).filter(|kind| is_strangers(*kind, text));
        kind.is_some_and(|kind| is_open(look, kind)) && sample::admits(pattern, text)
    })
}

/// Whether the part of an issuer that says whose it is has been filled in here.
fn is_strangers(kind: Issuer, text: &str) -> bool {
    let tenant = text.split('/').nth(3);
    match kind {
        Issuer::Aws => {
            text.strip_prefix("https://").is_some_and(|rest| rest.split('.').next().is_some_and(is_made_up))
        }
        Issuer::EntraV1 | Issuer::EntraV2 | Issuer::Aks => tenant.is_some_and(is_made_up),
        Issuer::Eks => text.rsplit('/').next() == Some(CLUSTER),
        Issuer::Gke => text.split('/').nth(5).is_some_and(|project| project.ends_with("evil")),
        Issuer::GitHub => text == "https://token.actions.evil.ghe.com",
        Issuer::CircleCi => text.rsplit('/').next().is_some_and(is_made_up),
        _ => false,
    }
}

/// Whether a token of another customer could have the subject too.
fn is_open(look: &Look<'_>, kind: Issuer) -> bool {
    let exact = look.sketch.text("subject").is_some();
    let subject = look.sound("subject_pattern").and_then(|spot| look.pattern(spot));
    let admits = |fills: &[&str], strange: fn(&str) -> bool| {
        let fills: Vec<String> = fills.iter().map(|fill| (*fill).to_owned()).collect();
        subject.as_ref().is_some_and(|subject| {
            let texts = sample::texts(subject, &fills);
            texts.iter().any(|text| strange(text) && sample::admits(subject, text))
        })
    };
    match kind {
        Issuer::Eks | Issuer::Gke | Issuer::Aks | Issuer::GitHub => true,
        Issuer::Aws if !exact => {
            let role = format!("arn:aws:iam::{ACCOUNT}:role/x");
            let rest = format!("{ACCOUNT}:role/x");
            let mut fills = vec![role.as_str(), &rest, "x"];
            // Some digits of an account may be given.
            fills.extend((1..=ACCOUNT.len()).filter_map(|length| ACCOUNT.get(..length)));
            let ends: Vec<String> = fills.iter().skip(3).map(|digits| format!("{digits}:role/x")).collect();
            fills.extend(ends.iter().map(String::as_str));
            admits(&fills, |text| {
                let account = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split(':').next());
                account.is_some_and(|account| is_account(account) && account.contains("66"))
            })
        }
        Issuer::EntraV1 | Issuer::EntraV2 if !exact => {
            admits(&[UUID], is_made_up)
                && !look.sketch.claims.iter().any(|claim| {
                    let pattern = look.pattern(claim).filter(|_| claim.name == "tid");
                    pattern.is_some_and(|pattern| !sample::admits(&pattern, UUID))
                })
        }
        Issuer::CircleCi if !exact => {
            let org = format!("org/{UUID}/project/{UUID}/user/{UUID}");
            admits(&[&org, UUID, "x"], |text| text.split('/').nth(1).is_some_and(is_made_up))
        }
        _ => false,
    }
}
