//! Settings that decide which issue it is, and whether anything is written at all.

use gatepass_sandbox::github::{Edition, User};
use gatepass_sandbox::{Options, octo_sts};

use crate::samples::{ALARM, LABEL, REPOSITORY, alarm, alarm_of};
use crate::support::{Deployment, Function};

#[tokio::test]
async fn a_namespace_keeps_two_deployments_apart() {
    let one = Deployment::new(ALARM).await;
    let function = one.start().await;
    let namespaced = one.with_config(format!("{ALARM}namespace: staging\n")).start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(namespaced.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(namespaced.status(&alarm("e2", 2, "OK")).await, "closed");
    let open = function.sandbox.github.open_issues(REPOSITORY);
    assert_eq!(open.iter().map(|issue| issue.number).collect::<Vec<_>>(), [1]);
    let (here, there) = (function.outcome("e1").await, namespaced.outcome("e1").await);
    assert_ne!(here["key"], there["key"]);
}

#[tokio::test]
async fn a_renamed_job_keeps_its_issues_by_its_id() {
    let before = Deployment::new(ALARM).await;
    assert_eq!(before.start().await.status(&alarm("e1", 1, "ALARM")).await, "created");
    let renamed = ALARM.replace("  alarm-to-issue:\n", "  alarms:\n    id: alarm-to-issue\n");
    let function = before.with_config(renamed).start().await;
    let result = function.send(&alarm("e2", 2, "ALARM")).await;
    assert_eq!((&result["job"], &result["status"]), (&"alarms".into(), &"updated".into()));
    let forgotten = before.with_config(ALARM.replace("  alarm-to-issue:", "  alarms:")).start().await;
    assert_eq!(forgotten.status(&alarm("e3", 3, "ALARM")).await, "created", "without it, it is another job");
}

#[tokio::test]
async fn the_key_decides_which_issue_it_is() {
    let function = Function::start(ALARM).await;
    for (name, status) in
        [("a", "created"), ("A", "created"), ("a ", "created"), ("ä", "created"), ("a", "unchanged")]
    {
        assert_eq!(function.status(&alarm_of(name, "e1", 1, "ALARM")).await, status, "{name:?}");
    }
    let mut elsewhere = alarm_of("a", "e1", 1, "ALARM");
    elsewhere["region"] = "us-east-1".into();
    assert_eq!(function.status(&elsewhere).await, "created");
}

#[tokio::test]
async fn an_empty_key_is_invalid() {
    let key = r#"key: ["{{ event.data.account }}", "{{ event.data.region }}", "{{ event.data.detail.alarmName }}"]"#;
    let function =
        Function::start(&ALARM.replace(key, r#"key: ["{{ event.data.detail.alarmName }}"]"#)).await;
    for name in ["", " ", "\n"] {
        let words = ["the key of this event's issue is empty", "open_issue.key"];
        function.fails(&alarm_of(name, "e1", 1, "ALARM"), "invalid", &words).await;
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0), "no token was asked for");
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_it_would_do() {
    let real = Deployment::new(ALARM).await;
    let job = ALARM.replace("    if: ", "    dry_run: true\n    if: ");
    let dry_job = real.with_config(job).start().await;
    let dry_file = real.with_config(format!("{ALARM}dry_run: true\n")).start().await;
    let dry_variable = real.with_config(ALARM).set("GATEPASS_DRY_RUN", "1").start().await;
    let real = real.start().await;
    let github = &real.sandbox.github;

    let would = async |event: &serde_json::Value, status: &str| {
        let before = github.issues(REPOSITORY);
        for dry in [&dry_job, &dry_file, &dry_variable] {
            let writes = github.writes().len();
            let result = dry.send(event).await;
            assert_eq!(result["status"], status, "{result}");
            assert_eq!(result["dry_run"] == true, status != "unchanged", "{result}");
            assert_eq!(github.writes().len(), writes);
            let outcome = dry.outcome(event["id"].as_str().unwrap()).await;
            assert_eq!((&outcome["status"], &outcome["dry_run"]), (&result["status"], &result["dry_run"]));
        }
        assert_eq!(github.issues(REPOSITORY), before);
    };
    would(&alarm("e1", 1, "ALARM"), "created").await;
    would(&alarm("e0", 0, "OK"), "unchanged").await;
    real.status(&alarm("e1", 1, "ALARM")).await;
    let body = github.issue(REPOSITORY, 1).unwrap().body.unwrap();
    github.add_issue(REPOSITORY, User::bot("octo-sts[bot]"), "Alarm: cpu", &body, &[LABEL]).unwrap();
    would(&alarm("e2", 2, "ALARM"), "updated").await;
    would(&alarm("e3", 3, "OK"), "closed").await;
    real.status(&alarm("e3", 3, "OK")).await;
    would(&alarm("e4", 4, "ALARM"), "reopened").await;
}

#[tokio::test]
async fn where_github_and_octo_sts_are_is_said_in_one_order() {
    let own = ["GATEPASS_GITHUB_API_URL", "GATEPASS_STS_URL"];
    let nowhere = "http://127.0.0.1:1";
    let deployment = Deployment::new(ALARM).await;
    let (github, sts) =
        (deployment.sandbox.github.api_url().to_owned(), deployment.sandbox.octo_sts.url().to_owned());
    let file =
        |github: &str, sts: &str| format!("{ALARM}github: {{ api_url: {github} }}\nsts: {{ url: {sts} }}\n");
    let table = [
        ("ours win over the file", deployment.with_config(file(nowhere, nowhere))),
        (
            "the file wins over the default",
            deployment.with_config(file(&github, &sts)).unset(&own).set("GITHUB_API_URL", nowhere),
        ),
        (
            "the default counts when the file is silent",
            deployment
                .with_config(format!("{ALARM}sts: {{ url: '{sts}/' }}\n"))
                .unset(&own)
                .set("GITHUB_API_URL", &github),
        ),
    ];
    for (minute, (name, deployment)) in (1..).zip(table) {
        let status = deployment.start().await.status(&alarm(&format!("e{minute}"), minute, "ALARM")).await;
        assert_eq!(status, if minute == 1 { "created" } else { "updated" }, "{name}");
    }
}

#[tokio::test]
async fn an_enterprise_server_and_an_octo_sts_of_ones_own_do_the_same() {
    let settings = octo_sts::Settings {
        domain: "sts.acme.example".into(),
        bots: vec!["gate[bot]".into(), "gate-2[bot]".into()],
    };
    let options = Options { edition: Edition::EnterpriseServer, octo_sts: settings };
    let own = "sts: { audience: sts.acme.example, bots: '^gate(-2)?\\[bot\\]$' }\n";
    let each = ALARM.replace("    if: ", "    revoke: after_run\n    if: ");
    let deployment = Deployment::new_with(format!("{each}{own}"), options).await;
    let function = deployment.start().await;
    // Consecutive tokens act as either bot.
    for (minute, status) in (1..).zip(["created", "updated", "updated"]) {
        assert_eq!(function.status(&alarm(&format!("e{minute}"), minute, "ALARM")).await, status);
    }
    let hops = function.sandbox.github.requests();
    assert!(hops.iter().all(|hop| hop.path.starts_with("/api/v3/")), "{}", function.sandbox.trace);
    assert_eq!(function.exchange("alarm-to-issue").await["aud"], "sts.acme.example");

    // The hosted service's bots are nobody there, and another audience is not admitted.
    let hosted = deployment.with_config(each);
    hosted.start().await.fails(&alarm("e4", 4, "ALARM"), "refused", &["claims do not match"]).await;
    let bots = "sts: { audience: sts.acme.example }\n";
    let function = deployment.with_config(format!("{ALARM}{bots}")).start().await;
    for (id, number) in [("e5", "#2"), ("e6", "#3")] {
        let words = [number, "gate", "`sts.bots` does not match", "closed again"];
        function.fails(&alarm(id, 5, "ALARM"), "refused", &words).await;
    }
    assert_eq!(function.open(), 1, "what would never be found again does not stay open");
}

#[tokio::test]
async fn templates_see_the_variables_that_are_named_and_no_others() {
    let config = ALARM.replace("labels: [alarm]", "labels: ['{{ vars.TEAM }}']") + "vars: [TEAM]\n";
    let deployment = Deployment::new(config).await.set("TEAM", "ops");
    assert_eq!(deployment.start().await.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(deployment.sandbox.github.issue(REPOSITORY, 1).unwrap().labels, [LABEL, "ops"]);
    let curious = ALARM.replace("labels: [alarm]", "labels: ['{{ vars.AWS_SECRET_ACCESS_KEY }}']");
    let function = deployment.with_config(curious + "vars: [TEAM]\n").start().await;
    function.fails(&alarm("e2", 2, "ALARM"), "invalid", &["open_issue.labels[0]", "not there"]).await;
}
