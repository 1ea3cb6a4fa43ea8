use crate::failure::Failure;

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// It has failed.
    Failed(Failure),
    /// 404 or 410: it is not there, not visible, or no longer there.
    Missing(Failure),
    /// 422: GitHub does not take what was sent.
    Rejected {
        /// What the event's sender hears.
        failure: Failure,
        /// GitHub's own words, without the rejected value.
        said: String,
    },
    /// It may or may not have taken effect: the connection broke, or GitHub answered 5xx.
    Unknown(Failure),
}

/// Why one try has no answer: here a token that GitHub does not take can still be replaced.
pub(super) enum Rejection {
    Token,
    Call(CallError),
}

impl Rejection {
    pub(super) fn into_error(self, what: &str) -> CallError {
        match self {
            Self::Token => CallError::Failed(Failure::refused(format!(
                "GitHub, {what}: the token is not accepted; check that github.api_url is the GitHub that Octo STS serves"
            ))),
            Self::Call(error) => error,
        }
    }
}

impl From<CallError> for Rejection {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(failure)
            | CallError::Missing(failure)
            | CallError::Rejected { failure, .. }
            | CallError::Unknown(failure) => failure,
        }
    }
}
