//! AWS Signature Version 4, verified as AWS does for a request in headers.
//!
//! The procedure is AWS's "Create a signed AWS API request": the canonical request is built again from what
//! arrived, and the signature computed again from the secret the access key id names.

use std::fmt;

use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a request's date may be from now, in seconds.
const SKEW_SECONDS: i64 = 300;

/// Everything but the unreserved characters of RFC 3986 is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Credentials that AWS has handed out: what a request must be signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…`, or `ASIA…` for temporary ones.
    pub access_key_id: String,
    /// The key of the HMAC. Never sent.
    pub secret_access_key: String,
    /// Sent as `x-amz-security-token`; only temporary credentials have one.
    pub session_token: Option<String>,
    /// When temporary credentials end.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without the question mark, still percent-encoded; empty if there is none.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// Why a request's signature is not accepted.
///
/// [`Rejection::code`] and [`Rejection::status`] are AWS's own (STS API reference, common errors). The texts name
/// what differs, as AWS's do, but never a signature or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No `Authorization` header.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// The header cannot be read, or something that must be signed is not.
    #[error("{0}")]
    IncompleteSignature(String),
    /// The access key id or the session token is not one that was handed out.
    #[error("The security token included in the request is invalid.")]
    InvalidClientTokenId,
    /// The temporary credentials have ended.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// Another date, region, service, secret or content than was signed.
    #[error("{0}")]
    SignatureDoesNotMatch(String),
}

impl Rejection {
    /// AWS's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::IncompleteSignature(_) => "IncompleteSignature",
            Self::InvalidClientTokenId => "InvalidClientTokenId",
            Self::ExpiredToken => "ExpiredToken",
            Self::SignatureDoesNotMatch(_) => "SignatureDoesNotMatch",
        }
    }

    /// AWS's HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::IncompleteSignature(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        }
    }
}

/// Verifies requests to one service in one region.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// For example `eu-west-1`.
    pub region: String,
    /// For example `sts`.
    pub service: &'static str,
}

impl Verifier {
    /// Verifies `request` at `now`; the credentials it must be signed with are found by `lookup`, from the access
    /// key id.
    ///
    /// # Errors
    /// A [`Rejection`], in AWS's order: no signature, an unreadable one, unknown or ended credentials, another
    /// scope or date, another content.
    pub fn verify(
        &self,
        request: Received<'_>,
        now: Timestamp,
        lookup: impl Fn(&str) -> Option<Credentials>,
    ) -> Result<Credentials, Rejection> {
        let header = request.headers.get("authorization").ok_or(Rejection::MissingAuthenticationToken)?;
        let header = header.to_str().map_err(|_| incomplete("Authorization is not ASCII"))?;
        let authorization = Authorization::parse(header)?;
        let date = header_text(request.headers, "x-amz-date").ok_or_else(|| {
            incomplete("Authorization header requires existence of an 'X-Amz-Date' header.")
        })?;
        authorization.require_signed(request.headers)?;

        let credentials = lookup(authorization.access_key_id).ok_or(Rejection::InvalidClientTokenId)?;
        if header_text(request.headers, "x-amz-security-token") != credentials.session_token {
            return Err(Rejection::InvalidClientTokenId);
        }
        if credentials.expires.is_some_and(|expires| expires <= now) {
            return Err(Rejection::ExpiredToken);
        }
        self.check_scope(&authorization, &date)?;
        check_date(&date, now)?;

        let scope = authorization.scope();
        let canonical = canonical_request(request, &authorization.signed_headers);
        let to_sign = format!(
            "{ALGORITHM}\n{date}\n{scope}\n{}",
            hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
        );
        let key = signing_key(&credentials.secret_access_key, &authorization.scope);
        let signature = unhex(authorization.signature).unwrap_or_default();
        match hmac::verify(&key, to_sign.as_bytes(), &signature) {
            Ok(()) => Ok(credentials),
            Err(_) => Err(mismatch(
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method.",
            )),
        }
    }

    fn check_scope(&self, authorization: &Authorization<'_>, date: &str) -> Result<(), Rejection> {
        let [day, region, service, terminator] = authorization.scope;
        for (what, given, expected) in [
            ("date", day, date.get(..8).unwrap_or_default()),
            ("region", region, self.region.as_str()),
            ("service", service, self.service),
            ("terminator", terminator, "aws4_request"),
        ] {
            if given != expected {
                return Err(mismatch(&format!(
                    "Credential should be scoped to a valid {what}: '{given}' given, '{expected}' expected."
                )));
            }
        }
        Ok(())
    }
}

fn incomplete(message: &str) -> Rejection {
    Rejection::IncompleteSignature(message.to_owned())
}

fn mismatch(message: &str) -> Rejection {
    Rejection::SignatureDoesNotMatch(message.to_owned())
}

/// The `Authorization` header, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    /// Day, region, service, `aws4_request`.
    scope: [&'a str; 4],
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, Rejection> {
        let parameters = header
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or_else(|| incomplete("Authorization does not begin with AWS4-HMAC-SHA256."))?;
        let parameter = |name: &str| {
            parameters
                .split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or_else(|| {
                    Rejection::IncompleteSignature(format!(
                        "Authorization header requires '{name}' parameter."
                    ))
                })
        };
        let mut credential = parameter("Credential")?.rsplitn(5, '/');
        let mut next = || {
            credential
                .next()
                .ok_or_else(|| incomplete("Credential must have exactly 5 slash-delimited elements."))
        };
        let (terminator, service, region, day, access_key_id) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Self {
            access_key_id,
            scope: [day, region, service, terminator],
            signed_headers: parameter("SignedHeaders")?.split(';').collect(),
            signature: parameter("Signature")?,
        })
    }

    fn scope(&self) -> String {
        self.scope.join("/")
    }

    /// `host` and every `x-amz-*` header that is there must be signed, and everything signed must be there.
    fn require_signed(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        let must = headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
        for name in ["host"].into_iter().chain(must) {
            if !self.signed_headers.contains(&name) {
                return Err(mismatch(&format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        match self.signed_headers.iter().find(|name| !headers.contains_key(**name)) {
            Some(absent) => Err(mismatch(&format!("The signed header '{absent}' is not in the request."))),
            None => Ok(()),
        }
    }
}

fn check_date(date: &str, now: Timestamp) -> Result<(), Rejection> {
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map_err(|_| incomplete("Date must be in ISO-8601 'basic format'."))?;
    let skew = signed.timestamp().as_second() - now.as_second();
    if skew < -SKEW_SECONDS {
        return Err(mismatch(&format!("Signature expired: {date} is more than 5 minutes in the past.")));
    }
    if skew > SKEW_SECONDS {
        return Err(mismatch(&format!(
            "Signature not yet current: {date} is more than 5 minutes in the future."
        )));
    }
    Ok(())
}

fn canonical_request(request: Received<'_>, signed_headers: &[&str]) -> String {
    let mut text =
        format!("{}\n{}\n{}\n", request.method, canonical_path(request.path), canonical_query(request.query));
    for name in signed_headers {
        let values: Vec<String> = request
            .headers
            .get_all(*name)
            .iter()
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let body = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    format!("{text}\n{}\n{body}", signed_headers.join(";"))
}

/// Every segment of the path as it was sent, encoded once more: all services but S3 do so.
fn canonical_path(path: &str) -> String {
    path.split('/')
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string())
        .collect::<Vec<_>>()
        .join("/")
}

fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&bytes, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The key that signs for this scope: the secret, hashed with one part of the scope after another.
fn signing_key(secret: &str, scope: &[&str; 4]) -> hmac::Key {
    let seed = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    scope
        .iter()
        .fold(seed, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A header that is there exactly once and is text.
fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    only.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=octo-sts.dev&DurationSeconds=300&SigningAlgorithm=RS256";
    const SIGNATURE: &str = "7454b91d9743c065803759fc0f707ad00cf8970efe6e43fad3a5a4d525369fb8";
    const SIGNED: &str = "content-type;host;x-amz-date;x-amz-security-token";

    fn credentials() -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("sess/tok+en==".into()),
            expires: None,
        }
    }

    fn authorization(credential: &str, signed: &str, signature: &str) -> String {
        format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}")
    }

    fn headers() -> HeaderMap {
        let authorization =
            authorization("AKIDEXAMPLE/20261120/eu-west-1/sts/aws4_request", SIGNED, SIGNATURE);
        let pairs = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "sts.eu-west-1.amazonaws.com"),
            ("x-amz-date", "20261120T092128Z"),
            ("x-amz-security-token", "sess/tok+en=="),
            ("authorization", &authorization),
        ];
        pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn verify_at(
        headers: &HeaderMap,
        body: &[u8],
        now: &str,
        known: Credentials,
    ) -> Result<Credentials, Rejection> {
        let verifier = Verifier { region: "eu-west-1".into(), service: "sts" };
        let request = Received { method: &Method::POST, path: "/", query: "", headers, body };
        verifier
            .verify(request, now.parse().unwrap(), |id| (id == known.access_key_id).then(|| known.clone()))
    }

    fn verify(headers: &HeaderMap, body: &[u8]) -> Result<Credentials, Rejection> {
        verify_at(headers, body, "2026-11-20T09:21:28Z", credentials())
    }

    #[test]
    fn the_known_answer_verifies_at_once_and_five_minutes_away() {
        assert_eq!(verify(&headers(), BODY), Ok(credentials()));
        for now in ["2026-11-20T09:16:28Z", "2026-11-20T09:26:28Z"] {
            assert_eq!(verify_at(&headers(), BODY, now, credentials()), Ok(credentials()), "{now}");
        }
    }

    #[test]
    fn every_part_is_refused_when_it_differs() {
        let credential = "AKIDEXAMPLE/20261120/eu-west-1/sts/aws4_request";
        let other = |what: &str, with: &str| {
            let changed = authorization(&credential.replace(what, with), SIGNED, SIGNATURE);
            ("authorization", Some(changed))
        };
        let unsigned = |name: &str| {
            let fewer: Vec<&str> = SIGNED.split(';').filter(|signed| *signed != name).collect();
            ("authorization", Some(authorization(credential, &fewer.join(";"), SIGNATURE)))
        };
        for ((name, value), code) in [
            (("authorization", None), "MissingAuthenticationToken"),
            (("authorization", Some("Bearer x".into())), "IncompleteSignature"),
            (("authorization", Some(format!("{ALGORITHM} Credential=a/b/c"))), "IncompleteSignature"),
            (("authorization", Some(format!("{ALGORITHM} Credential=a/b/c/d/e"))), "IncompleteSignature"),
            (("x-amz-date", None), "IncompleteSignature"),
            (("x-amz-date", Some("Fri, 20 Nov 2026 09:21:28 GMT".into())), "SignatureDoesNotMatch"),
            (("x-amz-date", Some("20261120".into())), "IncompleteSignature"),
            (("x-amz-date", Some("20261120T092129Z".into())), "SignatureDoesNotMatch"),
            (("x-amz-security-token", None), "SignatureDoesNotMatch"),
            (("x-amz-security-token", Some("another".into())), "InvalidClientTokenId"),
            (("x-amz-extra", Some("1".into())), "SignatureDoesNotMatch"),
            (("host", Some("sts.us-east-1.amazonaws.com".into())), "SignatureDoesNotMatch"),
            (("content-type", Some("text/plain".into())), "SignatureDoesNotMatch"),
            (other("AKIDEXAMPLE", "AKIDOTHER"), "InvalidClientTokenId"),
            (other("20261120", "20261119"), "SignatureDoesNotMatch"),
            (other("eu-west-1", "us-east-1"), "SignatureDoesNotMatch"),
            (other("sts", "s3"), "SignatureDoesNotMatch"),
            (other("aws4_request", "aws4"), "SignatureDoesNotMatch"),
            (unsigned("host"), "SignatureDoesNotMatch"),
            (unsigned("x-amz-date"), "SignatureDoesNotMatch"),
            (unsigned("x-amz-security-token"), "SignatureDoesNotMatch"),
        ] {
            let mut headers = headers();
            match &value {
                Some(value) => headers.insert(name, value.parse().unwrap()),
                None => headers.remove(name),
            };
            let rejection = verify(&headers, BODY).unwrap_err();
            assert_eq!(rejection.code(), code, "{name}: {value:?}: {rejection}");
        }
        assert_eq!(verify(&headers(), b"Action=AssumeRole").unwrap_err().code(), "SignatureDoesNotMatch");
    }

    #[test]
    fn time_and_the_lookup_decide_too() {
        for (now, says) in [("2026-11-20T09:26:29Z", "expired"), ("2026-11-20T09:16:27Z", "not yet current")]
        {
            let rejection = verify_at(&headers(), BODY, now, credentials()).unwrap_err();
            assert_eq!(
                (rejection.code(), rejection.status()),
                ("SignatureDoesNotMatch", StatusCode::FORBIDDEN)
            );
            assert!(rejection.to_string().contains(says), "{rejection}");
        }
        let ended = Credentials { expires: Some("2026-11-20T09:21:28Z".parse().unwrap()), ..credentials() };
        let at = "2026-11-20T09:21:28Z";
        assert_eq!(verify_at(&headers(), BODY, at, ended), Err(Rejection::ExpiredToken));
        let secret = Credentials { secret_access_key: "another".into(), ..credentials() };
        assert_eq!(verify_at(&headers(), BODY, at, secret).unwrap_err().code(), "SignatureDoesNotMatch");
        let permanent = Credentials { session_token: None, ..credentials() };
        assert_eq!(verify_at(&headers(), BODY, at, permanent), Err(Rejection::InvalidClientTokenId));
    }

    #[test]
    fn paths_and_queries_are_put_into_canonical_form() {
        for (given, canonical) in
            [("/", "/"), ("/a b", "/a%20b"), ("/a%20b", "/a%2520b"), ("/~a_b-c.d", "/~a_b-c.d")]
        {
            assert_eq!(canonical_path(given), canonical);
        }
        for (given, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a", "a="),
            ("a=x%2Fy%20z", "a=x%2Fy%20z"),
            ("a=b&a=B&A=1", "A=1&a=B&a=b"),
        ] {
            assert_eq!(canonical_query(given), canonical);
        }
    }

    #[test]
    fn credentials_do_not_show_themselves() {
        assert_eq!(format!("{:?}", credentials()), r#"Credentials { access_key_id: "AKIDEXAMPLE", .. }"#);
    }
}
