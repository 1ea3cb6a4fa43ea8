//! Signature Version 4, with AWS's own signer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as official};
use aws_sigv4::sign::v4;

/// A POST to be signed, with all its headers but the host.
pub(crate) struct ToSign<'a> {
    pub(crate) service: &'static str,
    pub(crate) region: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a str,
}

/// The headers that sign this request.
pub(crate) fn sign(
    credentials: &Credentials,
    request: &ToSign<'_>,
    now: SystemTime,
) -> Result<Vec<(String, String)>, Box<dyn std::error::Error + Send + Sync>> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name(request.service)
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let body = SignableBody::Bytes(request.body.as_bytes());
    let signable = SignableRequest::new("POST", request.url, request.headers.iter().copied(), body)?;
    let (instructions, _) = official(signable, &parameters)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let time = "2026-11-20T09:21:28Z".parse::<jiff::Timestamp>().unwrap().as_second().unsigned_abs();
        let request = ToSign {
            service: "sts",
            region: "eu-west-1",
            url: "https://sts.eu-west-1.amazonaws.com/",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=octo-sts.dev&DurationSeconds=300&SigningAlgorithm=RS256",
        };
        let headers =
            sign(&credentials, &request, SystemTime::UNIX_EPOCH + Duration::from_secs(time)).unwrap();
        let (_, authorization) = headers.iter().find(|(name, _)| name == "authorization").unwrap();
        for words in [
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token",
            "Signature=7454b91d9743c065803759fc0f707ad00cf8970efe6e43fad3a5a4d525369fb8",
        ] {
            assert!(authorization.contains(words), "{authorization}");
        }
    }
}
