//! The claims that a policy matches: whether the issuer's tokens have them, and have them as text.

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::Spot;
use crate::issuers::{ClaimKind, Issuer};
use crate::show::shown;

const NOT_TEXT: &str = "Octo STS matches text and booleans only: it answers 403 `trust policy: expected claim … not a string` or `… not \
                        found in token`, to every token.";

/// What AWS puts inside `https://sts.amazonaws.com/`.
const INSIDE_AWS: [&str; 12] = [
    "aws_account",
    "source_region",
    "org_id",
    "ou_path",
    "principal_id",
    "principal_tags",
    "request_tags",
    "lambda_source_function_arn",
    "ec2_source_instance_arn",
    "ec2_instance_source_vpc",
    "glue_job_arn",
    "federated_provider",
];

/// What Google puts inside `google`, and Kubernetes inside `kubernetes.io`.
const INSIDE_GOOGLE: [&str; 5] =
    ["compute_engine", "project_id", "project_number", "instance_id", "instance_name"];
const INSIDE_KUBERNETES: [&str; 5] = ["namespace", "serviceaccount", "pod", "node", "warnafter"];

/// Looks at every entry of `claim_pattern`.
pub(super) fn check(look: &mut Look<'_>) {
    for spot in look.sound_claims() {
        if look.is_full() {
            return;
        }
        let kind = match look.issuer {
            Some(issuer) => issuer.claim(&spot.name),
            None if ["exp", "iat", "nbf"].contains(&spot.name.as_str()) => ClaimKind::Number,
            None => ClaimKind::Unknown,
        };
        match kind {
            ClaimKind::Number => never(look, spot, &format!("the claim `{}` is a number", spot.name)),
            ClaimKind::List => never(look, spot, &format!("the claim `{}` is a list", spot.name)),
            ClaimKind::Object => never(look, spot, &format!("the claim `{}` is a mapping", spot.name)),
            ClaimKind::Absent => absent(look, spot),
            ClaimKind::Boolean => boolean(look, spot),
            ClaimKind::Text | ClaimKind::Unknown => value(look, spot),
        }
    }
}

fn never(look: &mut Look<'_>, spot: &Spot, message: &str) {
    let help = match look.issuer {
        Some(Issuer::Aws) => {
            "remove it, and give each workload a role of its own: the role's ARN in `subject` is all that tells them apart"
        }
        Some(Issuer::Google) => {
            "remove it, and give each workload a service account of its own: its unique id is the `subject`"
        }
        Some(issuer) if issuer.is_kubernetes() => {
            "remove it: namespace and service account are in the `subject`"
        }
        _ => "remove it, or match another claim that is text",
    };
    let says = Says {
        message: format!("{message}, which can never be matched"),
        help: help.to_owned(),
        why: NOT_TEXT,
    };
    look.at_key(Code::ClaimNeverMatches, spot, says);
}

fn absent(look: &mut Look<'_>, spot: &Spot) {
    let Some(issuer) = look.issuer else { return };
    let (name, whose) = (spot.name.as_str(), issuer.name());
    if let Some(outer) = outer(issuer, name) {
        return never(look, spot, &format!("`{name}` stands inside the claim `{outer}`"));
    }
    let message = format!("tokens of {whose} have no claim `{}`", shown(name));
    let help = match (issuer, name, issuer.nearest_claim(name)) {
        (Issuer::EntraV2, "appid", _) => "write `azp`: that is its name in tokens of version 2".to_owned(),
        (Issuer::EntraV1, "azp", _) => "write `appid`: that is its name in tokens of version 1".to_owned(),
        (_, _, Some(nearest)) => format!("did you mean `{nearest}`?"),
        _ => "remove it; `gatepass token` shows the claims that a token has".to_owned(),
    };
    let why = "Octo STS answers 403 `trust policy: expected claim … not found in token`.";
    look.at_key(Code::ClaimUnknown, spot, Says { message, help, why });
}

/// The claim inside which this one stands, also where someone spells out the way to it.
fn outer(issuer: Issuer, name: &str) -> Option<&'static str> {
    let (outer, inside): (&str, &[&str]) = match issuer {
        Issuer::Aws => ("https://sts.amazonaws.com/", &INSIDE_AWS),
        Issuer::Google => ("google", &INSIDE_GOOGLE),
        issuer if issuer.is_kubernetes() => ("kubernetes.io", &INSIDE_KUBERNETES),
        _ => return None,
    };
    let below =
        name.strip_prefix(outer.trim_end_matches('/')).is_some_and(|rest| rest.starts_with(['.', '/', '[']));
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    (below || inside.contains(&name) || inside.contains(&last)).then_some(outer)
}

fn boolean(look: &mut Look<'_>, spot: &Spot) {
    if look.literal(spot).is_some_and(|text| text != "true" && text != "false") {
        let message = format!("`{}` is `true` or `false`, and never `{}`", spot.name, shown(&spot.text));
        let help = format!("write `{}: \"true\"`", spot.name);
        let why = "Octo STS writes a boolean as `true` or `false` before it matches it, in lower case.";
        look.at_value(Code::ClaimForm, spot, Says { message, help, why });
    }
}

/// A bot's name has brackets, which in a pattern mean one of the letters in them.
fn bot(look: &mut Look<'_>, spot: &Spot) -> bool {
    let Some(at) = spot
        .text
        .find("[bot]")
        .filter(|at| !spot.text.get(..*at).is_some_and(|before| before.ends_with('\\')))
    else {
        return false;
    };
    let message = "`[bot]` in a pattern is one of the letters b, o and t, and no name ends so".to_owned();
    let help = format!("write `{}`", shape::line(&spot.name, &spot.text.replace("[bot]", r"\[bot\]")));
    let why = "No token has this value: Octo STS answers 403 `trust policy: claim … did not match …`.";
    let position = look.sketch.position_in(spot, at);
    look.report(Code::ClaimForm, position, spot.path.clone(), Says { message, help, why });
    true
}

/// The values of GitHub's claims have forms, and a plain text in another form matches nothing.
fn value(look: &mut Look<'_>, spot: &Spot) {
    if !look.issuer.is_some_and(Issuer::is_github) || bot(look, spot) {
        return;
    }
    let Some(text) = look.pattern(spot).and_then(|pattern| sample::dotted(&pattern)) else { return };
    let text = text.as_str();
    let (form, meant) = match spot.name.as_str() {
        "ref" if !text.starts_with("refs/") => ("a full ref", format!("refs/heads/{text}")),
        "repository" if !text.contains('/') => ("`<owner>/<name>`", format!("<owner>/{text}")),
        "repository_owner" if text.contains('/') => {
            ("the owner's name alone", text.split('/').next().unwrap_or_default().to_owned())
        }
        "workflow_ref" | "job_workflow_ref" if !text.contains("@refs/") && !is_pinned(text) => {
            let file = text.split('@').next().unwrap_or_default();
            let branch = text.split_once('@').map_or("main", |(_, branch)| branch);
            (
                "`<owner>/<repository>/.github/workflows/<file>@<full ref>`",
                format!("{file}@refs/heads/{branch}"),
            )
        }
        _ => return,
    };
    let message = format!("`{}` is always {form}, and never `{}`", spot.name, shown(text));
    let help = format!("write `{}`", shape::line(&spot.name, &shape::escaped(&meant)));
    let why = "No token has this value: Octo STS answers 403 `trust policy: claim … did not match …`.";
    look.at_value(Code::ClaimForm, spot, Says { message, help, why });
}

/// A reusable workflow can be called by a commit.
fn is_pinned(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(_, at)| at.len() == 40 && at.bytes().all(|b| b.is_ascii_hexdigit()))
}
