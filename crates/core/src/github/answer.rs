//! What to do with each answer: one table, from GitHub's documentation of rate limits and status codes.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::client::excerpt;
use crate::failure::Failure;

/// What GitHub asks for at the least when it names a secondary limit and no time.
const SECONDARY: Duration = Duration::from_secs(60);

/// The longest wait that is taken from a header. The primary limit resets every hour.
pub(super) const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// The judgement of one answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Fine,
    /// Look at `Location`.
    Moved,
    /// 401: another token may be taken.
    TokenRefused,
    /// 403: this token may not, and one with other permissions may.
    Forbidden(Failure),
    /// 403 or 429: over a rate limit, and when to come back.
    Limited(Failure),
    /// 404 and 410.
    Missing(Failure),
    /// 422: it does not take what was sent; with its own words.
    Rejected(Failure, String),
    /// 5xx: it may pass, and a write may have taken effect.
    Passing(Failure),
    /// Say so.
    Failed(Failure),
}

/// GitHub's error document.
#[derive(Deserialize)]
struct Problem {
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

/// Judges an answer to `what`, as in "opening an issue in acme/operations".
pub(super) fn judge(status: u16, headers: &HeaderMap, body: &[u8], what: &str) -> Verdict {
    let failed = Verdict::Failed;
    match status {
        200..=299 => Verdict::Fine,
        301 | 302 | 307 | 308 => Verdict::Moved,
        401 => Verdict::TokenRefused,
        403 | 429 => match wait(status, headers, body) {
            Some(wait) => Verdict::Limited(Failure::deferred(
                wait,
                format!("GitHub, {what}: over a rate limit; deliver it again in {} s", wait.as_secs()),
            )),
            None => Verdict::Forbidden(forbidden(headers, body, what)),
        },
        404 => Verdict::Missing(Failure::refused(format!(
            "GitHub, {what}: not there, or not visible to this token; check the name, that the Octo STS App may access the repository, and the trust policy's permissions"
        ))),
        410 => Verdict::Missing(Failure::refused(format!(
            "GitHub, {what}: switched off or gone ({}); enable it in the repository's settings, or name another repository",
            said(body)
        ))),
        422 => {
            let said = said(body);
            let message =
                format!("GitHub, {what}: not accepted ({said}); change the template that gives this");
            Verdict::Rejected(Failure::invalid(message), said)
        }
        451 => failed(Failure::refused(format!(
            "GitHub, {what}: blocked for legal reasons ({}); name another repository",
            said(body)
        ))),
        500..=599 => Verdict::Passing(Failure::deferred(
            Duration::ZERO,
            format!("GitHub, {what}: {status} ({}); deliver it again", said(body)),
        )),
        _ => failed(Failure::refused(format!(
            "GitHub, {what}: an unexpected {status} ({}); check github.api_url, and what stands between",
            said(body)
        ))),
    }
}

fn forbidden(headers: &HeaderMap, body: &[u8], what: &str) -> Failure {
    let needed = headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
    Failure::refused(match needed.filter(|needed| !needed.is_empty()) {
        Some(needed) => format!(
            "GitHub, {what}: the token may not do this; add the permission {needed} to the trust policy ({})",
            said(body)
        ),
        None => format!(
            "GitHub, {what}: the token may not do this; compare the trust policy's permissions ({})",
            said(body)
        ),
    })
}

/// How long a rate limit asks to wait; `None` when this is no rate limit.
fn wait(status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Duration> {
    let clamped = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or(0).max(1)).min(LONGEST);
    if let Some(seconds) = number(headers, "retry-after") {
        return Some(clamped(seconds));
    }
    if number(headers, "x-ratelimit-remaining") == Some(0) {
        let now = Timestamp::now();
        let left =
            number(headers, "x-ratelimit-reset").map_or(60, |reset| reset.saturating_sub(now.as_second()));
        // Everybody who waits for the same reset would come back in the same second.
        let jitter = i64::from(now.subsec_millisecond().unsigned_abs() % 30);
        return Some(clamped(left.max(0).saturating_add(jitter)));
    }
    let is_secondary = said(body).to_ascii_lowercase().contains("secondary rate limit");
    (status == 429 || is_secondary).then_some(SECONDARY)
}

/// A header that is a whole number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// GitHub's own words.
fn said(body: &[u8]) -> String {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { message, errors }) if errors.is_empty() => excerpt(message.as_bytes()),
        Ok(Problem { message, errors }) => {
            let details: Vec<String> = errors.iter().take(3).map(detail).collect();
            excerpt(format!("{message}: {}", details.join("; ")).as_bytes())
        }
        Err(_) => excerpt(body),
    }
}

/// One entry of `errors`: a sentence, or which field is wrong and how. The rejected value is left out.
fn detail(error: &serde_json::Value) -> String {
    let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    match (error.as_str(), text("message")) {
        (Some(sentence), _) => sentence.to_owned(),
        (None, "") => format!("{} {}", text("field"), text("code")),
        (None, message) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Class;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn failure(status: u16, pairs: &[(&'static str, &str)], body: &str) -> Failure {
        match judge(status, &headers(pairs), body.as_bytes(), "x") {
            Verdict::Failed(failure)
            | Verdict::Forbidden(failure)
            | Verdict::Limited(failure)
            | Verdict::Rejected(failure, _)
            | Verdict::Missing(failure)
            | Verdict::Passing(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn final_answers_say_what_to_change() {
        type Row<'a> = (u16, &'a [(&'static str, &'a str)], &'a str, Class, &'a str);
        let accepted = [("x-accepted-github-permissions", "issues=write")];
        let table: &[Row<'_>] = &[
            (
                403,
                &accepted,
                r#"{"message":"Resource not accessible by integration"}"#,
                Class::Refused,
                "issues=write",
            ),
            (403, &[], r#"{"message":"no"}"#, Class::Refused, "permissions"),
            (404, &[], "{}", Class::Refused, "not visible"),
            (410, &[], r#"{"message":"Issues are disabled"}"#, Class::Refused, "Issues are disabled"),
            (451, &[], r#"{"message":"blocked"}"#, Class::Refused, "legal"),
            (
                422,
                &[],
                r#"{"message":"Validation Failed","errors":[{"field":"title","code":"missing_field","value":"private"}]}"#,
                Class::Invalid,
                "title missing_field",
            ),
            (418, &[], "<h1>tea</h1>", Class::Refused, "418"),
        ];
        for (status, pairs, body, class, words) in table {
            let failure = failure(*status, pairs, body);
            assert_eq!(failure.class, *class, "{status}");
            assert!(failure.message.contains(words), "{status}: {failure}");
            assert!(!failure.message.contains("private"));
        }
    }

    #[test]
    fn rate_limits_say_when() {
        let soon = (Timestamp::now().as_second() + 600).to_string();
        let past = (Timestamp::now().as_second() - 600).to_string();
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        type Row<'a> = (u16, &'a [(&'static str, &'a str)], &'a str, std::ops::RangeInclusive<u64>);
        let table: &[Row<'_>] = &[
            (403, &[("retry-after", "120")], "{}", 118..=120),
            (429, &[("retry-after", "0")], "{}", 1..=1),
            (403, &[("retry-after", "999999999")], "{}", 7190..=7200),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &soon)], "{}", 597..=630),
            (429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &past)], "{}", 1..=30),
            (429, &[], "", 58..=60),
            (403, &[("x-ratelimit-remaining", "17")], secondary, 58..=60),
        ];
        for (status, pairs, body, expected) in table {
            let wait = failure(*status, pairs, body).retry_after().unwrap();
            assert!(expected.contains(&wait), "{status} {pairs:?}: {wait}");
        }
    }

    #[test]
    fn a_401_asks_for_another_token() {
        assert_eq!(judge(401, &HeaderMap::new(), b"{}", "x"), Verdict::TokenRefused);
    }

    #[test]
    fn server_errors_may_pass() {
        for status in [500, 502, 503, 504] {
            let verdict = judge(status, &HeaderMap::new(), b"<html>", "x");
            assert!(
                matches!(&verdict, Verdict::Passing(f) if matches!(f.class, Class::Deferred(_))),
                "{verdict:?}"
            );
        }
    }
}
