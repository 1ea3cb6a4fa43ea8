//! Identity endpoints that are away, broken or slow: known within five seconds. One test, so that the waits pass side by
//! side.

use std::time::{Duration, Instant};

use gatepass_sandbox::faults::Fault;

use crate::support::{HOSTED, Setup, TICK, assert_problem};

/// An identity endpoint has five seconds.
const PATIENCE: Duration = Duration::from_secs(9);

#[tokio::test]
async fn nobody_is_waited_for_longer_than_there_is_time() {
    let on = || Fault::on_any("/").always();
    tokio::join!(
        fails(false, on().hang(), 503, "Azure's identity endpoint"),
        fails(true, on().hang(), 503, "Azure's identity endpoint"),
        fails(false, on().status(500).body("boom"), 503, "answered 500: \"boom\""),
        fails(true, on().status(503).body("boom"), 503, "answered 503: \"boom\""),
        fails(true, on().status(429), 503, "answered 429"),
        // IMDS while it is being updated.
        fails(true, on().status(404), 503, "answered 404"),
        fails(true, on().status(410), 503, "answered 410"),
        fails(false, on().reset(), 503, "broke off"),
        fails(true, on().reset(), 503, "broke off"),
        absent(false),
        absent(true),
    );
}

async fn fails(imds: bool, fault: Fault, code: u16, words: &str) {
    let setup = Setup::new().await;
    let azure = &setup.sandbox.identity.azure;
    let faults = if imds { azure.imds.faults() } else { azure.functions.faults() }.clone();
    faults.inject(fault);
    let setup = if imds { setup.with_imds() } else { setup };
    let function = setup.start(&format!("{HOSTED}{TICK}")).await;
    let started = Instant::now();
    let (status, problem) = function.failed_tick("tick").await;
    assert!(started.elapsed() < PATIENCE, "{words}: {:?}", started.elapsed());
    assert_eq!(status, code, "{problem}");
    assert_problem(&problem, code, "deferred", &["Azure's identity endpoint", words]);
    assert!(!function.hops().contains(&"octo-sts"));
    // Nothing is lost: it has passed when the timer ticks again.
    faults.clear();
    let invoked = function.tick("tick").await.unwrap();
    assert!(invoked.logs[0].starts_with("tick: created"), "{invoked:?}");
}

async fn absent(imds: bool) {
    let setup = Setup::new().await;
    let setup = match imds {
        true => setup.with_imds().env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1"),
        false => setup.env("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token"),
    };
    let function = setup.start(&format!("{HOSTED}{TICK}")).await;
    let started = Instant::now();
    let (_, problem) = function.failed_tick("tick").await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    let words = ["could not be reached", "assign a managed identity to this function or container"];
    assert_problem(&problem, 502, "refused", &words);
    function.assert_untouched("a function without identity");
}
