//! The answers of the exchange that are errors: one row of the table each.

use std::fmt;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::trace::Note;

/// A row of the exchange's error table, in checking order (octo-sts/app, August 2026, and the newer rows of
/// September 2026). The exchange answers most of them by itself where they apply;
/// [`super::OctoSts::answer_next`] provokes any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// More than one scope.
    MultipleScopes,
    /// The `Authorization` header is missing or repeated.
    Authorization,
    /// Not a JWT, or one without `iss`.
    NotAToken,
    /// `iss` breaks the format rules.
    IssuerFormat,
    /// Discovery or keys cannot be had.
    Provider,
    /// Signature, `exp`, `nbf`, algorithm or `iss` do not verify.
    Verification,
    /// No scope.
    NoScope,
    /// No identity.
    NoIdentity,
    /// The App is not installed on this owner.
    NotInstalled(String),
    /// The organisation's allow-list says no.
    IssuerNotPermitted,
    /// The organisation's allow-list is invalid.
    AllowListInvalid,
    /// The organisation's allow-list cannot be read.
    AllowListUnavailable,
    /// GitHub limits the reading of the allow-list.
    AllowListRateLimited,
    /// There is no such policy, or the App does not see the repository.
    PolicyMissing(String),
    /// GitHub failed while the policy was read.
    PolicyTransient(String),
    /// GitHub limits the reading of the policy, and there is no stale copy.
    PolicyRateLimited(String),
    /// The policy cannot be read.
    PolicyUnreadable(String),
    /// The policy cannot be parsed.
    PolicyUnparseable(String),
    /// The policy's patterns do not compile.
    PolicyUncompilable(String),
    /// This stand-in cannot tell what the real server would do, and why. No row of the real table.
    NotJudged(String),
    /// The token's `iss`, `sub` or `aud`, by its full name, breaks the format rules.
    TokenField(&'static str),
    /// The claims do not match; the server's message, which begins with `trust policy: `.
    Refused(String),
    /// GitHub refuses the permissions.
    Permissions,
    /// Any other failure to mint.
    Minting,
}

impl Row {
    /// One of every row of the real table, with the given names in it: for a test that walks the whole table.
    pub fn all(owner: &str, identity: &str) -> Vec<Self> {
        let identity = || identity.to_owned();
        vec![
            Self::MultipleScopes,
            Self::Authorization,
            Self::NotAToken,
            Self::IssuerFormat,
            Self::Provider,
            Self::Verification,
            Self::NoScope,
            Self::NoIdentity,
            Self::NotInstalled(owner.to_owned()),
            Self::IssuerNotPermitted,
            Self::AllowListInvalid,
            Self::AllowListUnavailable,
            Self::AllowListRateLimited,
            Self::PolicyMissing(identity()),
            Self::PolicyTransient(identity()),
            Self::PolicyRateLimited(identity()),
            Self::PolicyUnreadable(identity()),
            Self::PolicyUnparseable(identity()),
            Self::PolicyUncompilable(identity()),
            Self::TokenField("issuer"),
            Self::TokenField("subject"),
            Self::TokenField("audience"),
            Self::Refused("trust policy: subject \"a\" did not match \"b\"".to_owned()),
            Self::Permissions,
            Self::Minting,
        ]
    }

    /// The HTTP status and the gRPC code it is mapped from.
    pub fn status(&self) -> (StatusCode, u8) {
        match self {
            Self::MultipleScopes
            | Self::NotAToken
            | Self::IssuerFormat
            | Self::Provider
            | Self::NoScope
            | Self::NoIdentity
            | Self::TokenField(_) => (StatusCode::BAD_REQUEST, 3),
            Self::AllowListInvalid => (StatusCode::BAD_REQUEST, 9),
            Self::Authorization | Self::Verification => (StatusCode::UNAUTHORIZED, 16),
            Self::IssuerNotPermitted | Self::Refused(_) | Self::Permissions => (StatusCode::FORBIDDEN, 7),
            Self::NotInstalled(_)
            | Self::PolicyMissing(_)
            | Self::PolicyUnreadable(_)
            | Self::PolicyUnparseable(_)
            | Self::PolicyUncompilable(_) => (StatusCode::NOT_FOUND, 5),
            Self::AllowListRateLimited | Self::PolicyRateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, 8),
            Self::NotJudged(_) => (StatusCode::NOT_IMPLEMENTED, 12),
            Self::Minting => (StatusCode::INTERNAL_SERVER_ERROR, 13),
            Self::AllowListUnavailable | Self::PolicyTransient(_) => (StatusCode::SERVICE_UNAVAILABLE, 14),
        }
    }
}

/// The server's message.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALLOW_LIST: &str = "organization trusted-issuer";
        match self {
            Self::MultipleScopes => f.write_str("multiple scopes not supported"),
            Self::Authorization => f.write_str("expected exactly one authorization header"),
            Self::NotAToken => f.write_str("invalid bearer token"),
            Self::IssuerFormat => f.write_str("invalid issuer format"),
            Self::Provider => f.write_str("unable to fetch or create the provider"),
            Self::Verification => f.write_str("unable to verify bearer token"),
            Self::NoScope => f.write_str("scope must be provided"),
            Self::NoIdentity => f.write_str("identity must be provided"),
            Self::NotInstalled(owner) => write!(f, "no installation found for \"{owner}\""),
            Self::IssuerNotPermitted => f.write_str("issuer not permitted by organization policy"),
            Self::AllowListInvalid => write!(f, "{ALLOW_LIST} configuration is invalid"),
            Self::AllowListUnavailable => write!(f, "{ALLOW_LIST} lookup unavailable"),
            Self::AllowListRateLimited => write!(f, "{ALLOW_LIST} lookup rate limited"),
            Self::PolicyMissing(identity) => write!(f, "unable to find trust policy for \"{identity}\""),
            Self::PolicyTransient(identity) => {
                write!(f, "transient error fetching trust policy for \"{identity}\"")
            }
            Self::PolicyRateLimited(identity) => {
                write!(f, "GitHub API rate limit exceeded for \"{identity}\"")
            }
            Self::PolicyUnreadable(identity) => {
                write!(f, "unable to read trust policy found for \"{identity}\"")
            }
            Self::PolicyUnparseable(identity) => {
                write!(f, "unable to parse trust policy found for \"{identity}\"")
            }
            Self::PolicyUncompilable(identity) => {
                write!(f, "unable to compile trust policy found for \"{identity}\"")
            }
            Self::NotJudged(reason) => write!(f, "not judged by the sandbox: {reason}"),
            Self::TokenField(field) => write!(f, "invalid {field} in token"),
            Self::Refused(message) => f.write_str(message),
            Self::Permissions => f.write_str("token exchange failure (StatusUnprocessableEntity)"),
            Self::Minting => f.write_str("failed to get token"),
        }
    }
}

/// A refusal, and what only the trace is told of its cause.
#[derive(Debug)]
pub(crate) struct Refusal {
    row: Row,
    cause: Option<String>,
}

impl Row {
    /// The row, with a cause for the trace.
    pub(crate) fn because(self, cause: impl fmt::Display) -> Refusal {
        Refusal { row: self, cause: Some(cause.to_string()) }
    }
}

impl Refusal {
    /// The refusal, with a further remark for the trace.
    pub(crate) fn noting(self, remark: Option<&str>) -> Self {
        let causes: Vec<&str> = self.cause.as_deref().into_iter().chain(remark).collect();
        let cause = (!causes.is_empty()).then(|| causes.join("; "));
        Self { cause, row: self.row }
    }
}

impl From<Row> for Refusal {
    fn from(row: Row) -> Self {
        Self { row, cause: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message = self.row.to_string();
        let note = match self.cause {
            Some(cause) => format!("{message} ({cause})"),
            None => message.clone(),
        };
        let (status, code) = self.row.status();
        (Extension(Note::new(note)), grpc_error(status, code, &message)).into_response()
    }
}

/// An error as grpc-gateway writes it.
pub(crate) fn grpc_error(status: StatusCode, code: u8, message: &str) -> Response {
    let body = json!({ "code": code, "message": message, "details": [] });
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
