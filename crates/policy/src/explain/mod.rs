//! A token held against a policy, line by line.

mod admits;
mod change;
mod checks;

use crate::pattern::Server;
use crate::{Claims, TrustPolicy, Verdict};

/// Everything that a policy asks of a token, and what the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Every check, in the server's order, also those after the first that fails.
    pub checks: Vec<Check>,
    /// What the server makes of it.
    pub verdict: Verdict,
    /// What an older server makes of it, where that is something else.
    pub older: Option<Verdict>,
    /// The smallest change that would admit the token; nothing when it is admitted, or when no change can.
    pub change: Option<Change>,
    /// Why no change can, where the token is not admitted and none can; a sentence.
    pub impossible: Option<String>,
}

/// One check. Values are shown on one line, the long ones cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is looked at: `issuer format`, `issuer`, `subject`, `audience`, `claim ref`.
    pub what: String,
    /// What the policy asks for, as it spells it; what the rule is for a format.
    pub expected: String,
    /// What the token says.
    pub actual: String,
    /// How it ends.
    pub outcome: Outcome,
    /// How the two differ, and what is probably meant.
    pub hint: Option<String>,
}

/// How a check ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It matches.
    Matches,
    /// It does not.
    Differs,
    /// It cannot be told; the hint says why.
    NotJudged,
}

/// A change of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The lines of the policy as they would be, in YAML. None where lines only go.
    pub lines: Vec<String>,
    /// In a sentence: what to replace by what.
    pub what: String,
    /// What else would then be admitted; a sentence.
    pub also_admits: String,
    /// The policy as it would be.
    pub policy: TrustPolicy,
}

/// Holds claims against a policy, for a server of this domain.
pub fn explain(policy: &TrustPolicy, claims: &Claims, domain: &str) -> Explanation {
    let checks = checks::all(policy, claims, domain);
    let verdict = policy.evaluate(claims, domain);
    let older = policy.evaluate_as(claims, domain, Server::Older);
    let change = match verdict {
        Verdict::Admitted => Ok(None),
        Verdict::Refused(_) | Verdict::NotJudged(_) => {
            change::smallest(policy, claims, domain, &checks).map(Some)
        }
    };
    let (change, impossible) = match change {
        Ok(change) => (change, None),
        Err(reason) => (None, Some(reason)),
    };
    Explanation {
        checks: checks.into_iter().map(|(_, check)| check).collect(),
        older: Some(older).filter(|older| *older != verdict),
        verdict,
        change,
        impossible,
    }
}
