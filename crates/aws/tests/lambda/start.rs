//! A function that cannot start says everything that is wrong, and where.

use crate::samples::ALARM;
use crate::support::Deployment;

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_with_the_next_step() {
    let huge = format!("{ALARM}#{}", "x".repeat(1 << 20));
    let table: [(&[u8], &[&str]); 9] = [
        (b"", &["gatepass.yaml:1:1: is empty", "gatepass init"]),
        (b"\n# nothing\n", &["is empty"]),
        (b"null", &["is empty"]),
        (huge.as_bytes(), &["is larger than 1 MiB", "the right file?"]),
        (b"version: 1\njobs: \xff\n", &["is not UTF-8 (line 2)", "save it as UTF-8"]),
        (b"\xff\xfev\0", &["is not UTF-8"]),
        (b"version: 1\njobs: [", &["gatepass.yaml:2:"]),
        (b"- a\n- b\n", &["gatepass.yaml:1:1: "]),
        (b"version: 2\njobs: {}", &["gatepass.yaml:1:10: version: version 2 is not known", "version 1"]),
    ];
    let deployment = Deployment::stranger("").await;
    for (config, words) in table {
        let messages = deployment.with_config(config).start_error().await.join("\n");
        for word in words {
            assert!(messages.contains(word), "{word:?} is not in {messages}");
        }
    }
    let messages = deployment.without_config().start_error().await.join("\n");
    for word in ["gatepass.yaml:1:1: cannot be read", "No such file", "GATEPASS_CONFIG", "gatepass init"] {
        assert!(messages.contains(word), "{word:?} is not in {messages}");
    }
}

const MISTAKES: &str = r#"version: 1
defaults: { repository: acme, trust_polcy: alarms }
jobs:
  Alarm:
    triggers: []
  nightly:
    repository: acme/operations
    trust_policy: a/b
    triggers:
      - http: { caller: consol }
      - schedule: { cron: "99 2 * * *" }
    if: event.data.
    open_issue:
      key: []
      titel: x
      title: "{{ evnt.id }}"
      reopen_within: 7 days
callers:
  console: { host: true }
  anybody: {}
"#;

#[tokio::test]
async fn a_start_that_fails_is_told_however_quiet_the_log_is() {
    for level in ["off", "error", "loud"] {
        let messages = Deployment::stranger("").await.set("GATEPASS_LOG", level).start_error().await;
        let words = if level == "loud" { "GATEPASS_LOG is `loud`" } else { "gatepass.yaml:1:1: is empty" };
        assert!(messages.len() == 1 && messages[0].contains(words), "{level}: {messages:?}");
    }
}

#[tokio::test]
async fn several_mistakes_are_reported_at_once_each_with_its_place() {
    let messages = Deployment::stranger(MISTAKES).await.start_error().await;
    let expected = [
        "gatepass.yaml:2:25: defaults.repository: `acme` is not a repository: write owner/name",
        "gatepass.yaml:2:31: defaults.trust_polcy: unknown key `trust_polcy` (did you mean `trust_policy`?)",
        "gatepass.yaml:4:3: jobs.Alarm: `Alarm` is not a job name",
        "gatepass.yaml:8:19: jobs.nightly.trust_policy: `a/b` is not a trust policy name",
        "gatepass.yaml:11:27: jobs.nightly.triggers[1].schedule.cron: `99` is no minute",
        "gatepass.yaml:10:17: jobs.nightly.triggers[0].http.caller: there is no caller `consol` (did you mean `console`?)",
        "gatepass.yaml:12:5: jobs.nightly.if: the condition cannot be read",
        "gatepass.yaml:14:7: jobs.nightly.open_issue.key: the key is empty",
        "gatepass.yaml:15:7: jobs.nightly.open_issue.titel: unknown key `titel` (did you mean `title`?)",
        "gatepass.yaml:16:7: jobs.nightly.open_issue.title: the name `evnt` is not defined (did you mean `event`?)",
        "gatepass.yaml:17:22: jobs.nightly.open_issue.reopen_within: `7 days` is no span of time",
        "gatepass.yaml:20:3: callers.anybody: nothing says how this caller is verified",
    ];
    for start in expected {
        assert!(
            messages.iter().any(|message| message.starts_with(start)),
            "{start}\n{}",
            messages.join("\n")
        );
    }
    let in_order: Vec<u32> =
        messages.iter().map(|message| message.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert!(in_order.is_sorted(), "{in_order:?}");
}

#[tokio::test]
async fn an_item_after_a_broken_one_keeps_its_place() {
    let (first, second) =
        ("      - http: { caller: consol }\n", "      - schedule: { cron: \"99 2 * * *\" }\n");
    let config = MISTAKES.replace(&format!("{first}{second}"), &format!("{second}{first}"));
    let messages = Deployment::stranger(config).await.start_error().await.join("\n");
    assert!(messages.contains("gatepass.yaml:11:17: jobs.nightly.triggers[1].http.caller"), "{messages}");
}

#[tokio::test]
async fn it_says_who_starts_it_when_that_was_somebody_else() {
    let deployment = Deployment::new(ALARM).await;
    let (status, messages) = deployment.run_by_hand().await;
    assert_eq!((status, messages.len()), (Some(1), 1));
    let words = ["AWS_LAMBDA_RUNTIME_API is not set", "started by Lambda", "`bootstrap`"];
    assert!(words.iter().all(|word| messages[0].contains(word)), "{messages:?}");
}

#[tokio::test]
async fn jobs_of_other_clouds_do_not_stop_it_but_their_structure_counts() {
    let other = "  elsewhere:\n    runs_on: [gcp]\n    triggers: [{ schedule: { cron: 0 2 * * * } }]\n    open_issue: { key: [x], title: \"{{ evnt }}\" }\n";
    let deployment = Deployment::new(ALARM.to_owned() + other).await;
    deployment.start().await;
    let none = deployment.with_config(
        ALARM.replace("[aws]", "[gcp]") + "callers: { x: { host: true, may_send: [aws.cloudwatch] } }\n",
    );
    none.start().await;
    let broken = deployment.with_config(ALARM.to_owned() + &other.replace("title", "titel"));
    assert!(broken.start_error().await.join("\n").contains("did you mean `title`?"));
}

/// A job with a webhook.
fn hook(secrets: &str) -> String {
    format!(
        "version: 1\njobs:\n  hook:\n    repository: acme/site\n    trust_policy: x\n    \
         triggers: [{{ webhook: {{ signature: github, secrets: {secrets} }} }}]\n    \
         open_issue: {{ key: [x], title: x }}\n"
    )
}

#[tokio::test]
async fn a_webhook_without_a_readable_secret_stops_the_start() {
    let table: [(&str, &[&str]); 5] = [
        ("[{ env: NEW_SECRET }]", &["jobs.hook", "NEW_SECRET", "set it for this function"]),
        ("[{ env: SET }, { env: EMPTY }]", &["jobs.hook", "EMPTY"]),
        ("[{ env: SET }, { file: /nowhere/secret }]", &["jobs.hook", "/nowhere/secret", "cannot be read"]),
        ("[{ env: SET }, { file: /dev/null }]", &["jobs.hook", "/dev/null is empty"]),
        ("[]", &["gatepass.yaml:6:48", "without a secret anybody could knock"]),
    ];
    let deployment = Deployment::stranger("").await.set("SET", "a secret of some length").set("EMPTY", "");
    for (secrets, words) in table {
        let messages = deployment.with_config(hook(secrets)).start_error().await.join("\n");
        assert!(!messages.contains("a secret of some length"));
        for word in words {
            assert!(messages.contains(word), "{word:?} is not in {messages}");
        }
    }
    deployment.with_config(hook("[{ env: SET }]")).start().await;
}

#[tokio::test]
async fn a_webhook_beside_a_host_caller_stops_the_start() {
    let config = hook("[{ env: SET }]")
        + "  called:\n    repository: acme/site\n    trust_policy: x\n    triggers: [{ http: { caller: console } }]\n    \
           read_repository: {}\ncallers: { console: { host: true } }\n";
    let messages = Deployment::stranger(config).await.set("SET", "a secret").start_error().await.join("\n");
    for word in
        ["callers.console.host", "a webhook opens the whole service on aws", "verify this caller with oidc"]
    {
        assert!(messages.contains(word), "{word:?} is not in {messages}");
    }
}

#[tokio::test]
async fn a_setting_of_the_environment_that_is_wrong_is_named() {
    let table = [
        (
            "GATEPASS_STS_URL",
            "http://octo-sts.dev",
            "GATEPASS_STS_URL: `http://octo-sts.dev` is not encrypted",
        ),
        (
            "GATEPASS_GITHUB_API_URL",
            "api.github.com",
            "GATEPASS_GITHUB_API_URL: `api.github.com` is not a URL",
        ),
        ("GATEPASS_LOG", "loud", "GATEPASS_LOG is `loud`: write off, error, warn, info, debug or trace"),
        ("GATEPASS_EXTRA_CA_CERTS", "/nowhere.pem", "GATEPASS_EXTRA_CA_CERTS: /nowhere.pem cannot be read"),
        ("GATEPASS_EXTRA_CA_CERTS", "/dev/null", "GATEPASS_EXTRA_CA_CERTS: the bundle holds no certificate"),
    ];
    for (name, value, start) in table {
        let messages = Deployment::new(ALARM).await.set(name, value).start_error().await;
        assert!(messages.len() == 1 && messages[0].starts_with(start), "{messages:?}");
    }
    let vars = format!("{ALARM}vars: [TEAM, STAGE]\n");
    let messages = Deployment::new(vars).await.set("TEAM", "ops").start_error().await;
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains(": vars[1]: the environment variable STAGE is not set"), "{messages:?}");
}

#[tokio::test]
async fn a_variable_that_means_nothing_here_stops_the_start() {
    let deployment = Deployment::new(ALARM).await;
    let arn = "arn:aws:sqs:eu-west-1:111122223333:gatepass";
    let queued = deployment.with_config(ALARM).set("GATEPASS_QUEUE", arn);
    let messages = queued.set("AWS_ENDPOINT_URL_SQS", "http://sqs.example").start_error().await.join("\n");
    assert!(messages.contains("AWS_ENDPOINT_URL_SQS: "), "{messages}");
    for (name, value, words) in [
        ("GATEPASS_DRY_RUN", "yes", "GATEPASS_DRY_RUN is neither 1 nor 0"),
        (
            "GATEPASS_QUEUE",
            "https://sqs.example/q",
            "GATEPASS_QUEUE: `https://sqs.example/q` is no queue of Amazon SQS",
        ),
        ("GATEPASS_QUEUE", "gatepass", "as in arn:aws:sqs:eu-central-1:123456789012:gatepass"),
        ("GATEPASS_QUEUE", "arn:aws:sns:eu-west-1:111122223333:topic", "is no queue of Amazon SQS"),
        ("AWS_ENDPOINT_URL_SSM", "http://ssm.example", "AWS_ENDPOINT_URL_SSM: "),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "x", "AWS_ENDPOINT_URL_SECRETS_MANAGER: "),
        ("GATEPASS_STS_URL", "http://me:hunter2@sts.example", "user info"),
    ] {
        let messages = deployment.with_config(ALARM).set(name, value).start_error().await.join("\n");
        assert!(messages.contains(words) && !messages.contains("hunter2"), "{messages}");
    }
}
