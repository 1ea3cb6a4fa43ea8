use std::time::Instant;

use super::{Access, OctoSts, Problem};
use crate::client::ServiceUrl;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::id_token::IdTokenSource;
use crate::secret::{IdToken, InstallationToken};

/// Why an exchange that was made for an examination gave no token.
pub(crate) enum Denial {
    /// Octo STS answered no.
    Refused(Refused),
    /// There was no answer of an Octo STS.
    Failed(Failure),
}

/// What Octo STS answered, and what to make of it.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) cause: &'static str,
    /// How the token and what it is held against differ.
    pub(crate) difference: Option<String>,
    /// For the person who must act.
    pub(crate) next_step: String,
    /// A policy that admits this workload and nothing else, with what is needed.
    pub(crate) policy: Option<String>,
}

impl Refused {
    /// The cause, and how the two sides differ where that is known.
    pub(crate) fn why(&self) -> String {
        match &self.difference {
            Some(difference) => format!("{}: {difference}", self.cause),
            None => self.cause.to_owned(),
        }
    }
}

impl OctoSts {
    /// Where it is.
    pub(crate) fn url(&self) -> &ServiceUrl {
        &self.url
    }

    /// The audience that it wants, which is also its domain.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// Where proofs come from.
    pub(crate) fn source(&self) -> &std::sync::Arc<dyn IdTokenSource> {
        &self.source
    }

    /// Trades this token here and now: what is remembered does not count, and nothing is remembered. The caller revokes what
    /// it gets.
    ///
    /// # Errors
    /// What Octo STS answered, or why there was no answer.
    pub(crate) async fn trade(
        &self,
        access: &Access<'_>,
        proof: &IdToken,
        deadline: Deadline,
    ) -> Result<InstallationToken, Denial> {
        let started = Instant::now();
        let claims = proof.unverified_claims();
        let result = self.ask(access, proof, deadline).await;
        self.log(access, claims.as_ref(), &result, started.elapsed());
        result.map_err(|problem| match problem {
            Problem::Refused(refusal) => {
                let diagnosis = refusal.diagnose(access, claims.as_ref(), &self.audience);
                Denial::Refused(Refused {
                    status: refusal.status,
                    message: refusal.message,
                    cause: diagnosis.cause,
                    difference: diagnosis.difference,
                    next_step: diagnosis.next_step,
                    policy: diagnosis.policy,
                })
            }
            problem => Denial::Failed(problem.into_failure(access, claims.as_ref(), &self.audience)),
        })
    }
}
