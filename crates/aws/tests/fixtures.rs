//! Every fixture of the crate `aws_lambda_events`: what real services send, and what each must be taken for.

#![expect(clippy::indexing_slicing, reason = "a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use gatepass_aws::events::{Invocation, Kind, read};
use serde_json::Value;

/// `KIND NAME` a line, sorted by name. What is `other` is not taken.
const TABLE: &str = include_str!("fixtures.txt");

/// Where cargo keeps the crate's source, or `None` when cargo cannot say.
fn fixtures() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .current_dir(workspace)
        .output()
        .ok()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout).ok()?;
    let package =
        metadata["packages"].as_array()?.iter().find(|package| package["name"] == "aws_lambda_events")?;
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let directory = manifest.parent()?.join("src/fixtures");
    directory.is_dir().then_some(directory)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::LoadBalancer => "load-balancer",
        Kind::HttpV2 => "http-v2",
        Kind::HttpV1 => "http-v1",
        Kind::Sqs => "sqs",
        Kind::Sns => "sns",
        Kind::EventBridge => "eventbridge",
        Kind::Alarm => "alarm",
        Kind::Doctor => "doctor",
        Kind::Direct => "direct",
        Kind::Other(_) => "other",
    }
}

#[test]
fn every_fixture_is_taken_for_what_it_is() {
    let Some(directory) = fixtures() else {
        eprintln!("skipped: the source of aws_lambda_events has no fixtures here");
        return;
    };
    let expected: BTreeMap<&str, &str> =
        TABLE.lines().filter_map(|line| line.split_once(' ')).map(|(kind, name)| (name, kind)).collect();
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let Some(file) = path.file_name().and_then(|file| file.to_str()?.strip_suffix(".json")) else {
            continue;
        };
        // What stands for a topic in the documentation is no topic.
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("arn:aws:sns:EXAMPLE", "arn:aws:sns:us-east-1:123456789012:example");
        let kind = Kind::of(&serde_json::from_str(&text).unwrap());
        let kind = name(kind);
        assert_eq!(expected.get(file).copied(), Some(kind), "{file}");
        match (kind, read(&text)) {
            ("other", Err(failure)) => assert!(failure.message.contains("is not taken"), "{file}: {failure}"),
            ("http-v1" | "http-v2" | "load-balancer", Ok(Invocation::Http(_))) => {}
            // A message of a WebSocket API, which is in the form of a REST API's request and has no path.
            ("http-v1", Ok(Invocation::UnreadableHttp(http))) if file.contains("websocket") => {
                assert!(http.failure.message.contains("path"), "{file}");
            }
            ("sqs", Ok(Invocation::Batch(batch))) => assert!(!batch.messages.is_empty(), "{file}"),
            // Two at once, which SNS never hands over.
            ("sns", Err(failure)) if file.ends_with("multiple-metrics") => {
                assert!(failure.message.contains("one of 2"), "{file}: {failure}");
            }
            ("sns" | "eventbridge" | "alarm", Ok(Invocation::Delivery(delivery))) => {
                assert!(!delivery.event.id.is_empty() && !delivery.event.kind.is_empty(), "{file}");
            }
            (kind, read) => panic!("{file}: {kind} becomes {read:?}"),
        }
        seen.insert(file.to_owned());
    }
    let missing: Vec<&&str> = expected.keys().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "in the table and not in the crate: {missing:?}");
}
