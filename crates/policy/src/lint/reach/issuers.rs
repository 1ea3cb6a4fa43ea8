//! Issuers: other hosts, and other customers of the same one.

use super::super::look::{Look, Says};
use super::super::{Code, sample, shape};
use super::others::UUID;
use crate::issuers::Issuer;
use crate::{Pattern, format};

/// A host that is a stranger's.
const HOST: &str = "evil.example";

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
    let (what, help, witness) = if let Some(witness) = strangers_host(&pattern) {
        (
            "issuers on other hosts",
            "write `issuer: <the one that is meant>`; or let each `.*` be a `[a-z0-9-]+`, and escape the dots",
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
            message: format!("this also admits {what}, such as `{}`", shape::shown(&witness)),
            help: help.to_owned(),
            why: "Whoever runs an issuer that is admitted writes its tokens, with every subject and every claim that it likes.",
        },
    );
}

fn strangers_host(pattern: &Pattern) -> Option<String> {
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
    ];
    let strange = |text: &&String| {
        let host = text.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        host.is_some_and(|host| host.ends_with(HOST) && !host.starts_with(['.', '-']))
            && format::issuer(text).is_ok()
    };
    sample::texts(pattern, &fills).iter().filter(strange).find(|text| sample::admits(pattern, text)).cloned()
}

/// An issuer of a service that has one for each customer, where nothing else in the policy says which.
fn other_customer(look: &Look<'_>, pattern: &Pattern) -> Option<String> {
    let gke = "evil/locations/us-east1/clusters/evil";
    let aks = format!("{UUID}/{UUID}/");
    let fills = [UUID, CLUSTER, "us-east-1", gke, &aks, "evil", ""].map(str::to_owned);
    sample::texts(pattern, &fills).into_iter().find(|text| {
        let kind = Issuer::of(text).filter(|kind| is_strangers(*kind, text));
        kind.is_some_and(|kind| is_open(look, kind)) && sample::admits(pattern, text)
    })
}

/// Whether the part of an issuer that says whose it is has been filled in here.
fn is_strangers(kind: Issuer, text: &str) -> bool {
    let tenant = text.split('/').nth(3);
    match kind {
        Issuer::Aws => text.strip_prefix("https://").is_some_and(|rest| rest.starts_with(UUID)),
        Issuer::EntraV1 | Issuer::EntraV2 | Issuer::Aks => tenant == Some(UUID),
        Issuer::Eks => text.rsplit('/').next() == Some(CLUSTER),
        Issuer::Gke => text.contains("/projects/evil/"),
        Issuer::CircleCi => text.rsplit('/').next() == Some(UUID),
        _ => false,
    }
}

/// Whether a token of another customer could have the subject too.
fn is_open(look: &Look<'_>, kind: Issuer) -> bool {
    let exact = look.sketch.text("subject").is_some();
    let subject = look.sound("subject_pattern").and_then(|spot| look.pattern(spot));
    let admits = |fills: &[&str], start: &str| {
        let fills: Vec<String> = fills.iter().map(|fill| (*fill).to_owned()).collect();
        subject.as_ref().is_some_and(|subject| {
            let texts = sample::texts(subject, &fills);
            texts.iter().any(|text| text.starts_with(start) && sample::admits(subject, text))
        })
    };
    match kind {
        Issuer::Eks | Issuer::Gke | Issuer::Aks => true,
        Issuer::Aws if !exact => {
            let role = format!("arn:aws:iam::{ACCOUNT}:role/x");
            let rest = format!("{ACCOUNT}:role/x");
            admits(&[&role, &rest, ACCOUNT, "x"], &format!("arn:aws:iam::{ACCOUNT}:"))
        }
        Issuer::EntraV1 | Issuer::EntraV2 if !exact => {
            admits(&[UUID], UUID) && look.sketch.claims.iter().all(|claim| claim.name != "tid")
        }
        Issuer::CircleCi if !exact => {
            let org = format!("org/{UUID}/project/{UUID}/user/{UUID}");
            admits(&[&org, UUID, "x"], &format!("org/{UUID}/"))
        }
        _ => false,
    }
}
