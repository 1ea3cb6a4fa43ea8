//! What the corpus of `tests/patterns.rs` does not reach: places, trees, and what the anchors become.

use super::syntax::Assertion;
use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::compile(text).unwrap()
}

#[test]
fn says_what_is_broken_and_where() {
    for (text, message, at) in [
        ("a[b", "missing closing ]: `[b)$`", "["),
        ("x(a", "missing closing ): `^(?:x(a)$`", "("),
        ("x(?i:a", "missing closing ): `^(?:x(?i:a)$`", "(?i:"),
        (r"x\Qa", r"missing closing ): `^(?:x\Qa)$`", r"\Qa"),
        (r"a\", r"missing closing ): `^(?:a\)$`", r"\"),
        ("a))b", "unexpected ): `^(?:a))b)$`", ")"),
        ("ab**c", "invalid nested repetition operator: `**`", "**"),
        ("a+?{2}", "invalid nested repetition operator: `+?{2}`", "+?{2}"),
        ("*a", "missing argument to repetition operator: `*`", "*"),
        ("a|+?", "missing argument to repetition operator: `+?`", "+?"),
        ("aa{2,1}", "invalid repeat count: `{2,1}`", "{2,1}"),
        ("(a{100}){11}b", "invalid repeat count: `{11}`", "{11}"),
        ("[0z-a]", "invalid character class range: `z-a`", "z-a"),
        ("[a-[:digit:]]", "invalid character class range: `a-[`", "a-["),
        ("[a[:alhpa:]]", "invalid character class range: `[:alhpa:]`", "[:alhpa:]"),
        (r"a\p{Greek", r"invalid character class range: `\p{Greek)$`", r"\p{Greek"),
        (r"\p{L1}", r"invalid character class range: `\p{L1}`", r"\p{L1}"),
        (r"\p{Klingon}(", r"invalid character class range: `\p{Klingon}`", r"\p{Klingon}"),
        (r"a\u0041", r"invalid escape sequence: `\u`", r"\u"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`", r"\x{110000"),
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`", "(?="),
        ("(?P<n-m>a)", "invalid named capture: `(?P<n-m>`", "(?P<n-m>"),
        ("(?<=a)", "invalid named capture: `(?<=a))$`", "(?<=a)"),
    ] {
        let broken = Pattern::compile(text).unwrap_err();
        assert_eq!(broken.to_string(), format!("error parsing regexp: {message}"));
        assert_eq!(&text[broken.at], at, "{text}");
    }
    let deep = format!("{}{}", "(".repeat(1000), ")".repeat(1000));
    let broken = Pattern::compile(deep.as_str()).unwrap_err();
    assert_eq!(broken.message, format!("error parsing regexp: expression nests too deeply: `^(?:{deep})$`"));
}

#[test]
fn the_tree_has_places_in_the_pattern() {
    let literal = |at: usize, text, escaped, any_case| Node {
        span: at..at + if escaped { 2 } else { 1 },
        kind: Kind::Literal { text, escaped, any_case },
    };
    let class =
        |ranges: &[(char, char)]| Kind::Class { ranges: ranges.to_vec(), beyond_ascii_unknown: false };
    for (text, kind) in [
        ("", Kind::Empty),
        ("(?i)1", Kind::Literal { text: '1', escaped: false, any_case: false }),
        (r"\d", class(&[('0', '9')])),
        ("[^b-ce]", class(&[('\0', 'a'), ('d', 'd'), ('f', char::MAX)])),
        ("(?s).", Kind::Dot { line_breaks: true }),
        ("(?m)^", Kind::Assertion(Assertion::LineStart)),
        (
            r"\PL",
            Kind::Class {
                ranges: vec![('\0', '@'), ('[', '`'), ('{', '\u{7f}')],
                beyond_ascii_unknown: true,
            },
        ),
        (
            r"a\.b",
            Kind::Concat(vec![
                literal(0, 'a', false, false),
                literal(1, '.', true, false),
                literal(3, 'b', false, false),
            ]),
        ),
        (
            "(?i:k)+?|^|",
            Kind::Alternate(vec![
                Node {
                    span: 0..8,
                    kind: Kind::Repeat {
                        min: 1,
                        max: None,
                        node: Box::new(Node {
                            span: 0..6,
                            kind: Kind::Group(Box::new(literal(4, 'k', false, true))),
                        }),
                    },
                },
                Node { span: 9..10, kind: Kind::Assertion(Assertion::TextStart) },
                Node { span: 11..11, kind: Kind::Empty },
            ]),
        ),
    ] {
        assert_eq!(pattern(text).syntax().kind, kind, "{text}");
    }
    assert_eq!(pattern("a|b").syntax().span, 0..3);
    assert_eq!(pattern("(?i)a").syntax().span, 4..5);
}

#[test]
fn servers_differ_where_the_group_matters() {
    for (text, differs) in [
        ("", false),
        ("main", false),
        ("(main|dev)", false),
        ("[a|b]", false),
        ("^main$", false),
        ("(?i)main", false),
        ("(?m:^a$)", false),
        (r"\Qa|b\E", false),
        ("main|dev", true),
        ("(?i)a|b", true),
        ("(?m)a", true),
        (r"(?:a)|\z", true),
        ("a)|(?:b", true),
        ("a)(?:b", true),
    ] {
        assert_eq!(pattern(text).older_may_differ(), differs, "{text}");
    }
    let evil = pattern("main|dev");
    assert_eq!(
        (evil.judge("main-evil", Server::Current), evil.judge("main-evil", Server::Older)),
        (Ok(false), Ok(true))
    );
    // Newer servers take this, and older ones do not.
    let torn = pattern("a)|(?:b");
    assert!(torn.leaves_its_group() && !evil.leaves_its_group());
    assert_eq!(torn.judge("a-evil", Server::Current), Ok(true));
    let message = "error parsing regexp: unexpected ): `^a)|(?:b$`";
    assert_eq!(torn.older_compiles().unwrap_err().message, message);
    assert_eq!(
        torn.judge("a", Server::Older).unwrap_err().0,
        format!("is refused by an older server: {message}")
    );
    assert_eq!(evil.older_compiles(), Ok(()));
    assert_eq!(evil.compiles_alone(), Ok(()));
    assert_eq!(torn.compiles_alone().unwrap_err().message, "error parsing regexp: unexpected ): `a)|(?:b`");
}

#[test]
fn understands_literals() {
    for (text, literal) in [
        ("", Some("")),
        ("main", Some("main")),
        (r"octo-sts\.dev", Some("octo-sts.dev")),
        ("octo-sts[.]dev", Some("octo-sts.dev")),
        (r"\(a\)\[b\]\\\/\_", Some(r"(a)[b]\/_")),
        ("repo:o/r é", Some("repo:o/r é")),
        (r"a\nb\x41", Some("a\nbA")),
        (r"\Qa.b\E", Some("a.b")),
        (r"\<", Some("<")),
        ("(a)(?:b)", Some("ab")),
        ("a]}{", Some("a]}{")),
        ("(?i)1-2", Some("1-2")),
        ("(?i)a", None),
        (r"\d", None),
        ("[^a]", None),
        (r"\PL", None),
        ("a.b", None),
        ("a|b", None),
        ("a+", None),
        ("a*", None),
        ("a?", None),
        ("a{2}", None),
        ("^a", None),
        ("a$", None),
        (r"\p{Klingon}", None),
        ("a)(?:b", None),
    ] {
        assert_eq!(pattern(text).literal().as_deref(), literal, "{text}");
    }
}

#[test]
fn doubts_what_cannot_be_told() {
    let deep = format!("{}a{}", "(".repeat(300), ")".repeat(300));
    let long = "a".repeat(40_000);
    for (text, reason) in [
        (r"\p{Klingon}", "uses the class `Klingon`, and whether the server knows that one is not known"),
        (deep.as_str(), "nests too deeply to be judged here"),
        (long.as_str(), "is longer than 32768 bytes, which is not judged here"),
    ] {
        let pattern = pattern(text);
        assert_eq!(pattern.doubt().unwrap().to_string(), reason);
        assert_eq!(pattern.judge("a", Server::Current).unwrap_err().to_string(), reason);
        assert_eq!(pattern.judge("a", Server::Older).unwrap_err().to_string(), reason);
    }
    for (text, value, reason) in [
        (
            r"a\pL",
            "aé".to_owned(),
            "depends on which characters beyond ASCII the server's Unicode tables have",
        ),
        (
            "(?i)é",
            "É".to_owned(),
            "depends on which characters beyond ASCII the server's Unicode tables have",
        ),
        (".*x.*", "a".repeat(3 << 20), "is too large to be judged against a value of 3145728 bytes"),
        ("[ab]{1000}".repeat(60).as_str(), "a".to_owned(), "is too large to be judged here"),
    ] {
        assert_eq!(pattern(text).doubt(), None);
        assert_eq!(pattern(text).judge(&value, Server::Current).unwrap_err().to_string(), reason);
    }
    // What the tables cannot change is judged.
    for (text, value, matches) in [
        (r"a\pL", "bé", false),
        (r"a\pL", "ab", true),
        (r"(\pL|é)", "é", true),
        (r"\pL.*", "a日", true),
        ("(?i)é", "é", true),
        ("(?i)é", "e", false),
    ] {
        assert_eq!(pattern(text).judge(value, Server::Current), Ok(matches), "{text} {value}");
    }
}

#[test]
fn is_equal_by_its_text_and_shown_as_it() {
    assert_eq!(pattern("a"), pattern("a"));
    assert_ne!(pattern("a"), pattern("[a]"));
    assert_eq!(format!("{:?}", pattern("a")), r#"Pattern("a")"#);
}
