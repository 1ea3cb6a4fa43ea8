//! Texts that get far: made of the words that their readers know.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Words one after the other.
fn words(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(words), 0..most).prop_map(|words| words.concat())
}

/// Something like a file.
pub(crate) fn file() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "version: 1\n",
        "defaults",
        "callers",
        "jobs",
        "sts",
        "github",
        "vars",
        "a",
        "b:\n",
        "    ",
        "  ",
        ": ",
        "\n",
        "{ ",
        " }",
        "[",
        "]",
        ", ",
        "triggers",
        "schedule",
        "event",
        "webhook",
        "http",
        "cron",
        "'0 2 * * *'",
        "caller",
        "oidc",
        "sns",
        "host",
        "source",
        "repository",
        "acme/site",
        "open_issue",
        "comment",
        "dispatch_workflow",
        "key",
        "title",
        "'{{ event.data }}'",
        "&x",
        "*x",
        "<<",
        "~",
        "1",
        "!!str ",
        "\u{feff}",
        "---\n",
    ];
    words(WORDS, 60)
}

const FILE: &str = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
vars: [TEAM]
callers:
  scheduler: { oidc: { issuer: https://accounts.google.com, audience: [https://x.example], email: a@b.example }, may_send: [schedule, s] }
  console: { host: true }
jobs:
  alarm:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch, type: Alarm } }, { schedule: { cron: "0 2 * * *", timezone: Europe/Berlin, caller: scheduler } }]
    if: event.data.state != "OK"
    read: { pulls: "pulls?state=open" }
    open_issue: { key: ["{{ event.data.a }}"], title: "{{ vars.TEAM }}", body: "{{ pulls | length }}", labels: [a], reopen_within: 7d, max_open: 50 }
  deploy:
    triggers: [{ webhook: { signature: github, events: [release.published], secrets: [{ env: SECRET }] } }]
    repository: acme/site
    dispatch_workflow: { workflow: deploy.yml, ref: main, inputs: { version: { value: "{{ event.data.tag }}", pattern: 'v\d+' } } }
"#;

/// A right file with one thing wrong: a piece of it is left out, comes twice, or is something else.
pub(crate) fn nearly_a_file() -> impl Strategy<Value = String> {
    let piece = (any::<prop::sample::Index>(), 0_usize..40);
    let other = prop_oneof![
        Just(String::new()),
        any::<String>(),
        select(vec![
            ": ",
            "\n",
            "{",
            "[",
            "'",
            "\"",
            "~",
            "1",
            "a/b",
            "{{",
            "{%",
            "-1",
            "99999999999999999999",
            "\0"
        ])
        .prop_map(str::to_owned),
    ];
    (piece, other, any::<bool>()).prop_map(|((from, length), other, twice)| {
        // The file is ASCII.
        let from = from.index(FILE.len());
        let to = (from + length).min(FILE.len());
        let other = if twice { FILE[from..to].repeat(2) } else { other };
        format!("{}{other}{}", &FILE[..from], &FILE[to..])
    })
}

const EXPRESSION: &[&str] = &[
    "event",
    ".data",
    ".text",
    ".number",
    ".list",
    ".object",
    ".none",
    ".missing",
    "[0]",
    "[event.data.text]",
    "['text']",
    "(",
    ")",
    "[",
    "]",
    ", ",
    " | ",
    "upper",
    "int",
    "float",
    "length",
    "join",
    "map(event.data.text)",
    "select(event.data.text)",
    "selectattr('text', event.data.text)",
    "map(attribute=event.data.text)",
    "map(attribute='text')",
    "tojson",
    "trusted",
    "default(1)",
    "first",
    "items",
    "dictsort",
    "batch(0)",
    "slice(0)",
    "indent(99)",
    "round(99)",
    "replace('x', event.data.text)",
    "split('')",
    "sum",
    "max",
    " ~ ",
    " + ",
    " - ",
    " * ",
    " / ",
    " // ",
    " % ",
    " ** ",
    " in ",
    " is ",
    "defined",
    "divisibleby(0)",
    "startingwith(1)",
    " and ",
    " not ",
    " or ",
    " if ",
    " else ",
    " == ",
    " < ",
    "1",
    "0",
    "'a'",
    "range(9)",
    "dict(a=1)",
    "namespace()",
    "event.data.text()",
    "event.data.text.upper()",
    "event.data.object[event.data.text]()",
    "vars",
    "loop",
];

/// Something like an expression.
pub(crate) fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        words(EXPRESSION, 12),
        (words(EXPRESSION, 4), select(EXPRESSION))
            .prop_map(|(words, last)| format!("event.data.text{words} | {last}")),
        select(EXPRESSION).prop_map(|last| format!("event.data.text | {last}")),
        select(EXPRESSION).prop_map(|last| format!("event.data.list | {last}")),
    ]
}

/// Something like a template.
pub(crate) fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        expression().prop_map(|text| format!("{{{{ {text} }}}}")),
        expression().prop_map(|text| format!("{{% if {text} %}}")),
        expression().prop_map(|text| format!("{{% for x in {text} %}}{{{{ x }}}}")),
        expression().prop_map(|text| format!("{{% set x = {text} %}}")),
        expression().prop_map(|text| format!("{{% include {text} %}}")),
        select(vec![
            "{% endif %}",
            "{% endfor %}",
            "{% macro m(a) %}",
            "{% endmacro %}",
            "{{ m(event.data.text) }}",
            "{% call m() %}",
            "{# ",
            " #}",
            "{% raw %}",
            "{% endraw %}",
            "{%- ",
            "-%}",
            "{% filter upper %}",
            "{% endfilter %}",
            "{% block b %}",
            "{% endblock %}",
            "{% extends event.data.text %}",
            "{% import event.data.text as x %}",
            "<!--",
            "@all",
            "{{",
            "}}",
            "\n",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// Headers that may hold signatures, a line each.
pub(crate) fn signatures() -> impl Strategy<Value = String> {
    let names = [
        "x-hub-signature-256",
        "x-hub-signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-signature",
    ];
    let value = r"(sha256=|v0=|v1,|v1a,)?([0-9a-f]{64}|[A-Za-z0-9+/]{43}=|[0-9]{1,11}|[ -~]{0,70})( v1,[A-Za-z0-9+/]{43}=)?";
    let lines = prop::collection::vec((select(names.to_vec()), value), 0..6);
    lines.prop_map(|lines| lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

/// A request that may be CloudEvents in one of the three modes.
pub(crate) fn cloudevents() -> impl Strategy<Value = Vec<u8>> {
    const HEADERS: &[&str] = &[
        "content-type: application/cloudevents+json\n",
        "content-type: application/cloudevents-batch+json\n",
        "content-type: application/json\n",
        "content-type: text/plain\n",
        "ce-specversion: 1.0\n",
        "ce-specversion: 0.3\n",
        "ce-id: 1\n",
        "ce-id: \u{e9}\n",
        "ce-source: s\n",
        "ce-type: t\n",
        "ce-time: 2026-11-20T09:00:00Z\n",
        "ce-time: now\n",
        "ce-subject: %C3%A9\n",
        "ce-subject: %FF\n",
        "ce-: x\n",
    ];
    const BODY: &[&str] = &[
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"specversion\"",
        "\"1.0\"",
        "\"id\"",
        "\"source\"",
        "\"type\"",
        "\"time\"",
        "\"2026-11-20T09:00:00Z\"",
        "\"data\"",
        "\"data_base64\"",
        "\"e30=\"",
        "\"xyzzy\"",
        "null",
        "7",
        "{}",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":\"xyzzy\"}",
    ];
    (words(HEADERS, 7), words(BODY, 20)).prop_map(|(head, body)| format!("{head}\n{body}").into_bytes())
}

/// Something like a hand-off.
pub(crate) fn hand_off(any: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let fields = ["job", "repository", "not_before", "deferrals", "event", "more"];
    (select(fields.to_vec()), select(vec!["id", "source", "type", "time", "subject", "attributes", "data"]), any.clone(), any)
        .prop_map(|(field, part, other, piece)| {
            let event = json!({ "id": "1", "source": "s", "type": "t", "time": "2026-11-20T09:00:00Z", "data": null });
            let mut hand_off = json!({ "job": "j", "deferrals": 0, "event": event });
            hand_off["event"][part] = piece;
            if field != "event" {
                hand_off[field] = other;
            }
            hand_off
        })
}
