//! `gatepass-gcp doctor`, and `POST /doctor` for callers who may see details.

use gatepass_sandbox::Workload;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Visibility;
use gatepass_sandbox::hosts::{Child, HttpCall};
use gatepass_sandbox::pubsub::PubSub;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, REPOSITORY, SCHEDULED, Service, Setup, TICK, assert_problem, bearer, post};

const PATH: &str = ".github/chainguard/ops.sts.yaml";
const TOPIC: &str = "projects/acme-sandbox/topics/gatepass";
const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default";

/// A service with a queue, whose trust policy can be read by everybody.
struct Stand {
    setup: Setup,
    pubsub: PubSub,
}

impl Stand {
    async fn new() -> Self {
        let setup = Setup::new().await;
        setup.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Public).unwrap();
        let pubsub = PubSub::start(&setup.sandbox.identity.gcp, setup.sandbox.trace.clone()).await.unwrap();
        pubsub.create_topic(TOPIC);
        let setup = pubsub.env().into_iter().fold(setup, |setup, (name, value)| setup.env(&name, value));
        Self { setup: setup.env("GATEPASS_QUEUE", TOPIC), pubsub }
    }

    fn env(self, name: &str, value: &str) -> Self {
        Self { setup: self.setup.env(name, value), ..self }
    }

    fn metadata(self, fault: Fault) -> Self {
        self.setup.sandbox.identity.gcp.metadata.faults().inject(fault.always());
        self
    }

    fn other(self, change: impl FnOnce(&mut Workload)) -> Self {
        let mut workload = self.setup.sandbox.cloud_run();
        change(&mut workload);
        self.setup.sandbox.admit(REPOSITORY, "ops", &workload, &[("issues", "write")]).unwrap();
        self
    }

    fn policy(self, change: impl FnOnce(String) -> String) -> Self {
        let github = &self.setup.sandbox.github;
        let text = String::from_utf8(github.file(REPOSITORY, PATH).unwrap()).unwrap();
        github.put_file(REPOSITORY, PATH, change(text)).unwrap();
        self
    }

    async fn examine(&self) -> (Option<i32>, Value) {
        let program = self.setup.program(&format!("{SCHEDULED}{TICK}")).arg("doctor").arg("--json");
        let child = Child::spawn(&program).unwrap();
        let code = child.exit().await.unwrap().code();
        (
            code,
            serde_json::from_str(&child.text()).unwrap_or_else(|error| panic!("{error}\n{}", child.text())),
        )
    }
}

fn named(examination: &Value, state: &str) -> Vec<String> {
    let links = examination["links"].as_array().unwrap();
    let links = links.iter().filter(|link| link["state"] == state);
    links.map(|link| link["link"].as_str().unwrap().to_owned()).collect()
}

/// What is broken, which link that is, what is said of it, and how it is broken.
type Row = (&'static str, &'static str, &'static [&'static str], fn(Stand) -> Stand);

const ROWS: &[Row] = &[
    (
        "no metadata server",
        "identity",
        &["could not be reached", "set id_token.google.service_account"],
        |it| it.env("GCE_METADATA_HOST", "127.0.0.1:1"),
    ),
    (
        "no service account",
        "identity",
        &["answered 404", "does this workload run as a service account?"],
        |it| it.metadata(Fault::on_any(ACCOUNT).status(404)),
    ),
    ("a portal", "identity", &["has no `Metadata-Flavor: Google`"], |it| {
        it.metadata(Fault::on_any(ACCOUNT).html())
    }),
    ("no token", "token", &["answered 404", "does this workload run as a service account?"], |it| {
        it.metadata(
            Fault::on_any(&format!("{ACCOUNT}/identity")).status(404).header("metadata-flavor", "Google"),
        )
    }),
    ("another service account", "evaluation", &["subject", "did not match"], |it| {
        it.other(|workload| workload.subject = "107691500000000000001".into())
    }),
    ("the e-mail address as the subject", "evaluation", &["subject", "did not match"], |it| {
        it.policy(|text| {
            let lines = text.lines().map(|line| match line.starts_with("subject") {
                true => "subject: \"gatepass-run@acme-sandbox.iam.gserviceaccount.com\"",
                false => line,
            });
            lines.collect::<Vec<_>>().join("\n")
        })
    }),
    ("a number without quotes", "evaluation", &["subject", "did not match", "e+20"], |it| {
        it.policy(|text| {
            let unquoted = text.lines().map(|line| match line.strip_prefix("subject: ") {
                Some(subject) => format!("subject: {}", subject.trim_matches('"')),
                None => line.to_owned(),
            });
            unquoted.collect::<Vec<_>>().join("\n")
        })
    }),
    ("an issuer with a slash", "evaluation", &["issuer", "did not match"], |it| {
        it.other(|workload| workload.issuer += "/")
    }),
    (
        "no trust policy",
        "policy",
        &["finds no .github/chainguard/ops.sts.yaml in acme/operations", "commit"],
        |it| {
            it.setup.sandbox.github.delete_file(REPOSITORY, PATH).unwrap();
            it
        },
    ),
    ("Octo STS out of reach", "octo_sts", &["could not be reached"], |it| {
        it.env("GATEPASS_STS_URL", "http://127.0.0.1:1")
    }),
    ("no right to publish", "queue", &["may not publish", "roles/pubsub.publisher"], |it| {
        it.pubsub.deny_publishing(true);
        it
    }),
    ("no such topic", "queue", &["may not publish", "create it"], |it| {
        it.env("GATEPASS_QUEUE", "projects/acme-sandbox/topics/another")
    }),
    ("no name of a topic", "queue", &["is no topic", "projects/PROJECT/topics/TOPIC"], |it| {
        it.env("GATEPASS_QUEUE", "gatepass")
    }),
];

#[tokio::test]
async fn every_link_that_is_broken_is_named_and_no_other() {
    for (what, link, words, broken) in ROWS {
        let stand = broken(Stand::new().await);
        let (code, examination) = stand.examine().await;
        assert_eq!(named(&examination, "wrong"), [*link], "{what}: {examination:#}");
        assert_eq!((code, &examination["healthy"]), (Some(1), &json!(false)), "{what}");
        let wrong =
            examination["links"].as_array().unwrap().iter().find(|it| it["state"] == "wrong").unwrap();
        for word in *words {
            assert!(wrong.to_string().contains(word), "{what}: {word:?} is not in {wrong:#}");
        }
        assert!(wrong["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{what}: {wrong}");
        assert!(stand.setup.sandbox.github.tokens().iter().all(|token| token.revoked), "{what}");
        assert!(stand.pubsub.messages(TOPIC).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn when_all_is_well_no_link_is_wrong() {
    let stand = Stand::new().await;
    let (code, examination) = stand.examine().await;
    assert_eq!(code, Some(0), "{examination:#}");
    assert_eq!(named(&examination, "ok").len(), 13, "{examination:#}");
    assert_eq!(named(&examination, "skipped"), ["webhook_secret"], "{examination:#}");
    let writes = stand.setup.sandbox.github.writes();
    assert_eq!(writes.iter().map(|hop| hop.path.as_str()).collect::<Vec<_>>(), ["/installation/token"]);
}

/// A file in which the scheduler may see details, and another caller may not.
fn config(details: bool) -> String {
    let other = "  other:\n    oidc: { issuer: ISSUER, audience: [https://other.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }\n";
    let may = format!("    may_send: [schedule, http]\n    details: {details}\n{other}");
    format!("{SCHEDULED}{TICK}").replace("    may_send: [schedule, http]\n", &may)
}

async fn service(details: bool) -> Service {
    Setup::new().await.start(&config(details)).await
}

fn doctor(body: &str) -> HttpCall {
    post("/doctor").body(body)
}

#[tokio::test]
async fn a_caller_who_may_see_details_may_have_it_examined() {
    let service = service(true).await;
    for body in ["", "{}", "{\"doctor\":true}", "{\"doctor\":true,\"job\":\"tick\"}"] {
        let answer = service.send_as_scheduler(doctor(body)).await;
        assert_eq!(
            (answer.status, &answer.json()["healthy"]),
            (200, &json!(true)),
            "{body}: {}",
            answer.text()
        );
    }
    assert_eq!(service.sandbox.github.issues(REPOSITORY).len(), 0);
    service.sandbox.github.delete_file(REPOSITORY, PATH).unwrap();
    let answer = service.send_as_scheduler(doctor("")).await;
    assert_eq!(named(&answer.json(), "wrong"), ["policy"], "{}", answer.text());

    for (body, status) in
        [("x", 422), ("{\"doctor\":false}", 422), ("{\"task\":1}", 422), ("{\"job\":\"nope\"}", 404)]
    {
        assert_problem(&service.send_as_scheduler(doctor(body)).await, status, "invalid", &[]);
    }
}

#[tokio::test]
async fn nobody_else_may() {
    let service = service(true).await;
    let stranger = service.send(doctor("")).await;
    assert_problem(&stranger, 401, "untrusted", &["Authorization: Bearer"]);
    let token = service.sandbox.identity.gcp.mint_scheduler_token("https://other.example.com");
    let answer = service.send(bearer(doctor(""), &token)).await;
    assert_problem(&answer, 403, "untrusted", &["the caller other may not", "`details: true`"]);
    service.assert_untouched("neither of them");
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let get = HttpCall::new(axum::http::Method::GET, "/doctor");
    assert_problem(&service.send(bearer(get, &token)).await, 405, "invalid", &[]);
}

#[tokio::test]
async fn without_anybody_who_may_there_is_no_such_path() {
    let service = service(false).await;
    for path in ["/doctor", "/dentist"] {
        let answer = service.send_as_scheduler(post(path)).await;
        assert_problem(&answer, 404, "invalid", &["there is nothing at", "the routes are"]);
    }
    service.assert_untouched("no such path");
}

#[tokio::test]
async fn one_examination_is_made_at_a_time_and_to_its_end() {
    let service = service(true).await;
    let hanging = service.sandbox.octo_sts.faults().inject(Fault::on_any("/sts/exchange").hang());
    let first = service.send_as_scheduler(doctor(""));
    let second = async {
        hanging.hangs().await;
        service.send_as_scheduler(doctor("")).await
    };
    tokio::select! {
        answer = first => panic!("{}", answer.text()),
        answer = second => assert_problem(&answer, 503, "deferred", &["another examination is under way"]),
    }
    // Whoever asked first has hung up.
    assert_problem(&service.send_as_scheduler(doctor("")).await, 503, "deferred", &["under way"]);
}
