//! `gatepass policy suggest`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatepass_aws::account::Account;
use gatepass_aws::identity::AwsIdentity;
use gatepass_azure::identity::ManagedIdentity;
use gatepass_core::client::{Clients, ServiceUrl};
use gatepass_core::config::IdTokenSettings;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::exchange::{Access, OctoSts, Scope};
use gatepass_core::id_token::IdTokenSource;
use gatepass_sandbox::Sandbox;
use serde_json::json;

use super::{Checkout, GOOD, admitted, checked, jwt};
use crate::support::{finish, gatepass, root};

const FILE: &str = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: [x], title: x }
  pulls:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    read: { pulls: "pulls?state=open" }
    open_issue: { key: [x], title: x }
  fleet:
    runs_on: [aws]
    trust_policy: fleet
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme }
    open_issue: { key: [x], title: x }
"#;

const ROLE: [&str; 4] = [
    "--role-arn",
    "arn:aws:iam::111122223333:role/alarms",
    "--issuer",
    "https://3483f94f-1111-4222-8333-444455556666.tokens.sts.global.api.aws",
];

fn suggest<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["suggest"], more, &ROLE].concat()
}

#[test]
fn a_job_and_a_role_give_a_policy_that_can_be_piped() {
    let checkout = Checkout::new();
    checkout.write("gatepass.yaml", FILE);
    let run = checkout.policy(&suggest(&["--job", "alarm"])).ended(0);
    assert_eq!(
        run.out,
        "issuer: \"https://3483f94f-1111-4222-8333-444455556666.tokens.sts.global.api.aws\"\n\
         subject: \"arn:aws:iam::111122223333:role/alarms\"\n\
         permissions:\n  issues: \"write\"\n  pull_requests: \"read\"\n"
    );
    for words in [
        "commit this as .github/chainguard/alarms.sts.yaml on the default branch of acme/operations",
        "for alarm (open_issue), pulls (read, open_issue)",
        "the jobs alarm, pulls share this policy: it grants what all of them need",
    ] {
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
    assert!(!run.err.contains("[GP"), "the lint agrees: {}", run.err);
    checkout.write(".github/chainguard/alarms.sts.yaml", &run.out);
    checkout.policy(&["lint", "--deny-warnings"]).ended(0);
}

#[test]
fn an_organisations_policy_says_where_it_stands_and_what_it_reaches() {
    let checkout = Checkout::new();
    checkout.write("gatepass.yaml", FILE);
    let run = checkout.policy(&suggest(&["--job", "fleet"])).ended(0);
    assert!(run.err.contains("fleet.sts.yaml on the default branch of acme/.github"), "{}", run.err);
    assert!(run.err.contains("it reaches every repository that the App may access"), "{}", run.err);
    let run = checkout.policy(&suggest(&["--job", "fleet", "--repositories", "widgets,site"])).ended(0);
    assert!(run.out.ends_with("repositories:\n  - \"widgets\"\n  - \"site\"\n"), "{}", run.out);
    assert!(!run.err.contains("reaches every repository"), "{}", run.err);
    let run = checkout.policy(&suggest(&["--job", "alarm", "--repositories", "widgets"])).ended(2);
    assert!(run.err.contains("only an organisation's policy"), "{}", run.err);
}

#[test]
fn a_workload_is_known_by_its_token_its_claims_or_the_facts() {
    let checkout = Checkout::new();
    checkout.write("token", jwt(&admitted()));
    checkout.write("claims.json", admitted().to_string());
    let issues = ["--permission", "issues=write"];
    for given in [
        &["--token", "token"] as &[&str],
        &["--claims", "claims.json"],
        &["--google-id", "107691503500061507151"],
    ] {
        let run = checkout.policy(&[&["suggest"], given, &issues].concat()).ended(0);
        assert_eq!(run.out, GOOD, "{given:?}");
        assert!(run.err.contains(".github/chainguard/NAME.sts.yaml"), "{}", run.err);
    }
    let (tenant, principal) =
        ("4c2d1e0f-1111-4222-8333-444455556666", "5f7b1c9e-3a52-4c0d-9d61-0b7a2f4e8c11");
    let azure = ["suggest", "--tenant", tenant, "--principal-id", principal];
    let run = checkout.policy(&[&azure[..], &issues].concat()).ended(0);
    let head =
        format!("issuer: \"https://login.microsoftonline.com/{tenant}/v2.0\"\nsubject: \"{principal}\"\n");
    assert!(run.out.starts_with(&head), "{}", run.out);
    assert!(run.out.contains("audience: \"fb60f99c-7a34-4190-8149-302f77469936\"\n"), "{}", run.out);
    let subject = "repo:acme@1/ops@2:ref:refs/heads/main";
    let run = checkout.policy(&[&["suggest", "--github-subject", subject][..], &issues].concat()).ended(0);
    assert!(run.out.contains(&format!("subject: \"{subject}\"\n")), "{}", run.out);
}

#[test]
fn what_a_policy_can_never_admit_is_a_failure() {
    let checkout = Checkout::new();
    let mut claims = admitted();
    claims["sub"] = json!("has white space");
    checkout.write("claims.json", claims.to_string());
    let run =
        checkout.policy(&["suggest", "--claims", "claims.json", "--permission", "issues=write"]).ended(1);
    assert!(run.err.contains("no policy can admit this token: its subject has white space"), "{}", run.err);
    assert_eq!(run.out, "");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let checkout = Checkout::new();
    for (arguments, words) in [
        (&["suggest"] as &[&str], "for whom?"),
        (&["suggest", "--google-id", "107691503500061507151"], "what for?"),
        (
            &["suggest", "--google-id", "107691503500061507151", "--job", "x"],
            "there is no gatepass.yaml here",
        ),
        (&["suggest", "--role-arn", "x"], "--issuer"),
        (&["suggest", "--tenant", "x"], "--principal-id"),
        (&["suggest", "--permission", "pull-requests=read"], "did you mean `pull_requests`?"),
        (&["suggest", "--permission", "issues=writ"], "`writ` is no level"),
        (&["suggest", "--google-id", "me@example.com", "--permission", "issues=read"], "error: "),
        (&["suggest", "--google-id", "1", "--github-subject", "x"], "more than one cloud"),
        (&["suggest", "--google-id", "1", "--token", "x"], "which of them"),
        (&["suggest", "--repositories", "acme/x"], "without its owner"),
    ] {
        let run = checkout.policy(arguments).ended(2);
        assert!(run.err.contains(words) && run.out.is_empty(), "{words}\n{}", run.err);
    }
    checkout.write("gatepass.yaml", FILE);
    let run = checkout.policy(&suggest(&["--job", "none"])).ended(2);
    assert!(run.err.contains("there is no job none; there are: alarm, fleet, pulls"), "{}", run.err);
    let run = checkout.policy(&suggest(&[])).ended(2);
    assert!(run.err.contains("say which with --job NAME"), "{}", run.err);
    let custom =
        FILE.replace("open_issue: { key: [x], title: x }\n  pulls", "custom: { action: paint }\n  pulls");
    checkout.write("gatepass.yaml", custom.replacen("    runs_on", "    trust_policy: own\n    runs_on", 1));
    let run = checkout.policy(&suggest(&["--job", "alarm"])).ended(2);
    assert!(run.err.contains("add it with --permission") && run.out.is_empty(), "{}", run.err);
    checkout.policy(&suggest(&["--job", "alarm", "--permission", "statuses=write"])).ended(0);
    checkout.write("gatepass.yaml", "jobs: [");
    let run = checkout.policy(&suggest(&["--job", "alarm"])).ended(1);
    assert!(run.err.contains("gatepass.yaml:1:"), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_suggested_on_a_platform_admits_it_there() {
    let sandbox = Sandbox::start().await.unwrap();
    let identity = &sandbox.identity;
    let clients = Clients::new(None).unwrap();
    let url = ServiceUrl::parse(sandbox.octo_sts.url()).unwrap();
    let config = root().join("examples/quickstart/gatepass.yaml");
    sandbox.github.install("acme");
    for (job, from, environment, policy, repository) in [
        ("alarm-to-issue", "aws", identity.aws.env_lambda(), "alarms", "acme/operations"),
        ("stale-pulls", "gcp", identity.gcp.env(), "digest", "acme/widgets"),
        ("github-status", "azure", identity.azure.env_imds(), "reader", "acme/widgets"),
    ] {
        let mut command = gatepass();
        command.args(["policy", "suggest", "--job", job, "--from", from, "--config"]).arg(&config);
        let run = checked(finish(command.envs(&environment), Duration::from_secs(60))).ended(0);
        assert!(run.err.contains(&format!("{policy}.sts.yaml on the default branch of {repository}\n")));

        let env: Env = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let source: Arc<dyn IdTokenSource> = match from {
            "aws" => Arc::new(AwsIdentity::new(Account::from_env(&env, &clients).unwrap()).unwrap()),
            "gcp" => gatepass_gcp::identity::source(&env, &clients, None).unwrap(),
            _ => Arc::new(ManagedIdentity::new(&env, &clients, &IdTokenSettings::default().azure).unwrap()),
        };
        let domain = sandbox.octo_sts.domain().to_owned();
        let octo_sts = OctoSts::new(clients.outbound.clone(), url.clone(), domain, source);
        let (job, scope) = (job.parse().unwrap(), Scope::Repository(repository.parse().unwrap()));
        let access = Access {
            job: &job,
            scope: &scope,
            trust_policy: &policy.parse().unwrap(),
            permissions: &BTreeMap::new(),
        };
        sandbox.github.add_repository(repository).unwrap();
        let path = gatepass_policy::policy_path(policy);
        sandbox.github.put_file(repository, &path, &run.out).unwrap();
        let granted = octo_sts.token(&access, Deadline::after(Deadline::DEFAULT)).await;
        assert!(granted.is_ok(), "{job}: {}\n{}", run.out, granted.unwrap_err());
    }
}
