//! `gatepass doctor`, against the sandbox.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Visibility;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::identity::aws::Refusal;
use gatepass_sandbox::identity::azure::Assigned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, finish, gatepass};

const REPOSITORY: &str = "acme/operations";
const PATH: &str = ".github/chainguard/alarms.sts.yaml";
const CONFIG: &str = r#"
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

/// A file that every cloud can run.
const CALLED: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { console: { host: true } }
jobs:
  report:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [x], title: x }
"#;

/// A directory with a file, and a sandbox whose policy `alarms` everybody can read.
struct Stand {
    sandbox: Sandbox,
    directory: TempDir,
    variables: Environment,
}

impl Stand {
    /// Admitted as AWS's function.
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Public).unwrap();
        sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gatepass.yaml"), CONFIG).unwrap();
        let mut variables = sandbox.identity.aws.env_lambda();
        variables.extend(sandbox.env());
        Self { sandbox, directory, variables }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let (directory, variables) = (self.directory.path().to_owned(), self.variables.clone());
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let run =
            tokio::task::spawn_blocking(move || start(&directory, variables, &arguments)).await.unwrap();
        for credential in ["eyJ", "ghs_"] {
            assert!(!run.out.contains(credential) && !run.err.contains(credential), "{}{}", run.out, run.err);
        }
        run
    }

    /// What was found, with the exit code.
    async fn examine(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(&[&["doctor", "--json"], arguments].concat()).await;
        let found = serde_json::from_str(&run.out);
        (run.code, found.unwrap_or_else(|error| panic!("{error}\n{}{}", run.out, run.err)))
    }
}

fn start(directory: &Path, variables: Environment, arguments: &[String]) -> Run {
    let mut command: Command = gatepass();
    finish(command.args(arguments).current_dir(directory).envs(variables), Duration::from_secs(60))
}

fn named(examination: &Value, state: &str) -> Vec<String> {
    let links = examination["links"].as_array().unwrap();
    let links = links.iter().filter(|link| link["state"] == state);
    links.map(|link| link["link"].as_str().unwrap().to_owned()).collect()
}

/// What is broken, which link that is, what is said of it, and how it is broken.
type Row = (&'static str, &'static str, &'static [&'static str], fn(Stand) -> Stand);

const ROWS: &[Row] = &[
    ("a key that is misspelt", "configuration", &["open_isue", "gatepass check"], |it| {
        it.write("gatepass.yaml", &CONFIG.replacen("open_issue", "open_isue", 1));
        it
    }),
    ("no region", "identity", &["AWS_REGION is not set"], |it| {
        it.set("AWS_REGION", "").set("AWS_DEFAULT_REGION", "")
    }),
    ("federation is off", "token", &["`aws iam enable-outbound-web-identity-federation`"], |it| {
        it.sandbox.identity.aws.refuse(Some(Refusal::FederationDisabled));
        it
    }),
    ("Octo STS out of reach", "octo_sts", &["could not be reached"], |it| {
        it.set("GATEPASS_STS_URL", "http://127.0.0.1:1")
    }),
    ("no trust policy", "policy", &["finds no .github/chainguard/alarms.sts.yaml"], |it| {
        it.sandbox.github.delete_file(REPOSITORY, PATH).unwrap();
        it
    }),
    ("another role", "evaluation", &["subject", "did not match"], |it| {
        let mut workload = it.sandbox.lambda();
        workload.subject += "-2";
        it.sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "write")]).unwrap();
        it
    }),
    ("the App is not installed", "exchange", &["install the Octo STS GitHub App on acme"], |it| {
        it.sandbox.github.uninstall("acme");
        it
    }),
    ("too little", "permissions", &["the policy gives: issues: read"], |it| {
        it.sandbox.admit(REPOSITORY, "alarms", &it.sandbox.lambda(), &[("issues", "read")]).unwrap();
        it
    }),
    ("GitHub out of reach", "github", &["could not be reached"], |it| {
        it.set("GATEPASS_GITHUB_API_URL", "http://127.0.0.1:1")
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_link_that_is_broken_is_named_and_no_other() {
    for (what, link, words, broken) in ROWS {
        let stand = broken(Stand::new().await);
        let (code, examination) = stand.examine(&["--from", "aws"]).await;
        assert_eq!(named(&examination, "wrong"), [*link], "{what}: {examination:#}");
        assert_eq!((code, &examination["healthy"]), (Some(1), &json!(false)), "{what}");
        for word in *words {
            assert!(examination.to_string().contains(word), "{what}: {word:?} is not in {examination:#}");
        }
        let writes = stand.sandbox.github.writes();
        assert!(writes.iter().all(|hop| hop.path == "/installation/token"), "{what}: {writes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_is_well_nothing_is_wrong_on_any_cloud() {
    let stand = Stand::new().await;
    let (code, examination) = stand.examine(&[]).await;
    assert_eq!(code, Some(0), "{examination:#}");
    assert_eq!(named(&examination, "ok").len(), 12, "{examination:#}");
    assert_eq!(
        named(&examination, "skipped"),
        ["webhook_secret", "queue"],
        "only the workload can tell: {examination:#}"
    );
    assert!(stand.sandbox.github.tokens().iter().all(|token| token.revoked));
    let run = stand.run(&["doctor"]).await.ended(0);
    assert!(
        run.out.starts_with("ok        configuration\n") && run.out.ends_with("\nno link is broken\n"),
        "{}",
        run.out
    );

    stand.write("gatepass.yaml", CALLED);
    let Stand { sandbox, directory, .. } = stand;
    for (from, workload, mut variables) in [
        ("gcp", sandbox.cloud_run(), sandbox.identity.gcp.env()),
        ("azure", sandbox.azure_function(), sandbox.identity.azure.env_functions()),
    ] {
        sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "write")]).unwrap();
        variables.extend(sandbox.env());
        let arguments = ["doctor", "--from", from].map(str::to_owned).to_vec();
        let path = directory.path().to_owned();
        let run = tokio::task::spawn_blocking(move || start(&path, variables, &arguments)).await.unwrap();
        run.ended(0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_a_file_is_examined_in_place_of_a_live_one() {
    let stand = Stand::new().await;
    let aws = &stand.sandbox.identity.aws;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = |end: u64| json!({ "iss": aws.issuer().url(), "sub": aws.subject(), "aud": "octo-sts.dev", "iat": now - 600, "exp": end });
    for (token, wrong, words) in [
        (aws.issuer().mint(&claims(now + 300)), None, "no link is broken"),
        (aws.issuer().mint(&claims(now - 60)), Some("token"), "the token expired"),
        ("not a token".to_owned(), Some("token"), "mend: write the token and nothing else into it"),
    ] {
        let file = stand.write("token.jwt", &token);
        let arguments = ["doctor", "--token", file.to_str().unwrap()];
        let run = stand.run(&arguments).await.ended(i32::from(wrong.is_some()));
        assert!(run.out.contains(words), "{}", run.out);
        if let Some(wrong) = wrong {
            assert!(run.out.contains(&format!("1 link is broken: {wrong}")), "{}", run.out);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_policy_is_read_with_ones_own_token_or_from_a_file() {
    let stand = Stand::new().await;
    stand.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Private).unwrap();
    let (code, examination) = stand.examine(&[]).await;
    assert_eq!(
        (code, named(&examination, "skipped")[0].as_str()),
        (Some(0), "evaluation"),
        "{examination:#}"
    );

    let text = stand.sandbox.github.file(REPOSITORY, PATH).unwrap();
    let file = stand.write("alarms.sts.yaml", str::from_utf8(&text).unwrap());
    let (_, examination) = stand.examine(&["--policy", file.to_str().unwrap()]).await;
    assert_eq!(named(&examination, "ok").len(), 12, "{examination:#}");

    // It admits this workload, and everybody else.
    let wide = str::from_utf8(&text).unwrap().lines().map(|line| match line.starts_with("subject:") {
        true => "subject_pattern: .*",
        false => line,
    });
    let wide = stand.write("wide.yaml", &wide.collect::<Vec<_>>().join("\n"));
    let (code, examination) = stand.examine(&["--policy", wide.to_str().unwrap()]).await;
    assert_eq!(
        (code, named(&examination, "doubtful")),
        (Some(0), vec!["policy".to_owned()]),
        "{examination:#}"
    );
    assert!(examination.to_string().contains("GP040 at line"), "{examination:#}");
    let empty = stand.write("empty.yaml", "");
    let (code, examination) = stand.examine(&["--policy", empty.to_str().unwrap()]).await;
    assert_eq!((code, named(&examination, "wrong")), (Some(1), vec!["policy".to_owned()]), "{examination:#}");
    let found = examination.to_string();
    assert!(found.contains("(read from ") && found.contains("empty.yaml):1:1"), "{examination:#}");

    // The one for github.com is not sent to another host, whatever the file says.
    let own = stand.sandbox.github.mint_for(REPOSITORY, &[("contents", "read")]).unwrap();
    let stand = stand.set("GH_TOKEN", &own);
    let (_, examination) = stand.examine(&[]).await;
    assert_eq!(named(&examination, "skipped")[0], "evaluation", "{examination:#}");
    let stand = stand.set("GH_ENTERPRISE_TOKEN", "spent");
    let (code, examination) = stand.examine(&[]).await;
    assert_eq!(code, Some(0), "{examination:#}");
    assert!(examination.to_string().contains("has expired, or is revoked"), "{examination:#}");
    let mut stand = stand.set("GH_ENTERPRISE_TOKEN", &own);
    let (_, examination) = stand.examine(&[]).await;
    assert_eq!(named(&examination, "ok").len(), 12, "{examination:#}");

    // Nor is any sent to a host that only the file names.
    let url = stand.variables.remove("GATEPASS_GITHUB_API_URL").unwrap();
    stand.write("gatepass.yaml", &format!("{CONFIG}github: {{ api_url: \"{url}\" }}\n"));
    let (_, examination) = stand.examine(&[]).await;
    assert_eq!(named(&examination, "skipped")[0], "evaluation", "{examination:#}");
    let (_, examination) = stand.set("GH_HOST", "127.0.0.1").examine(&[]).await;
    assert_eq!(named(&examination, "ok").len(), 12, "{examination:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_identity_the_rest_is_examined() {
    let mut stand = Stand::new().await;
    stand.variables = stand.sandbox.env();
    let (code, examination) = stand.examine(&[]).await;
    assert_eq!((code, named(&examination, "wrong").len()), (Some(0), 0), "{examination:#}");
    assert_eq!(
        named(&examination, "ok"),
        ["configuration", "clock", "octo_sts", "policy", "permissions", "github"]
    );
    assert!(examination.to_string().contains("say it with --from"), "{examination:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_broken_is_told_at_once() {
    let stand = Stand::new().await.set("GATEPASS_STS_URL", "http://127.0.0.1:1");
    stand.sandbox.identity.azure.assign(Assigned::None);
    stand.sandbox.github.faults().inject(Fault::on_any("/rate_limit").html().always());
    stand.write("gatepass.yaml", &CONFIG.replace("title: x", "title: \"{{ x\""));
    let variables = stand.sandbox.identity.azure.env_functions();
    let stand = variables.iter().fold(stand, |stand, (name, value)| stand.set(name, value));
    let (code, examination) = stand.examine(&["--from", "azure"]).await;
    assert_eq!(
        (code, named(&examination, "wrong")),
        (Some(1), ["configuration", "token", "octo_sts", "github"].map(str::to_owned).to_vec()),
        "{examination:#}"
    );
    for usage in [
        &["doctor", "--from", "mars"][..],
        &["doctor", "--job", "Not A Job"],
        &["doctor", "--token", "x", "--from", "aws"],
    ] {
        stand.run(usage).await.ended(2);
    }
    let run = stand.run(&["doctor", "--policy", "nowhere.yaml"]).await.ended(1);
    assert!(run.err.contains("nowhere.yaml cannot be read"), "{}", run.err);
}
