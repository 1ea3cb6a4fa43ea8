//! The reader, over types shaped like a configuration.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test")]

use std::collections::BTreeMap;

use gatepass_yaml::{Path, Problem, parse, read};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    version: u32,
    jobs: BTreeMap<Name, Job>,
    #[serde(default)]
    defaults: Option<Defaults>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    repository: Option<String>,
    dry_run: bool,
    ratio: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Job {
    #[serde(default)]
    runs_on: Vec<Cloud>,
    triggers: Vec<Trigger>,
    open_issue: Option<OpenIssue>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Cloud {
    Aws,
    Gcp,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Trigger {
    Manual,
    Event(Event),
    Schedule { cron: String },
    Pair(u8, u8),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Event {
    source: String,
    r#type: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct OpenIssue {
    key: Vec<String>,
    title: String,
    body: Option<String>,
    max_open: Option<u8>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
        if valid { Ok(Self(text)) } else { Err(format!("`{text}` is not a name: use small letters")) }
    }
}

fn value<T: DeserializeOwned>(text: &str) -> T {
    let root = parse(text).unwrap().single().unwrap();
    read(&root).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[track_caller]
fn refused<T: DeserializeOwned>(text: &str, expected: &[&str]) {
    let root = parse(text).unwrap().single().unwrap();
    let problems: Vec<Problem> = read::<T>(&root).err().expect("it was taken");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn reads_a_whole_file() {
    let config: Config = value(
        "version: 1
defaults: {repository: acme/ops}
jobs:
  alarm:
    runs_on: [aws, gcp]
    triggers:
      - manual
      - event: {source: on, type: 0123}
      - schedule: {cron: 1.10}
      - pair: [1, 2]
      - manual:
    open_issue: {key: [no, yes, '', 'null'], title: 2026-11-20, body: ~, max_open: 3}
",
    );
    let job = &config.jobs[&Name("alarm".into())];
    assert_eq!(job.runs_on, [Cloud::Aws, Cloud::Gcp]);
    assert_eq!(
        job.triggers,
        [
            Trigger::Manual,
            Trigger::Event(Event { source: "on".into(), r#type: "0123".into() }),
            Trigger::Schedule { cron: "1.10".into() },
            Trigger::Pair(1, 2),
            Trigger::Manual,
        ]
    );
    let issue = job.open_issue.as_ref().unwrap();
    assert_eq!(issue.key, ["no", "yes", "", "null"]);
    assert_eq!((issue.title.as_str(), &issue.body, issue.max_open), ("2026-11-20", &None, Some(3)));
    let defaults = Defaults { repository: Some("acme/ops".into()), dry_run: false, ratio: 0.0 };
    assert_eq!(config.defaults, Some(defaults));
}

#[test]
fn reports_everything_at_once_in_the_order_of_the_text() {
    refused::<Config>(
        "version: one
defaults:
  dry_run: yes
  ratio: high
jobs:
  alarm:
    runs_on: [aws, asure, gcpp]
    triggers:
      - evnt: {source: a, type: b}
      - event: {source: a, typ: b}
      - schedule: {}
      - manual: 3
      - event
      - manul
      - pair: [1, 2, 3]
      - pair: [1, 300]
      - {event: {source: a, type: b}, manual: }
      - [x]
    open_issue: {titel: x, max_open: 256, key: nothing}
  Bad Name: {triggers: []}
  other:
    triggers: []
    open_issue: {}
  third:
surplus: 1
",
        &[
            "1:10: version: expected a whole number from 0 to 4294967295, found `one` (write it in decimal digits, \
             without quotes or leading zeros)",
            "3:12: defaults.dry_run: expected true or false, found `yes` (write true or false, without quotes)",
            "4:10: defaults.ratio: expected a number, found `high`",
            "7:20: jobs.alarm.runs_on[1]: unknown value `asure` (known here: `aws`, `gcp`)",
            "7:27: jobs.alarm.runs_on[2]: unknown value `gcpp` (did you mean `gcp`?)",
            "9:9: jobs.alarm.triggers[0].evnt: unknown key `evnt` (did you mean `event`?)",
            "10:28: jobs.alarm.triggers[1].event.typ: unknown key `typ` (did you mean `type`?)",
            "11:9: jobs.alarm.triggers[2].schedule: missing key `cron`",
            "12:17: jobs.alarm.triggers[3].manual: `manual` takes no value (write `manual` alone)",
            "13:9: jobs.alarm.triggers[4]: `event` needs a value (write `event: …`)",
            "14:9: jobs.alarm.triggers[5]: unknown value `manul` (did you mean `manual`?)",
            "15:15: jobs.alarm.triggers[6].pair: expected 2 elements, found 3",
            "16:19: jobs.alarm.triggers[7].pair[1]: expected a whole number from 0 to 255, found `300`",
            "17:9: jobs.alarm.triggers[8]: expected exactly one of the keys `manual`, `event`, `schedule`, `pair`, \
             found `event`, `manual` (give each a list item or a place of its own)",
            "18:9: jobs.alarm.triggers[9]: expected one of `manual`, `event`, `schedule`, `pair`, found a list",
            "19:18: jobs.alarm.open_issue.titel: unknown key `titel` (did you mean `title`?)",
            "19:38: jobs.alarm.open_issue.max_open: expected a whole number from 0 to 255, found `256`",
            "19:48: jobs.alarm.open_issue.key: expected a list, found `nothing`",
            "20:3: jobs[\"Bad Name\"]: `Bad Name` is not a name: use small letters",
            "23:5: jobs.other.open_issue: missing key `key`",
            "23:5: jobs.other.open_issue: missing key `title`",
            "24:3: jobs.third: expected a mapping, found nothing",
            "25:1: surplus: unknown key `surplus` (known here: `version`, `jobs`, `defaults`)",
        ],
    );
}

#[test]
fn the_root_itself_may_be_wrong() {
    refused::<Config>("", &["1:1: expected a mapping, found nothing"]);
    refused::<Config>("[1]", &["1:1: expected a mapping, found a list"]);
    refused::<Config>("{}", &["1:1: missing key `version`", "1:1: missing key `jobs`"]);
    refused::<Name>("X", &["1:1: `X` is not a name: use small letters"]);
    refused::<u8>(
        "{a: 1}",
        &["1:1: expected a whole number from 0 to 255, found a mapping (write it in decimal \
                               digits, without quotes or leading zeros)"],
    );
}

#[test]
fn one_cause_is_one_problem() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only refusals are looked at")]
    struct Policy {
        name: Name,
        other: Name,
        list: Vec<Name>,
        text: String,
    }
    // A wrong value is not also missing, however the type reacts to stand-ins.
    refused::<Policy>(
        "{name: X, other: y, list: [Z, a], text: }",
        &[
            "1:8: name: `X` is not a name: use small letters",
            "1:28: list[0]: `Z` is not a name: use small letters",
            "1:35: text: expected text, found nothing",
        ],
    );
    refused::<BTreeMap<String, Policy>>(
        "{a: {nmae: y, other: y, list: [], text: t}, b: {}}",
        &["1:6: a.nmae: unknown key `nmae` (did you mean `name`?)", "1:45: b: missing key `name`"],
    );

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "BTreeMap<String, u8>")]
    struct NotEmpty;
    impl TryFrom<BTreeMap<String, u8>> for NotEmpty {
        type Error = &'static str;
        fn try_from(map: BTreeMap<String, u8>) -> Result<Self, Self::Error> {
            if map.is_empty() { Err("it must not be empty") } else { Ok(Self) }
        }
    }
    refused::<Vec<NotEmpty>>(
        "[{a: x}, {}, {a: 1}]",
        &[
            "1:6: [0].a: expected a whole number from 0 to 255, found `x` (write it in decimal digits, without quotes or \
         leading zeros)",
            "1:10: [1]: it must not be empty",
        ],
    );
}

#[test]
fn text_is_never_a_null_and_options_are() {
    assert_eq!(value::<Vec<Option<String>>>("[~, null, 'null']"), [None, None, Some("null".into())]);
    assert_eq!(value::<Option<u8>>(""), None);
    refused::<Vec<String>>(
        "- ~\n- null\n-\n- x\n- [a]\n- {a: b}\n",
        &[
            "1:3: [0]: expected text, found nothing (quote it to mean the word)",
            "2:3: [1]: expected text, found nothing (quote it to mean the word)",
            "3:2: [2]: expected text, found nothing",
            "5:3: [4]: expected text, found a list",
            "6:3: [5]: expected text, found a mapping",
        ],
    );
}

#[test]
fn typed_scalars_are_strict() {
    for text in ["True", "yes", "no", "on", "off", "'true'", "1", "~"] {
        let root = parse(text).unwrap().first();
        assert_eq!(
            read::<bool>(&root).unwrap_err()[0].help.as_deref(),
            Some("write true or false, without quotes")
        );
    }
    for text in ["0x10", "0o7", "007", "1.0", "1e3", "1_000", "'7'", "!!str 7", "~"] {
        assert!(read::<u64>(&parse(text).unwrap().first()).is_err(), "{text}");
    }
    assert_eq!((value::<u64>("18446744073709551615"), value::<i8>("-128")), (u64::MAX, -128));
    assert_eq!((value::<f64>("1"), value::<f64>("-2.5e-1"), value::<char>("x")), (1.0, -0.25, 'x'));
    assert!(read::<f64>(&parse("inf").unwrap().first()).is_err());
}

#[test]
fn free_form_values_follow_the_core_schema() {
    let text = "{a: ~, b: true, c: 0x1F, d: -7, e: 1.5, f: yes, g: '1', h: [!!str 2, {x: }], 3: k}";
    let expected = serde_json::json!({
        "a": null, "b": true, "c": 31, "d": -7, "e": 1.5, "f": "yes", "g": "1", "h": ["2", {"x": null}], "3": "k"
    });
    assert_eq!(value::<serde_json::Value>(text), expected);
    value::<IgnoredAny>("{a: [1, {b: c}]}");
}

#[test]
fn untagged_values_work_and_fail_as_a_whole() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let read: Vec<OneOrMany> = value("[a, [b, c]]");
    assert_eq!(read, [OneOrMany::One("a".into()), OneOrMany::Many(vec!["b".into(), "c".into()])]);
    refused::<Vec<OneOrMany>>(
        "[a, {b: c}, d]",
        &["1:5: [1]: data did not match any variant of untagged enum OneOrMany"],
    );
}

#[test]
fn what_no_type_can_take_is_refused_with_the_rest() {
    refused::<BTreeMap<String, BTreeMap<String, u8>>>(
        "a: &x {b: 1}\nc: {<<: *x, d: 2}\ne: !own {f: 1}\ng: {{{ h }}: 1}\ni: {j: x}\nk: !!map {l: 1}\n",
        &[
            "2:5: c[\"<<\"]: merge keys are not supported (write the keys out)",
            "3:9: e: tags are not supported here, found `!own` (remove the tag)",
            "4:5: g: a key must be plain text, not a list or mapping (quote it if braces or brackets are meant, as \
             around a template)",
            "5:8: i.j: expected a whole number from 0 to 255, found `x` (write it in decimal digits, without quotes \
             or leading zeros)",
        ],
    );
}

#[test]
fn stops_at_a_hundred() {
    let text = "- x\n".repeat(500);
    let root = parse(&text).unwrap().single().unwrap();
    assert_eq!(read::<Vec<u8>>(&root).unwrap_err().len(), gatepass_yaml::MAX_PROBLEMS);
}

#[test]
fn what_stands_after_an_item_that_was_left_out_is_found_in_the_text() {
    let root = gatepass_yaml::parse("list: [1, x, 3, y, 5]\n").unwrap().single().unwrap();
    let repaired = gatepass_yaml::read_repaired::<BTreeMap<String, Vec<u8>>>(&root);
    assert_eq!(repaired.value.unwrap()["list"], [1, 3, 5]);
    assert_eq!(repaired.problems.len(), 2);
    let list = Path::root().key("list");
    for (index, in_text) in [(0, 0), (1, 2), (2, 4)] {
        let path = list.index(index).key("a");
        assert_eq!(repaired.left_out.in_text(&path), list.index(in_text).key("a"));
    }
    let other = Path::root().key("other").index(1);
    assert_eq!(repaired.left_out.in_text(&other), other);
}
