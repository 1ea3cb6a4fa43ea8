//! `GetWebIdentityToken` of AWS STS, signed with the official signer.
//!
//! Source: AWS STS API reference, "GetWebIdentityToken" (November 2025). A form in, XML out; regional endpoints only.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use gatepass_core::client::{ServiceUrl, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{Reason, ask, jwt};
use gatepass_core::secret::IdToken;
use reqwest::Client;

const PLACE: &str = "AWS STS (GetWebIdentityToken)";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The shortest life that the API's default gives: the token is used at once.
const DURATION: Duration = Duration::from_secs(300);

/// How much is shown of a code that is not known and of its message, in characters.
const MAX_CODE: usize = 60;
const MAX_MESSAGE: usize = 200;

/// The regional endpoint.
pub(super) fn endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sts.{region}.{suffix}")
}

pub(super) struct WebIdentity {
    client: Client,
    endpoint: ServiceUrl,
    region: String,
}

impl WebIdentity {
    pub(super) fn new(client: Client, endpoint: ServiceUrl, region: String) -> Self {
        Self { client, endpoint, region }
    }

    pub(super) async fn token(
        &self,
        credentials: &Credentials,
        audience: &str,
        deadline: Deadline,
    ) -> Result<IdToken, Failure> {
        let body = form(audience);
        let url = format!("{}/", self.endpoint.as_str());
        let headers = signature(credentials, &self.region, &url, &body, SystemTime::now())
            .map_err(|error| Failure::refused(format!("{PLACE}: the request cannot be signed: {error}")))?;
        let mut request = self.client.post(&url).header("content-type", CONTENT_TYPE).body(body);
        for (name, value) in headers {
            let mut value = reqwest::header::HeaderValue::from_str(&value)
                .map_err(|_| Failure::refused(format!("{PLACE}: the credentials are no plain text")))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let absent = "check AWS_REGION, and the VPC endpoint for STS if this function is in a VPC";
        let answer = ask(PLACE, request, deadline, absent, reason).await?;
        let text = String::from_utf8_lossy(&answer.body);
        jwt(PLACE, element(&text, "WebIdentityToken").unwrap_or_default().as_bytes())
    }
}

/// RS256, because neither Google nor Entra takes ES384.
fn form(audience: &str) -> String {
    let mut form = String::from("Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=");
    form.extend(percent(audience));
    form.push_str(&format!("&DurationSeconds={}&SigningAlgorithm=RS256", DURATION.as_secs()));
    form
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn percent(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let text = if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.chars().collect::<Vec<_>>()
    })
}

/// The headers that sign this request.
fn signature(
    credentials: &Credentials,
    region: &str,
    url: &str,
    body: &str,
    now: SystemTime,
) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = [("content-type", CONTENT_TYPE)].into_iter();
    let request = SignableRequest::new("POST", url, headers, SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// What a refusal means, and what to change.
fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let text = String::from_utf8_lossy(body);
    let Some(code) = element(&text, "Code") else {
        let next = match status {
            500.. => "deliver the event again",
            _ => "no answer of STS: check what stands between this workload and it",
        };
        return Some(Reason::by_status(status, format!("{}; {next}", excerpt(body))));
    };
    // A code that none of these is may be anybody's text.
    let unknown = |next: &str| Reason::by_status(status, format!("{}; {next}", shown(code, MAX_CODE)));
    let next = match code {
        "OutboundWebIdentityFederationDisabledException" | "OutboundWebIdentityFederationDisabled" => {
            "outbound identity federation is off in this account: an administrator turns it on once with `aws iam enable-outbound-web-identity-federation`"
        }
        "AccessDenied" | "AccessDeniedException" => {
            "the role may not do this: allow sts:GetWebIdentityToken for this audience, 300 seconds and RS256"
        }
        "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "the role's credentials are not accepted: they may have expired"
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" | "RequestExpired" => {
            "the signature is not accepted: check the clock, AWS_REGION and the credentials"
        }
        "SessionDurationEscalation" | "SessionDurationEscalationException" => {
            "the role's session ends before the token would"
        }
        "JwtPayloadSizeExceeded" | "JWTPayloadSizeExceededException" => {
            "the token would be too large: take tags off the role"
        }
        // It passes whatever the status says: STS answers 400 to it (AWS, "Common errors").
        "Throttling" | "ThrottlingException" => {
            return Some(Reason::passing(format!("{code}; too many calls at once: deliver the event again")));
        }
        _ if status >= 500 => return Some(unknown("deliver the event again")),
        _ => {
            let message = element(&text, "Message").map(|message| shown(message, MAX_MESSAGE));
            return Some(unknown(message.as_deref().unwrap_or("no reason given")));
        }
    };
    Some(Reason::by_status(status, format!("{code}; {next}")))
}

/// Words of the answer, cut to that many characters.
fn shown(text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    excerpt(cut.as_bytes())
}

/// The text of an element of the answer: neither a JWT nor an error's code can hold a character that XML escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_known_one() {
        // Computed by botocore for the same request.
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("sess/tok+en==".into()),
            None,
            "test",
        );
        let time = SystemTime::UNIX_EPOCH
            + Duration::from_secs(
                "2026-11-20T09:21:28Z".parse::<jiff::Timestamp>().unwrap().as_second().unsigned_abs(),
            );
        let headers = signature(
            &credentials,
            "eu-west-1",
            "https://sts.eu-west-1.amazonaws.com/",
            &form("octo-sts.dev"),
            time,
        )
        .unwrap();
        let (_, authorization) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(
            authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"),
            "{authorization}"
        );
        assert!(
            authorization
                .ends_with("Signature=7454b91d9743c065803759fc0f707ad00cf8970efe6e43fad3a5a4d525369fb8"),
            "{authorization}"
        );
    }

    #[test]
    fn an_audience_is_encoded() {
        assert!(
            form("https://x/a b").contains("Audience.member.1=https%3A%2F%2Fx%2Fa%20b&DurationSeconds=300")
        );
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let xml = |code: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
            )
        };
        for (code, words) in [
            ("OutboundWebIdentityFederationDisabledException", "enable-outbound-web-identity-federation"),
            ("AccessDenied", "allow sts:GetWebIdentityToken"),
            ("ExpiredToken", "expired"),
            ("Other", "\"Other\"; \"m\""),
        ] {
            assert!(reason(403, xml(code).as_bytes()).unwrap().text.contains(words), "{code}");
        }
        assert!(reason(400, xml("Throttling").as_bytes()).unwrap().may_pass);
        assert!(
            reason(403, b"<Code>Other</Code>").unwrap().text.ends_with("no reason given"),
            "without a message"
        );
        assert!(reason(500, b"<html>").unwrap().text.ends_with("deliver the event again"));
        assert!(reason(403, b"<html>").unwrap().text.contains("stands between"));
    }

    #[test]
    fn what_somebody_else_says_is_cut_and_holds_no_credential() {
        let jwt = format!("eyJ{}.eyJ{}.c2ln", "a".repeat(20), "b".repeat(20));
        let long = "word ".repeat(2000);
        for (code, message) in [
            (long.as_str(), long.as_str()),
            (&jwt, &jwt),
            ("a\n{\"level\":\"ERROR\"}\u{7}", "b\u{1b}[31m\r\nc"),
            ("", ""),
        ] {
            for status in [403, 500] {
                let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
                let text = reason(status, xml.as_bytes()).unwrap().text;
                assert!(text.len() < 300, "{text}");
                assert!(!text.contains("eyJ") && !text.contains(char::is_control), "{text}");
            }
        }
    }

    #[test]
    fn china_has_its_own_suffix() {
        assert_eq!(endpoint("eu-west-1"), "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(endpoint("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
    }
}
