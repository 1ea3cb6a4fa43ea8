//! Nothing that anyone writes makes the reader panic or run for ever, and what is reported is really there.

use std::collections::BTreeMap;

use gatepass_yaml::{parse, read};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is only read into")]
struct Shape {
    a: String,
    b: Option<u8>,
    #[serde(default)]
    c: Vec<Choice>,
    d: BTreeMap<String, Shape>,
    e: (u8, bool),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is only read into")]
enum Choice {
    A,
    B(Box<Shape>),
    C { a: f64 },
    D(u8, u8),
}

/// Texts made of the words that the shape and YAML know, so that many get far.
fn near_yaml() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("a"),
        Just("b"),
        Just("c"),
        Just("d"),
        Just("e"),
        Just(": "),
        Just(":\n"),
        Just("\n"),
        Just("\n  "),
        Just("- "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("'"),
        Just("\""),
        Just("&x "),
        Just("*x"),
        Just("!t "),
        Just("|\n"),
        Just("~"),
        Just("1"),
        Just("true"),
        Just("---\n"),
        Just("<<"),
        Just("? "),
        Just("# "),
        Just("\t"),
        Just("é"),
        Just("%"),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// Flow mappings that always parse, to reach the reader.
fn tree() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("~"), Just("1"), Just("300"), Just("true"), Just("x"), Just("a"), Just("''")];
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 5, |inner| {
        let key = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("e"), Just("f"), Just("aa")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(key, inner, 0..6).prop_map(|map| {
                let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(document) = parse(text) else { return Ok(()) };
    let root = document.first();
    if let Err(problems) = read::<Shape>(&root) {
        prop_assert!(!problems.is_empty());
        prop_assert!(problems.is_sorted_by_key(|problem| problem.position));
        for problem in &problems {
            prop_assert!(!problem.message.contains("follows from"), "{}", problem);
            prop_assert!(problem.position.line <= text.lines().count() + 1);
        }
    }
    let _ = read::<serde_json::Value>(&root);
    let _ = read::<Vec<Choice>>(&root);
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn nearly_yaml(text in near_yaml()) {
        check(&text)?;
    }

    #[test]
    fn any_tree(text in tree()) {
        prop_assert!(parse(&text).is_ok());
        check(&text)?;
    }
}
