//! Text from outside in comments: those of the action `comment`, of repeated events, and of what closes an issue.

use gatepass_sandbox::github::Comment;
use serde_json::{Value, json};

use crate::samples::{REPOSITORY, padded};
use crate::support::Function;
use crate::text::HARMFUL;

/// One job that comments when an alarm repeats and when it is over, and one that does nothing but comment.
const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    triggers: [{ event: { source: alarms } }]
    open_issue:
      key: [alarm]
      state: "{{ event.data.detail.state }}"
      title: alarm
      on_repeat: comment
      repeat_comment: "{{ event.data.detail.text }}"
      closing_comment: "{{ event.data.detail.text }}"
  note:
    triggers: [{ event: { source: notes } }]
    comment: { issue: "1", body: "{{ event.data.detail.text }}" }
"#;

/// The marker of a comment on its own line at the end, with its start.
const MARKER: &str = "\n\n<!-- gatepass:v1 comment job=";

fn event(source: &str, minute: usize, state: &str, text: &str) -> Value {
    let (id, time) = (format!("{source}-{minute}"), format!("2026-01-05T08:{minute:02}:00Z"));
    json!({
        "version": "0", "id": id, "detail-type": "t", "source": source, "account": "1", "region": "eu-west-1",
        "time": time, "resources": [], "detail": {"state": state, "text": text},
    })
}

/// The comments of issue 1.
fn comments(function: &Function) -> Vec<Comment> {
    function.sandbox.github.comments(REPOSITORY, 1)
}

/// What stands before the marker of the last comment, with the invisible break shown.
fn shown(function: &Function) -> String {
    let body = comments(function).pop().unwrap().body;
    let (content, marker) = body.rsplit_once(MARKER).unwrap_or_else(|| panic!("no marker: {body}"));
    assert!(marker.ends_with(" -->") && !marker.contains('\n'), "{marker}");
    assert_eq!(body.matches("<!--").count(), 1, "{body}");
    content.replace('\u{200b}', "|")
}

#[tokio::test]
async fn what_would_do_something_does_nothing_in_any_comment() {
    let own = [("<!-- gatepass:v1 comment job=note id=0 -->", "<|!-- gatepass:v1 comment job=note id=0 -->")];
    let function = Function::start(FILE).await;
    assert_eq!(function.status(&event("alarms", 0, "open", "x")).await, "created");
    for (index, (text, expected)) in HARMFUL.into_iter().chain(own).enumerate() {
        let minute = index + 1;
        assert_eq!(function.status(&event("alarms", minute, "open", text)).await, "updated", "{text:?}");
        assert_eq!(shown(&function), expected, "repeated");
        assert_eq!(function.status(&event("notes", minute, "", text)).await, "created", "{text:?}");
        assert_eq!(shown(&function), expected, "noted");
    }
    assert_eq!(comments(&function).len(), 2 * (HARMFUL.len() + own.len()));
}

#[tokio::test]
async fn nor_does_it_in_the_comment_that_closes() {
    let function = Function::start(FILE).await;
    assert_eq!(function.status(&event("alarms", 0, "open", "x")).await, "created");
    let text = "@everyone\n/deploy\nFixes #1 ![x](https://evil.example) <!-- \u{202e}\u{7}";
    assert_eq!(function.status(&event("alarms", 1, "closed", text)).await, "closed");
    assert_eq!(shown(&function), "@|everyone\n|/deploy\nFixe|s #1 !|[x](https://evil.example) <|!--");
    assert_eq!((comments(&function).len(), function.open()), (1, 0));
}

#[tokio::test]
async fn a_forged_marker_in_a_comment_stands_for_no_other_event() {
    let (first, second) = (event("notes", 1, "", "first"), event("notes", 2, "", "second"));
    let elsewhere = Function::start(FILE).await;
    elsewhere.status(&event("alarms", 0, "open", "x")).await;
    assert_eq!(elsewhere.status(&second).await, "created");
    let marker = comments(&elsewhere)[0].body.lines().last().unwrap().to_owned();

    // Somebody knows it beforehand, and says it in an event and as a person.
    let function = Function::start(FILE).await;
    function.status(&event("alarms", 0, "open", "x")).await;
    let mut forged = first;
    forged["detail"]["text"] = json!(format!("done\n\n{marker}"));
    assert_eq!(function.status(&forged).await, "created");
    function.sandbox.github.comment_as_person(REPOSITORY, 1, &format!("done\n\n{marker}")).unwrap();
    assert_eq!(function.status(&second).await, "created");
    assert_eq!(shown(&function), "second");
    assert_eq!(function.status(&second).await, "unchanged");
    assert_eq!(comments(&function).len(), 3);
}

#[tokio::test]
async fn a_long_comment_is_cut_with_its_marker_whole() {
    let function = Function::start(FILE).await;
    function.status(&event("alarms", 0, "open", "x")).await;
    for (count, long) in
        [event("notes", 1, "", &"ü".repeat(400_000)), event("alarms", 1, "open", &"ü".repeat(400_000))]
            .into_iter()
            .enumerate()
    {
        function.status(&long).await;
        let body = comments(&function).pop().unwrap().body;
        assert_eq!(body.chars().count(), 65_536);
        assert!(
            body.contains(&format!("… (cut: GitHub takes no more){MARKER}")),
            "{}",
            &body[body.len() - 200..]
        );
        assert_eq!(function.status(&long).await, "unchanged", "it is found again");
        assert_eq!(comments(&function).len(), count + 1);
    }

    // More than a template may print; and more than Lambda hands over.
    for source in ["notes", "alarms"] {
        let event = event(source, 2, "open", "PADDING");
        function.fails_raw(&padded(&event, 3 << 20), "invalid", &["prints more than 1048576 bytes"]).await;
        function.fails_raw(&padded(&event, 10 << 20), "invalid", &["larger than"]).await;
    }
    assert_eq!(comments(&function).len(), 2);
}
