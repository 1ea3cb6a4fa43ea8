//! Nothing that anyone writes into the file, and nothing that anyone sends, makes the core panic or say what it must not.
//!
//! What is checked stands in `checks`, which the fuzz targets call too (`fuzz/`).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a failed test")]

mod checks;
mod grammar;

use gatepass_core::event::Event;
use gatepass_core::queue::HandOff;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON, a few levels deep.
fn json() -> impl Strategy<Value = Value> + Clone {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn event()(
        texts in prop::array::uniform3(any::<String>()),
        seconds in -62_135_596_800_i64..253_402_207_200,
        nanoseconds in 0_i32..1_000_000_000,
        subject in any::<Option<String>>(),
        attributes in prop::collection::btree_map(any::<String>(), json(), 0..4),
        data in json(),
    ) -> Event {
        let [id, source, kind] = texts;
        let time = Timestamp::new(seconds, nanoseconds).unwrap();
        Event { id, source, kind, time, subject, attributes: attributes.into_iter().collect(), data }
    }
}

/// Names that come out of the event: an error that repeats one tells what is in it.
#[test]
fn no_error_repeats_a_name_that_the_event_gave() {
    for expression in [
        "event.data.list | map(event.data.text) | join",
        "event.data.list | select(event.data.text) | join",
        "event.data.list | reject(event.data.text) | join",
        "event.data.list | selectattr('a', event.data.text) | join",
        "event.data.list | map(attribute=event.data.text) | join",
        "event.data.object[event.data.text].more.more",
        "event.data.object[event.data.text]()",
        "event.data.text.nothing()",
        "event.data.text()",
        "event.data.text | int",
        "event.data.text | round",
        "event.data.text + 1",
        "event.data.list | sum",
        "event.data.text | dictsort",
        "event.data.text | dictsort(by=event.data.text)",
        "event.data.object | items | sort(attribute=event.data.text) | join",
        "dict(event.data.text)",
        "range(event.data.text)",
        "event.data.text | indent(event.data.text)",
        "event.data.text | batch(event.data.text)",
        "event.data.number is divisibleby(event.data.text)",
        "-event.data.text",
    ] {
        checks::template(&format!("{{{{ {expression} }}}}"));
        checks::condition(expression);
    }
    for text in [
        "{% include event.data.text %}",
        "{% extends event.data.text %}",
        "{% from event.data.text import a %}{{ a }}",
    ] {
        checks::template(text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_is_told_why_not(text in prop_oneof![any::<String>(), grammar::file()]) {
        checks::configuration(&text);
    }

    #[test]
    fn a_file_that_is_nearly_right_is_compiled_or_is_told_why_not(text in grammar::nearly_a_file()) {
        checks::configuration(&text);
    }

    #[test]
    fn no_template_panics_or_tells_the_events_data(text in prop_oneof![any::<String>(), grammar::template()]) {
        checks::template(&text);
    }

    #[test]
    fn no_condition_panics_or_tells_the_events_data(text in prop_oneof![any::<String>(), grammar::expression()]) {
        checks::condition(&text);
    }

    #[test]
    fn no_headers_are_a_signature_of_somebody_without_the_secret(lines in grammar::signatures()) {
        checks::signature(&lines);
    }

    #[test]
    fn any_request_is_cloudevents_or_is_refused(bytes in prop_oneof![any::<Vec<u8>>(), grammar::cloudevents()]) {
        checks::cloudevents(&bytes);
    }

    #[test]
    fn any_text_is_a_hand_off_or_is_refused(text in prop_oneof![any::<String>(), "[A-Za-z0-9+/]{0,80}={0,2}"]) {
        checks::hand_off(&text);
    }

    #[test]
    fn any_json_is_a_hand_off_or_is_refused(json in prop_oneof![json(), grammar::hand_off(json())]) {
        checks::hand_off(&checks::pack(json.to_string().as_bytes()));
    }

    #[test]
    fn a_hand_off_arrives_as_it_was_sent(
        event in event(),
        job in "[a-z][a-z0-9-]{0,39}",
        repository in prop::option::of("[a-z][a-z0-9]{0,10}/[a-z][a-z0-9._-]{0,10}[a-z]"),
        seconds in prop::option::of(0_i64..99_999_999_999),
        deferrals in any::<u16>(),
    ) {
        let sent = HandOff {
            job: job.parse().unwrap(),
            repository: repository.map(|name| name.parse().unwrap()),
            not_before: seconds.map(|seconds| Timestamp::from_second(seconds).unwrap()),
            deferrals,
            event,
        };
        let text = sent.encode(usize::MAX).unwrap();
        let came = HandOff::decode(&text).unwrap();
        prop_assert_eq!(came.event.fingerprint(), sent.event.fingerprint());
        prop_assert_eq!(&came.event.data, &sent.event.data);
        prop_assert_eq!(&came.event.attributes, &sent.event.attributes);
        prop_assert_eq!(came, sent);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
    }
}
