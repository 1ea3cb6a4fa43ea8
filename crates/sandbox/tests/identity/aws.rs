//! AWS: STS, and the credentials that containers, instances and pods fetch.

mod services;

use std::time::SystemTime;

use aws_credential_types::Credentials as Signing;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::aws::{Aws, REGION, Refusal};
use gatepass_sandbox::sigv4::Credentials;
use gatepass_sandbox::trace::Trace;
use http::Method;

use crate::support::{notes, send, verified};

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &str = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=octo-sts.dev\
                    &DurationSeconds=300&SigningAlgorithm=RS256";

/// The request, signed by AWS's own signer.
fn signed(url: &str, body: &str, with: &Credentials, region: &str) -> HttpCall {
    signed_for("sts", &[("content-type", FORM)], url, body, with, region)
}

/// The same for any service.
fn signed_for(
    service: &str,
    headers: &[(&str, &str)],
    url: &str,
    body: &str,
    with: &Credentials,
    region: &str,
) -> HttpCall {
    let (key, secret, token) = (&with.access_key_id, &with.secret_access_key, with.session_token.clone());
    let identity = Signing::new(key, secret, token, None, "test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let target = format!("{url}/");
    let bytes = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", &target, headers.iter().copied(), bytes).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    let call = HttpCall::new(Method::POST, "/").body(body);
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    instructions.headers().fold(call, |call, (name, value)| call.header(name, value))
}

async fn ask(aws: &Aws, body: &str, with: &Credentials) -> HttpAnswer {
    send(aws.sts.url(), signed(aws.sts.url(), body, with, REGION)).await
}

fn element(answer: &HttpAnswer, name: &str) -> String {
    let text = answer.text();
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

#[tokio::test]
async fn a_signed_request_gets_a_token_with_awss_claims() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let answer = ask(&aws, BODY, &aws.credentials()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/xml")), "{}", answer.text());

    let claims = verified(aws.issuer(), &element(&answer, "WebIdentityToken")).await;
    assert_eq!((&claims["sub"], &claims["aud"]), (&aws.subject().into(), &"octo-sts.dev".into()));
    let more = &claims["https://sts.amazonaws.com/"];
    assert_eq!(more["aws_account"], "111122223333");
    assert_eq!(more["lambda_source_function_arn"], "arn:aws:lambda:eu-west-1:111122223333:function:gatepass");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!(claims["jti"].is_string());
    let expiration: jiff::Timestamp = element(&answer, "Expiration").parse().unwrap();
    assert_eq!(expiration.as_second(), claims["exp"].as_i64().unwrap());
    let note = format!("SigV4 verified; token for octo-sts.dev, sub={}", aws.subject());
    assert_eq!(notes(&trace, "aws-sts"), [note]);
}

#[tokio::test]
async fn several_audiences_become_a_list() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let body = BODY.replace("&DurationSeconds", "&Audience.member.2=b&DurationSeconds");
    let token = element(&ask(&aws, &body, &aws.credentials()).await, "WebIdentityToken");
    assert_eq!(verified(aws.issuer(), &token).await["aud"], serde_json::json!(["octo-sts.dev", "b"]));
}

#[tokio::test]
async fn what_lambda_sets_is_enough_and_differs_each_time() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let (first, second) = (aws.env_lambda(), aws.env_lambda());
    assert_ne!(first["AWS_SECRET_ACCESS_KEY"], second["AWS_SECRET_ACCESS_KEY"]);
    let credentials = Credentials {
        access_key_id: first["AWS_ACCESS_KEY_ID"].clone(),
        secret_access_key: first["AWS_SECRET_ACCESS_KEY"].clone(),
        session_token: Some(first["AWS_SESSION_TOKEN"].clone()),
        expires: None,
    };
    let url = &first["AWS_ENDPOINT_URL_STS"];
    let answer = send(url, signed(url, BODY, &credentials, &first["AWS_REGION"])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_request_that_is_not_signed_rightly_is_refused_by_name() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let (url, good) = (aws.sts.url(), aws.credentials());
    let unsigned = HttpCall::new(Method::POST, "/").header("content-type", FORM).body(BODY);
    let wrong_secret = Credentials { secret_access_key: "wrong".into(), ..good.clone() };
    let wrong_id = Credentials { access_key_id: "ASIAUNKNOWN".into(), ..good.clone() };
    let wrong_token = Credentials { session_token: Some("wrong".into()), ..good.clone() };
    let altered = signed(url, BODY, &good, REGION).body(BODY.replace("octo-sts.dev", "evil.example"));
    for (call, status, code) in [
        (unsigned, 403, "MissingAuthenticationToken"),
        (signed(url, BODY, &wrong_secret, REGION), 403, "SignatureDoesNotMatch"),
        (signed(url, BODY, &wrong_id, REGION), 403, "InvalidClientTokenId"),
        (signed(url, BODY, &wrong_token, REGION), 403, "InvalidClientTokenId"),
        (signed(url, BODY, &good, "us-east-1"), 403, "SignatureDoesNotMatch"),
        (altered, 403, "SignatureDoesNotMatch"),
        (signed(url, &BODY.replace("300", "59"), &good, REGION), 400, "ValidationError"),
        (signed(url, &BODY.replace("GetWebIdentityToken", "Nothing"), &good, REGION), 400, "InvalidAction"),
    ] {
        let answer = send(url, call).await;
        assert_eq!((answer.status, element(&answer, "Code").as_str()), (status, code), "{}", answer.text());
    }
    assert_eq!(notes(&trace, "aws-sts").len(), 8);
}

#[tokio::test]
async fn sts_refuses_as_told() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let credentials = aws.credentials();
    for (refusal, status, code) in [
        (Refusal::FederationDisabled, 403, "OutboundWebIdentityFederationDisabledException"),
        (Refusal::AccessDenied, 403, "AccessDenied"),
        (Refusal::PayloadTooLarge, 400, "JwtPayloadSizeExceeded"),
    ] {
        aws.refuse(Some(refusal));
        let answer = ask(&aws, BODY, &credentials).await;
        assert_eq!((answer.status, element(&answer, "Code").as_str()), (status, code));
    }
    aws.refuse(None);
    assert_eq!(ask(&aws, BODY, &credentials).await.status, 200);
}

#[tokio::test]
async fn credentials_end() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let code = async |credentials: &Credentials| element(&ask(&aws, BODY, credentials).await, "Code");
    aws.set_session_seconds(120);
    assert_eq!(code(&aws.credentials()).await, "SessionDurationEscalation", "the token would outlive them");
    aws.set_session_seconds(0);
    assert_eq!(code(&aws.credentials()).await, "ExpiredToken");
    aws.set_session_seconds(3600);
    let credentials = aws.credentials();
    aws.forget_credentials();
    assert_eq!(code(&credentials).await, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_container_fetches_its_credentials_by_token_or_by_path() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let environment = aws.env_ecs();
    let path = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"].strip_prefix(aws.containers.url()).unwrap();
    let token = &environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
    let by_token = send(aws.containers.url(), HttpCall::get(path).header("authorization", token)).await;
    let by_path = send(aws.containers.url(), HttpCall::get(aws.relative_uri())).await;
    for answer in [by_token, by_path] {
        let json = answer.json();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let credentials = Credentials {
            access_key_id: text("AccessKeyId"),
            secret_access_key: text("SecretAccessKey"),
            session_token: Some(text("Token")),
            expires: None,
        };
        assert!(text("Expiration").parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now());
        let token = element(&ask(&aws, BODY, &credentials).await, "WebIdentityToken");
        let claims = verified(aws.issuer(), &token).await;
        assert_eq!(claims["sub"], aws.task_subject());
        assert!(claims["https://sts.amazonaws.com/"].get("lambda_source_function_arn").is_none());
    }
    for (call, status) in [
        (HttpCall::get(path), 401),
        (HttpCall::get(path).header("authorization", "wrong"), 403),
        (HttpCall::get("/v2/credentials/another"), 404),
    ] {
        assert_eq!(send(aws.containers.url(), call).await.status, status);
    }
    assert_eq!(notes(&trace, "aws-credentials").len(), 5);
    let pod = aws.env_eks(std::path::Path::new("/var/run/token"));
    assert_eq!(pod["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], "/var/run/token");
    assert!(!pod.contains_key("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
}

#[tokio::test]
async fn an_instance_fetches_its_credentials_with_a_session_token_alone() {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    const TOKEN: &str = "x-aws-ec2-metadata-token";
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let url = aws.env_ec2()["AWS_EC2_METADATA_SERVICE_ENDPOINT"].clone();
    let session = async |ttl: &str| {
        let call = HttpCall::new(Method::PUT, "/latest/api/token");
        send(&url, call.header("x-aws-ec2-metadata-token-ttl-seconds", ttl)).await
    };
    for (call, status) in [
        (HttpCall::new(Method::PUT, "/latest/api/token"), 400),
        (HttpCall::get("/latest/api/token"), 405),
        (HttpCall::get(ROLES), 401),
        (HttpCall::get(ROLES).header(TOKEN, "wrong"), 401),
        (HttpCall::get(format!("{ROLES}gatepass-instance")), 401),
    ] {
        assert_eq!(send(&url, call.clone()).await.status, status, "{call:?}");
    }
    for ttl in ["0", "21601", "soon"] {
        assert_eq!(session(ttl).await.status, 400, "{ttl}");
    }
    let token = session("60").await.text();
    let get = async |path: &str| send(&url, HttpCall::get(path).header(TOKEN, &token)).await;
    assert_eq!(get(ROLES).await.text(), "gatepass-instance");
    assert_eq!(get(&format!("{ROLES}another")).await.status, 404);
    let json = get(&format!("{ROLES}gatepass-instance")).await.json();
    assert_eq!((&json["Code"], &json["Type"]), (&"Success".into(), &"AWS-HMAC".into()));
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    let credentials = Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("Token")),
        expires: None,
    };
    let jwt = element(&ask(&aws, BODY, &credentials).await, "WebIdentityToken");
    assert_eq!(verified(aws.issuer(), &jwt).await["sub"], aws.instance_subject());
    aws.detach_instance_role();
    assert_eq!(get(ROLES).await.status, 404);
    assert_eq!(notes(&trace, "aws-instance").len(), 13);
}

#[tokio::test]
async fn a_pod_takes_its_role_with_a_token_of_its_cluster() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let environment = aws.env_irsa(std::path::Path::new("/var/run/token"));
    assert_eq!(environment["AWS_WEB_IDENTITY_TOKEN_FILE"], "/var/run/token");
    let (role, session) = (&environment["AWS_ROLE_ARN"], &environment["AWS_ROLE_SESSION_NAME"]);
    let form = |role: &str, session: &str, token: &str| {
        format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={role}&RoleSessionName={session}&WebIdentityToken={token}"
        )
    };
    let send_form = async |body: String| {
        let call = HttpCall::new(Method::POST, "/").header("content-type", FORM).body(body);
        send(aws.sts.url(), call).await
    };
    let token = aws.web_identity(600);
    let answer = send_form(form(role, session, &token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let credentials = Credentials {
        access_key_id: element(&answer, "AccessKeyId"),
        secret_access_key: element(&answer, "SecretAccessKey"),
        session_token: Some(element(&answer, "SessionToken")),
        expires: None,
    };
    let jwt = element(&ask(&aws, BODY, &credentials).await, "WebIdentityToken");
    assert_eq!(verified(aws.issuer(), &jwt).await["sub"], aws.pod_subject());

    let claims = serde_json::json!({
        "iss": aws.cluster().url(), "aud": "sts.amazonaws.com", "sub": "system:serviceaccount:gatepass:gatepass",
        "exp": jiff::Timestamp::now().as_second() + 600,
    });
    let forger = aws.cluster().forge(claims);
    for (body, code) in [
        (form(&aws.task_subject(), session, &token), "AccessDenied"),
        (form(role, "a", &token), "ValidationError"),
        (form(role, "a%2Fb", &token), "ValidationError"),
        (form(role, session, ""), "InvalidIdentityToken"),
        (form(role, session, &forger.with("aud", "octo-sts.dev".into())), "InvalidIdentityToken"),
        (form(role, session, &forger.with("iss", aws.issuer().url().into())), "InvalidIdentityToken"),
        (
            form(role, session, &forger.with("sub", "system:serviceaccount:other:gatepass".into())),
            "AccessDenied",
        ),
        (form(role, session, &forger.signed_by_stranger()), "InvalidIdentityToken"),
        (form(role, session, &aws.web_identity(-1)), "ExpiredTokenException"),
        (form(role, session, &token).replace("2011-06-15", "2010-05-08"), "InvalidAction"),
        (format!("{}&Policy=x", form(role, session, &token)), "ValidationError"),
    ] {
        let answer = send_form(body).await;
        assert_eq!(element(&answer, "Code"), code, "{}", answer.text());
    }
}

#[tokio::test]
async fn each_server_has_its_own_faults() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    aws.sts.faults().inject(Fault::on_any("/").status(503).html());
    let answer = ask(&aws, BODY, &aws.credentials()).await;
    assert_eq!((answer.status, answer.header("content-type")), (503, Some("text/html; charset=utf-8")));
    assert_eq!(send(aws.containers.url(), HttpCall::get(aws.relative_uri())).await.status, 200);
}
