//! Everything that can be broken, a row each.

use gatepass_sandbox::Workload;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Visibility;
use gatepass_sandbox::identity::aws::Refusal;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::Deployment;

pub(crate) const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: [x], title: x }
  released:
    triggers: [{ webhook: { signature: github, secrets: [{ env: HOOK_SECRET }] } }]
    open_issue: { key: [x], title: x }
"#;

/// Where the trust policy is.
pub(crate) const PATH: &str = ".github/chainguard/alarms.sts.yaml";

const EXCHANGE: &str = "/sts/exchange";

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// In the order in which they are walked.
pub(crate) const LINKS: [&str; 14] = [
    "configuration",
    "identity",
    "token",
    "claims",
    "clock",
    "octo_sts",
    "policy",
    "evaluation",
    "exchange",
    "permissions",
    "github",
    "rate_limit",
    "webhook_secret",
    "queue",
];

/// Everything is right, and the trust policy can be read by everybody.
pub(crate) async fn healthy() -> Deployment {
    let deployment = Deployment::stranger(CONFIG).await;
    let sandbox = &deployment.sandbox;
    admit(&deployment, &sandbox.lambda(), &[("issues", "write")]);
    sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Public).unwrap();
    let queue = sandbox.identity.aws.sqs.create("gatepass");
    deployment.set("GATEPASS_QUEUE", queue).set("HOOK_SECRET", "a shared secret of some length")
}

pub(crate) fn admit(deployment: &Deployment, workload: &Workload, permissions: &[(&str, &str)]) {
    deployment.sandbox.admit(REPOSITORY, "alarms", workload, permissions).unwrap();
}

/// Another text in the place of the trust policy.
fn policy(deployment: Deployment, change: impl FnOnce(&str) -> String) -> Deployment {
    let (github, path) = (&deployment.sandbox.github, PATH);
    let text = String::from_utf8(github.file(REPOSITORY, path).unwrap()).unwrap();
    github.put_file(REPOSITORY, path, change(&text)).unwrap();
    deployment
}

/// The workload is another one than the policy admits.
fn other(deployment: Deployment, change: impl FnOnce(&mut Workload)) -> Deployment {
    let mut workload = deployment.sandbox.lambda();
    change(&mut workload);
    admit(&deployment, &workload, &[("issues", "write")]);
    deployment
}

/// STS gives a token with these claims. The first call only asks who this is.
fn token(deployment: Deployment, change: impl FnOnce(&mut Value)) -> Deployment {
    let aws = &deployment.sandbox.identity.aws;
    let now = Timestamp::now().as_second();
    let mut claims = json!({ "iss": aws.issuer().url(), "sub": aws.subject(), "aud": "octo-sts.dev", "iat": now, "exp": now + 300 });
    change(&mut claims);
    let jwt = aws.issuer().mint(&claims);
    let xml = format!("<x><WebIdentityToken>{jwt}</WebIdentityToken></x>");
    aws.sts.faults().inject(Fault::on_any("/").skip(1).body(xml));
    deployment
}

fn exchange(deployment: Deployment, fault: Fault) -> Deployment {
    deployment.sandbox.octo_sts.faults().inject(fault.with_query("identity=").always());
    deployment
}

fn probe(deployment: Deployment, fault: Fault) -> Deployment {
    deployment.sandbox.octo_sts.faults().inject(fault.always());
    deployment
}

/// What is broken, which link that is, what is said of it, and how it is broken.
pub(crate) type Row = (&'static str, &'static str, &'static [&'static str], fn(Deployment) -> Deployment);

pub(crate) const ROWS: &[Row] = &[
    ("a key that is misspelt", "configuration", &["unknown key `open_isue`", "gatepass check"], |it| {
        it.with_config(CONFIG.replacen("open_issue", "open_isue", 1))
    }),
    ("no file", "configuration", &["cannot be read", "GATEPASS_CONFIG"], Deployment::without_config),
    ("a variable that is not set", "configuration", &["the environment variable STAGE is not set"], |it| {
        it.with_config(CONFIG.replace("version: 1", "version: 1\nvars: [STAGE]"))
    }),
    (
        "a level of the log",
        "configuration",
        &["GATEPASS_LOG is `loud`", "mend each of these settings of the environment"],
        |it| it.set("GATEPASS_LOG", "loud"),
    ),
    ("the URL of Octo STS", "configuration", &["GATEPASS_STS_URL", "not encrypted"], |it| {
        it.set("GATEPASS_STS_URL", "http://octo-sts.dev")
    }),
    ("no region", "identity", &["AWS_REGION is not set"], |it| {
        it.unset(&["AWS_REGION", "AWS_DEFAULT_REGION"])
    }),
    ("no credentials", "identity", &["no AWS credentials", "run this as a Lambda function"], |it| {
        it.unset(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]).set("AWS_EC2_METADATA_DISABLED", "true")
    }),
    (
        "credentials that are not accepted",
        "identity",
        &["InvalidClientTokenId", "they may have expired"],
        |it| {
            it.sandbox.identity.aws.forget_credentials();
            it
        },
    ),
    ("STS out of reach", "identity", &["AWS STS", "could not be reached", "VPC endpoint for STS"], |it| {
        it.set("AWS_ENDPOINT_URL_STS", NOWHERE)
    }),
    (
        "federation is off",
        "token",
        &["OutboundWebIdentityFederationDisabled", "`aws iam enable-outbound-web-identity-federation`"],
        |it| {
            it.sandbox.identity.aws.refuse(Some(Refusal::FederationDisabled));
            it
        },
    ),
    ("the role may not ask for tokens", "token", &["AccessDenied", "allow sts:GetWebIdentityToken"], |it| {
        it.sandbox.identity.aws.refuse(Some(Refusal::AccessDenied));
        it
    }),
    ("too many tags", "token", &["JwtPayloadSizeExceeded", "take tags off"], |it| {
        it.sandbox.identity.aws.refuse(Some(Refusal::PayloadTooLarge));
        it
    }),
    ("something else than a token", "token", &["no OIDC token"], |it| {
        it.sandbox.identity.aws.sts.faults().inject(Fault::on_any("/").skip(1).html());
        it
    }),
    ("a token that has expired", "token", &["the token expired", "a fresh token"], |it| {
        token(it, |claims| claims["exp"] = json!(Timestamp::now().as_second() - 60))
    }),
    ("a token without an end", "token", &["no time of expiry"], |it| {
        token(it, |claims| drop(claims.as_object_mut().unwrap().remove("exp")))
    }),
    (
        "a subject that Octo STS does not take",
        "claims",
        &["its subject has white space", "rename the identity"],
        |it| token(it, |claims| claims["sub"] = json!("a b")),
    ),
    ("an issuer that Octo STS does not take", "claims", &["its issuer is http", "https URL"], |it| {
        token(it, |claims| claims["iss"] = json!("http://issuer.example"))
    }),
    ("no audience", "claims", &["without an audience"], |it| {
        token(it, |claims| drop(claims.as_object_mut().unwrap().remove("aud")))
    }),
    ("a clock that is two hours behind", "clock", &["s behind that of", "NTP"], |it| {
        let then = Timestamp::now() + SignedDuration::from_hours(2);
        let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        it.sandbox.github.faults().inject(Fault::on_any("/").header("date", &date).always());
        probe(it, Fault::on_any(EXCHANGE).header("date", &date))
    }),
    ("a clock that is an hour ahead", "clock", &["s ahead of that of"], |it| {
        let then = Timestamp::now() - SignedDuration::from_hours(1);
        let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        it.sandbox.github.faults().inject(Fault::on_any("/").header("date", &date).always());
        probe(it, Fault::on_any(EXCHANGE).header("date", &date))
    }),
    ("Octo STS out of reach", "octo_sts", &["could not be reached", "GATEPASS_STS_URL", "firewall"], |it| {
        it.set("GATEPASS_STS_URL", NOWHERE)
    }),
    ("another service in its place", "octo_sts", &["is no Octo STS", "sts.url"], |it| {
        let url = it.sandbox.github.api_url().to_owned();
        it.set("GATEPASS_STS_URL", url)
    }),
    ("a portal in its place", "octo_sts", &["is no Octo STS: 200", "Unexpected"], |it| {
        probe(it, Fault::on_any(EXCHANGE).html())
    }),
    ("an outage of Octo STS", "octo_sts", &["says 503", "examine again"], |it| {
        probe(it, Fault::on_any(EXCHANGE).status(503))
    }),
    (
        "no trust policy",
        "policy",
        &[
            "finds no .github/chainguard/alarms.sts.yaml in acme/operations",
            "commit the policy",
            "the policy:\nissuer: ",
        ],
        |it| {
            it.sandbox.github.delete_file(REPOSITORY, PATH).unwrap();
            it
        },
    ),
    (
        "a trust policy that is no YAML",
        "policy",
        &["alarms.sts.yaml in acme/operations:3:1", "unable to parse trust policy"],
        |it| policy(it, |text| format!("issuer: [\n{text}")),
    ),
    (
        "a trust policy without a subject",
        "policy",
        &["subject", "unable to compile trust policy", "mend line"],
        |it| {
            policy(it, |text| {
                text.lines().filter(|line| !line.starts_with("subject")).collect::<Vec<_>>().join("\n")
            })
        },
    ),
    (
        "a trust policy that is private and broken",
        "policy",
        &["unable to parse trust policy", "reads it strictly"],
        |it| {
            it.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Private).unwrap();
            policy(it, |text| format!("{text}colour: blue\n"))
        },
    ),
    (
        "another role",
        "evaluation",
        &[
            "did not match",
            "runs as the role gatepass-function",
            "somebody-else",
            "alarms.sts.yaml in acme/operations",
        ],
        |it| other(it, |workload| workload.subject = "arn:aws:iam::111122223333:role/somebody-else".into()),
    ),
    (
        "a slash too many in the issuer",
        "evaluation",
        &["issuer", "did not match", "a slash at the end counts"],
        |it| other(it, |workload| workload.issuer += "/"),
    ),
    ("another account's issuer", "evaluation", &["issuer", "did not match"], |it| {
        other(it, |workload| workload.issuer = "https://0b1c.tokens.sts.global.api.aws".into())
    }),
    ("an audience that is a URL", "evaluation", &["audience", "did not match"], |it| {
        other(it, |workload| workload.audience = "https://octo-sts.dev".into())
    }),
    ("another role, by a private policy", "evaluation", &["did not match", "Octo STS says so"], |it| {
        it.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Private).unwrap();
        other(it, |workload| workload.subject = "arn:aws:iam::111122223333:role/somebody-else".into())
    }),
    (
        "the App is not installed",
        "exchange",
        &["no installation found", "install the Octo STS GitHub App on acme"],
        |it| {
            it.sandbox.github.uninstall("acme");
            it
        },
    ),
    (
        "an organisation's allow-list",
        "exchange",
        &["issuer not permitted", "trusted-token-issuers.yaml"],
        |it| {
            let body = r#"{"code":7,"message":"issuer not permitted by organization policy"}"#;
            exchange(it, Fault::on_any(EXCHANGE).status(403).body(body))
        },
    ),
    (
        "an issuer that cannot be reached",
        "exchange",
        &["unable to fetch or create the provider", "discovery document", "examine again later"],
        |it| {
            let body = r#"{"code":3,"message":"unable to fetch or create the provider"}"#;
            exchange(it, Fault::on_any(EXCHANGE).status(400).body(body))
        },
    ),
    ("a signature that is not verified", "exchange", &["unable to verify bearer token", "clock"], |it| {
        let body = r#"{"code":16,"message":"unable to verify bearer token"}"#;
        exchange(it, Fault::on_any(EXCHANGE).status(401).body(body))
    }),
    (
        "a policy that Octo STS has not read yet",
        "exchange",
        &["remembers that there was none", "wait five minutes"],
        |it| {
            let body = r#"{"code":5,"message":"unable to find trust policy for \"alarms\""}"#;
            exchange(it, Fault::on_any(EXCHANGE).status(404).body(body))
        },
    ),
    ("an exchange that breaks off", "exchange", &["Octo STS", "broke off"], |it| {
        exchange(it, Fault::on_any(EXCHANGE).reset())
    }),
    (
        "too little",
        "permissions",
        &["needed: issues: write; the policy gives: issues: read", "  issues: write"],
        |it| {
            let workload = it.sandbox.lambda();
            admit(&it, &workload, &[("issues", "read")]);
            it
        },
    ),
    ("something else", "permissions", &["the policy gives: contents: read", "403"], |it| {
        let workload = it.sandbox.lambda();
        admit(&it, &workload, &[("contents", "read")]);
        it
    }),
    ("too little, by a private policy", "permissions", &["not even read", "  issues: write"], |it| {
        it.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Private).unwrap();
        let workload = it.sandbox.lambda();
        admit(&it, &workload, &[("deployments", "read")]);
        it
    }),
    (
        "what the App cannot grant",
        "permissions",
        &["token exchange failure", "one that the Octo STS App can grant"],
        |it| {
            let workload = it.sandbox.lambda();
            admit(&it, &workload, &[("issues", "write"), ("secrets", "write")]);
            it
        },
    ),
    (
        "GitHub out of reach",
        "github",
        &["could not be reached", "GATEPASS_GITHUB_API_URL", "firewall"],
        |it| it.set("GATEPASS_GITHUB_API_URL", NOWHERE),
    ),
    ("another service in GitHub's place", "github", &["no API of GitHub", "github.api_url"], |it| {
        let url = it.sandbox.octo_sts.url().to_owned();
        it.set("GATEPASS_GITHUB_API_URL", url)
    }),
    ("GitHub's pages in place of its API", "github", &["no API of GitHub: 404", "github.api_url"], |it| {
        let page = Fault::on_any("/rate_limit").status(404).header("x-github-request-id", "1").body("<html>");
        it.sandbox.github.faults().inject(page.always());
        it
    }),
    ("an outage that passes", "github", &["says 503", "githubstatus"], |it| {
        let outage = Fault::on_any("/rate_limit").status(503).header("x-github-request-id", "1");
        it.sandbox.github.faults().inject(outage);
        it
    }),
    ("no calls left", "rate_limit", &["0 of 5000 calls are left", "wait"], |it| {
        it.sandbox.github.set_rate(0, Timestamp::now() + SignedDuration::from_mins(30));
        it
    }),
    (
        "no secret",
        "webhook_secret",
        &["the environment variable HOOK_SECRET holds no secret", "released"],
        |it| it.unset(&["HOOK_SECRET"]),
    ),
    ("no such queue", "queue", &["QueueDoesNotExist", "check GATEPASS_QUEUE"], |it| {
        it.set("GATEPASS_QUEUE", "arn:aws:sqs:eu-west-1:111122223333:another")
    }),
    (
        "no name of a queue",
        "queue",
        &["is no queue of Amazon SQS", "write the queue's ARN", "correct"],
        |it| it.set("GATEPASS_QUEUE", "gatepass"),
    ),
];
