//! Identities of Google: a subject that is any number is anybody, unless a verified e-mail says who.

use super::super::look::{Look, Says};
use super::super::{Code, sample};
use super::Demands;
use crate::show::shown;

/// Unique ids have 21 digits; a pattern may give a few, or leave room for more.
const DIGITS: [usize; 13] = [21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 22, 23, 24];

pub(super) fn check(look: &mut Look<'_>, demands: &Demands<'_>) {
    let fills = DIGITS.map(|length| "6".repeat(length));
    let numeric = |text: &String| text.len() >= 15 && text.bytes().all(|b| b.is_ascii_digit());
    let chosen = |text: &String| text.contains("666666666666");
    let subjects = demands.subjects(&fills);
    let Some(witness) = subjects.iter().find(|text| numeric(text) && chosen(text) && demands.admits(text))
    else {
        return;
    };
    if !demands.only_demands(&["email", "email_verified", "iss", "aud"]) {
        return;
    }
    let witness = shown(witness);
    let verified = demands.claim("email_verified").is_some_and(|pattern| !sample::admits(pattern, "false"));
    let (message, help, why) = match demands.claim("email").map(|pattern| strangers_email(demands, pattern)) {
        None => (
            format!("this admits every account of Google, such as `{witness}`"),
            "write `subject: \"<unique id of the service account>\"`, or match `email` and `email_verified: \"true\"` in `claim_pattern`",
            "Service accounts of other customers, and people, have tokens of the same issuer, for any audience that they ask for.",
        ),
        Some(Some(email)) => (
            format!("this admits accounts of Google that are not yours, such as `{}`", shown(&email)),
            "write the e-mail's domain in full, with its dots escaped",
            "Service accounts of other customers, and people, have tokens of the same issuer, for any audience that they ask for.",
        ),
        Some(None) if !verified => (
            "the e-mail that decides who gets in need not be verified".to_owned(),
            "add `email_verified: \"true\"` to `claim_pattern`",
            "A Google account can carry an address that its holder has never proved to own.",
        ),
        Some(None) => return,
    };
    demands.report(look, Code::AdmitsIdentities, Says { message, help: help.to_owned(), why });
}

/// An address in nobody's or a stranger's domain that passes.
fn strangers_email(demands: &Demands<'_>, pattern: &crate::Pattern) -> Option<String> {
    let evil = demands.marker;
    let domains =
        [format!("{evil}.example"), "gmail.com".to_owned(), format!("{evil}.iam.gserviceaccount.com")];
    let mut fills: Vec<String> = domains.iter().map(|domain| format!("{evil}@{domain}")).collect();
    fills.extend(domains.iter().map(|domain| format!("@{domain}")));
    fills.extend(domains.iter().cloned());
    fills.extend([evil.to_owned(), format!("{evil}@{evil}"), format!(".{evil}.example")]);
    let strange = |text: &&String| {
        text.split_once('@').is_some_and(|(name, domain)| {
            let whole = !name.is_empty() && !domain.contains('@') && domain.contains('.');
            whole && (domain.contains(evil) || (domain == "gmail.com" && name.contains(evil)))
        })
    };
    sample::texts(pattern, &fills).iter().filter(strange).find(|text| sample::admits(pattern, text)).cloned()
}
