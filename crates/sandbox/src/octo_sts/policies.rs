//! Trust policies, read from the fake GitHub's default branches and held against a token.

use gatepass_policy::{
    Claims, ParseErrorKind, Refusal as Mismatch, Scope, Sketch, TrustPolicy, Verdict, policy_path,
};

use super::memory::Memory;
use super::row::{Refusal, Row};
use crate::github::GitHub;

/// The row that needs no reading: the server remembers that there is no such policy.
pub(crate) fn refuse_known_missing(
    memory: &Memory,
    github: &GitHub,
    scope: &Scope,
    identity: &str,
) -> Result<(), Refusal> {
    if memory.knows_none(github, &repository(scope), &policy_path(identity)) {
        return Err(Row::PolicyMissing(identity.to_owned()).because("remembered as missing"));
    }
    Ok(())
}

/// The policy named `identity` for the scope.
pub(crate) fn find(
    memory: &mut Memory,
    github: &GitHub,
    scope: &Scope,
    identity: &str,
) -> Result<TrustPolicy, Refusal> {
    let bytes = memory.read(github, repository(scope), &policy_path(identity)).ok_or_else(|| {
        Row::PolicyMissing(identity.to_owned()).because(format!("looked for {}", scope.locate(identity)))
    })?;
    Sketch::read(&bytes, scope.policy_kind()).policy.map_err(|error| {
        let identity = identity.to_owned();
        let row = match error.kind {
            ParseErrorKind::Unreadable => Row::PolicyUnreadable(identity),
            ParseErrorKind::Unparseable => Row::PolicyUnparseable(identity),
            ParseErrorKind::Uncompilable => Row::PolicyUncompilable(identity),
            ParseErrorKind::NotJudged => return Row::NotJudged(error.to_string()).into(),
        };
        row.because(error)
    })
}

fn repository(scope: &Scope) -> String {
    format!("{}/{}", scope.owner(), scope.policy_repository())
}

/// Whether the policy admits the verified claims.
pub(crate) fn judge(policy: &TrustPolicy, claims: &Claims, domain: &str) -> Result<(), Refusal> {
    match policy.evaluate(claims, domain) {
        Verdict::Admitted => Ok(()),
        Verdict::Refused(Mismatch::Unverified) => Err(Row::Verification.into()),
        Verdict::Refused(Mismatch::InvalidIssuer) => Err(Row::TokenField("issuer").into()),
        Verdict::Refused(Mismatch::InvalidSubject) => Err(Row::TokenField("subject").into()),
        Verdict::Refused(Mismatch::InvalidAudience) => Err(Row::TokenField("audience").into()),
        Verdict::Refused(mismatch) => Err(Row::Refused(mismatch.to_string()).into()),
        Verdict::NotJudged(reason) => Err(Row::NotJudged(reason).into()),
    }
}
