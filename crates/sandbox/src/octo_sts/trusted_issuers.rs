//! The organisation's list of trusted issuers, which stands before every policy in its repositories.

use gatepass_policy::{ParseErrorKind, TrustedIssuers, trusted_issuers::PATH};

use super::memory::Memory;
use super::row::{Refusal, Row};
use crate::github::GitHub;

/// Where an organisation keeps it.
const REPOSITORY: &str = ".github";

/// Whether the owner lets tokens of this issuer in at all: with a remark for the trace, if only because the list does
/// no more than watch.
pub(super) fn check(
    memory: &mut Memory,
    github: &GitHub,
    owner: &str,
    issuer: &str,
) -> Result<Option<String>, Refusal> {
    let Some(bytes) = memory.read(github, format!("{owner}/{REPOSITORY}"), PATH) else { return Ok(None) };
    let list = match parse(bytes) {
        Ok(list) => {
            memory.keep_list(github, owner, &list);
            list
        }
        Err(refusal) => memory.last_good_list(github, owner).ok_or(refusal)?,
    };
    let listed = list.lists(issuer).map_err(|doubt| {
        Row::NotJudged(format!("whether {PATH} in {owner}/{REPOSITORY} lists {issuer}: {doubt}"))
    })?;
    let remark = format!("{issuer} is not in {PATH} in {owner}/{REPOSITORY}");
    match (listed, list.audit) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(format!("{remark}, which only audits"))),
        (false, false) => Err(Row::IssuerNotPermitted.because(remark)),
    }
}

fn parse(bytes: Vec<u8>) -> Result<TrustedIssuers, Refusal> {
    let text = String::from_utf8(bytes).map_err(|_| Row::AllowListInvalid.because("not UTF-8"))?;
    TrustedIssuers::parse(&text).map_err(|error| match error.kind {
        ParseErrorKind::NotJudged => Row::NotJudged(error.to_string()).into(),
        _ => Row::AllowListInvalid.because(error),
    })
}
