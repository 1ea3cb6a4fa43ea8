//! Trust policies, read from the fake GitHub's default branches and held against a token.

use std::collections::HashMap;

use gatepass_policy::{
    Claims, ParseErrorKind, Refusal as Mismatch, Scope, TrustPolicy, Verdict, policy_path,
};
use jiff::{SignedDuration, Timestamp};

use super::row::{Refusal, Row};
use crate::github::GitHub;

/// How long the server remembers a policy, and that there is none.
const MEMORY: SignedDuration = SignedDuration::from_mins(5);

/// What was read, if anything, by repository and path.
type Texts = HashMap<(String, String), (Option<Vec<u8>>, Timestamp)>;

/// The server's memory of policies: off until asked for, so that a policy that was just written counts at once.
#[derive(Debug, Default)]
pub(crate) struct Memory(Option<Texts>);

impl Memory {
    /// Starts remembering from now on, or forgets.
    pub(crate) fn set(&mut self, on: bool) {
        self.0 = on.then(Texts::new);
    }

    fn read(&mut self, github: &GitHub, repository: String, path: String) -> Option<Vec<u8>> {
        let Some(texts) = &mut self.0 else { return github.file(&repository, &path) };
        let now = github.now();
        let key = (repository, path);
        if let Some((text, read_at)) = texts.get(&key)
            && now.duration_since(*read_at) < MEMORY
        {
            return text.clone();
        }
        let text = github.file(&key.0, &key.1);
        texts.insert(key, (text.clone(), now));
        text
    }
}

/// The policy named `identity` for the scope.
pub(crate) fn find(
    memory: &mut Memory,
    github: &GitHub,
    scope: &Scope,
    identity: &str,
) -> Result<TrustPolicy, Refusal> {
    let repository = format!("{}/{}", scope.owner(), scope.policy_repository());
    let text = memory.read(github, repository, policy_path(identity)).ok_or_else(|| {
        Row::PolicyMissing(identity.to_owned()).because(format!("looked for {}", scope.locate(identity)))
    })?;
    let text = String::from_utf8(text)
        .map_err(|_| Row::PolicyUnreadable(identity.to_owned()).because("not UTF-8"))?;
    TrustPolicy::parse(&text, scope.policy_kind()).map_err(|error| {
        let identity = identity.to_owned();
        let row = match error.kind {
            ParseErrorKind::Unparseable => Row::PolicyUnparseable(identity),
            ParseErrorKind::Uncompilable => Row::PolicyUncompilable(identity),
            ParseErrorKind::NotJudged => return Row::NotJudged(error.to_string()).into(),
        };
        row.because(error)
    })
}

/// Whether the policy admits the verified claims.
pub(crate) fn judge(policy: &TrustPolicy, claims: &Claims, domain: &str) -> Result<(), Refusal> {
    match policy.evaluate(claims, domain) {
        Verdict::Admitted => Ok(()),
        Verdict::Refused(Mismatch::InvalidIssuer) => Err(Row::TokenField("issuer").into()),
        Verdict::Refused(Mismatch::InvalidSubject) => Err(Row::TokenField("subject").into()),
        Verdict::Refused(Mismatch::InvalidAudience) => Err(Row::TokenField("audience").into()),
        Verdict::Refused(mismatch) => Err(Row::Refused(mismatch.to_string()).into()),
        Verdict::NotJudged(reason) => Err(Row::NotJudged(reason).into()),
    }
}
