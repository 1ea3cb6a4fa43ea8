//! Webhooks' secrets in AWS Secrets Manager and in the parameter store.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::lambda::Entrance;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde_json::json;

use crate::support::{Deployment, Function, problem};

const OLD: &str = "the old secret of some length";
const NEW: &str = "the new secret of some length";

const HOOK: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  hook:
    triggers: [{ webhook: { signature: github, secrets: [SECRETS] } }]
    open_issue: { key: ["{{ event.data.n }}"], title: "{{ event.data.n }}" }
"#;

async fn deployment(secrets: &str) -> Deployment {
    Deployment::new(HOOK.replace("SECRETS", secrets)).await
}

async fn status(function: &Function, n: u32, secret: &str) -> u16 {
    let call = Webhook::new("push", &json!({ "n": n })).call("/hooks/hook", secret, Signature::Right);
    function.host.http(Entrance::FunctionUrl(None), &call).await.unwrap().status
}

#[tokio::test]
async fn each_kind_of_secret_is_read_at_the_start_and_none_is_shown() {
    let field = r#"{ aws_secret: { id: hook, key: secret } }"#;
    for (secrets, stored) in [
        ("{ aws_secret: hook }", OLD.to_owned()),
        ("{ aws_secret: arn:aws:secretsmanager:eu-west-1:111122223333:secret:hook-AbCdEf }", OLD.to_owned()),
        (field, json!({ "secret": OLD, "other": NEW }).to_string()),
        ("{ aws_parameter: /gatepass/hook }", OLD.to_owned()),
    ] {
        let deployment = deployment(secrets).await;
        let aws = &deployment.sandbox.identity.aws;
        aws.secrets.put("hook", &stored);
        aws.parameters.put("/gatepass/hook", OLD);
        let function = deployment.start().await;
        assert_eq!(status(&function, 1, OLD).await, 201, "{secrets}");
        assert_eq!(status(&function, 2, NEW).await, 401, "{secrets}");
        assert!(!function.host.child().text().contains("of some length"), "{secrets}");
    }
}

#[tokio::test]
async fn both_secrets_of_a_rotation_are_accepted_and_strangers_do_not_make_it_ask_again() {
    let deployment = deployment("{ aws_secret: new }, { aws_parameter: old }").await;
    let aws = &deployment.sandbox.identity.aws;
    aws.secrets.put_binary("new", NEW.as_bytes());
    aws.parameters.put("old", OLD);
    let function = deployment.start().await;
    assert_eq!((status(&function, 1, OLD).await, status(&function, 2, NEW).await), (201, 201));
    for n in 0..3 {
        assert_eq!(status(&function, n, "a stranger's").await, 401);
    }
    let reads = ["aws-secrets", "aws-ssm"].map(|service| function.sandbox.trace.hops_of(service).len());
    assert_eq!(reads, [1, 1], "once a minute at the most");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_stops_the_start_and_is_named() {
    let denied = |kind: &str| {
        Fault::on_any("/")
            .status(400)
            .body(json!({ "__type": kind, "Message": "not authorized" }).to_string())
    };
    let secret = deployment("{ aws_secret: hook }").await;
    let messages = secret.start_error().await.join("\n");
    for words in ["jobs.hook", "hook", "there is no aws_secret hook in eu-west-1"] {
        assert!(messages.contains(words), "{words}: {messages}");
    }
    let aws = &secret.sandbox.identity.aws;
    aws.secrets.put("hook", OLD);
    aws.secrets.faults().inject(denied("AccessDeniedException"));
    let messages = secret.start_error().await.join("\n");
    assert!(messages.contains("allow secretsmanager:GetSecretValue"), "{messages}");

    for (stored, words) in [
        ("not json", "no JSON object"),
        ("{\"other\":\"x\"}", "\"secret\""),
        ("{\"secret\":\"\"}", "is empty"),
    ] {
        let field = deployment("{ aws_secret: { id: hook, key: secret } }").await;
        field.sandbox.identity.aws.secrets.put("hook", stored);
        let messages = field.start_error().await.join("\n");
        assert!(messages.contains(words), "{words}: {messages}");
    }

    let parameter = deployment("{ aws_parameter: /hook }").await;
    let messages = parameter.start_error().await.join("\n");
    assert!(messages.contains("there is no aws_parameter /hook"), "{messages}");
    parameter.sandbox.identity.aws.parameters.put("/hook", OLD);
    parameter.sandbox.identity.aws.parameters.faults().inject(denied("AccessDeniedException"));
    let messages = parameter.start_error().await.join("\n");
    for words in ["allow ssm:GetParameter", "kms:Decrypt", "/hook"] {
        assert!(messages.contains(words), "{words}: {messages}");
    }
    let function = parameter.start().await;
    let call = Webhook::new("push", &json!({ "n": 1 })).call("/hooks/hook", OLD, Signature::Wrong);
    let answer = function.host.http(Entrance::FunctionUrl(None), &call).await.unwrap();
    problem(&answer, 401, "untrusted", &[]);
}
