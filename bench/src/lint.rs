//! Linting a thousand policies on one thread, beside reading the same files as YAML.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gatepass_policy::lint::{PolicyFile, Settings, lint};

use crate::policies::{Policy, policies};

/// How many policies.
const COUNT: usize = 1_000;

/// How often each is measured; what is shown is the median.
const ROUNDS: usize = 15;

/// Measures, and tells.
pub(crate) fn run() -> Vec<String> {
    let policies = policies(COUNT);
    let bytes: usize = policies.iter().map(|policy| policy.text.len()).sum();
    let findings = lint_all(&policies);
    // In turns, so that whatever else the machine does meets both.
    let (mut reading, mut linting) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        reading.push(timed(|| read_all(&policies)));
        linting.push(timed(|| lint_all(&policies)));
    }
    let (reading, linting) = (median(reading), median(linting));
    vec![
        format!("{COUNT} policies, {bytes} bytes, one thread, median of {ROUNDS} rounds"),
        format!("read as YAML  {:>9.2} ms", milliseconds(reading)),
        format!("lint          {:>9.2} ms   {findings} findings", milliseconds(linting)),
        format!("ratio         {:>9.2}", linting.as_secs_f64() / reading.as_secs_f64()),
    ]
}

fn read_all(policies: &[Policy]) -> usize {
    policies.iter().filter(|policy| gatepass_yaml::parse(black_box(&policy.text)).is_ok()).count()
}

fn lint_all(policies: &[Policy]) -> usize {
    let settings = Settings::default();
    let look = |policy: &Policy| {
        let file =
            PolicyFile { path: &policy.path, bytes: black_box(policy.text.as_bytes()), kind: policy.kind };
        lint(&file, &settings).len()
    };
    policies.iter().map(look).sum()
}

fn timed(work: impl FnOnce() -> usize) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
