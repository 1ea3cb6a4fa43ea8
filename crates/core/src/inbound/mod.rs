//! Who is knocking: every arrival over HTTP is verified by exactly one entry of `callers` or by its job's own webhook
//! signature. There is no default.

pub mod callers;
pub mod jwt;
pub mod keys;
pub mod secrets;
pub mod signature;
pub mod sns;

use http::{HeaderMap, header};

/// The token of an `Authorization: Bearer` header, when there is exactly one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, more) = (values.next()?.to_str().ok()?, values.next());
    let (scheme, token) = value.split_once(' ')?;
    (more.is_none() && scheme.eq_ignore_ascii_case("bearer"))
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}
