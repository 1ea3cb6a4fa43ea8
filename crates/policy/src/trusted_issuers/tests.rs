//! The list by the server's rules.

use super::*;
use crate::ParseErrorKind::{self, NotJudged, Uncompilable, Unparseable};
use crate::lint::Code;

fn of_pattern(pattern: &str) -> String {
    format!("issuer_patterns:\n- '{pattern}'\n")
}

#[test]
fn lists_issuers_and_patterns() {
    let text = "Mode: audit\nissuers: [https://a.example, https://b.example/Id/]\nissuer_patterns:\n- https://[a-z]+\\.c\\.example\n";
    let list = TrustedIssuers::parse(text).unwrap();
    assert!(list.audit);
    for (issuer, listed) in [
        ("https://a.example", true),
        ("https://A.example", false),
        ("https://a.example/", false),
        ("https://b.example/Id/", true),
        ("https://x.c.example", true),
        ("https://x.c.example.evil", false),
        ("http://x.c.example", false),
    ] {
        assert_eq!(list.lists(issuer), Ok(listed), "{issuer}");
    }
    for mode in ["", "mode:\n", "mode: ''\n", "mode: enforce\n"] {
        assert!(!TrustedIssuers::parse(&format!("issuers: [https://a]\n{mode}")).unwrap().audit, "{mode}");
    }
}

#[test]
fn refuses_as_the_server_does() {
    let many =
        |name: &str, n: usize| (0..n).fold(format!("{name}:\n"), |text, n| format!("{text}- https://a{n}\n"));
    let (most, more) = (many("issuers", 64), many("issuers", 65));
    let (most_patterns, more_patterns) = (many("issuer_patterns", 16), many("issuer_patterns", 17));
    let (longest, longer) = (of_pattern(&"é".repeat(128)), of_pattern(&"é".repeat(129)));
    for good in
        [&most, &most_patterns, &longest, "issuer_patterns: ['']", "issuers: [https://a/B, http://localhost]"]
    {
        assert!(TrustedIssuers::parse(good).is_ok(), "{good}");
    }
    for (text, kind, place, message) in [
        ("", Uncompilable, "1:1", "must list at least one entry"),
        ("mode: audit\nissuers: []", Uncompilable, "2:1", "must list at least one entry"),
        ("issuers: https://a", Unparseable, "1:10", "`issuers` must be a list"),
        ("issuer: [https://a]", Unparseable, "1:1", "unknown key `issuer`, did you mean `issuers`?"),
        ("[https://a]", Unparseable, "1:1", "the list of trusted issuers must be a mapping"),
        ("issuers: [[a]]", Unparseable, "1:11", "must be text"),
        ("issuers: [https://a]\nIssuers: [https://b]", NotJudged, "1:1", "given twice"),
        ("mode: Audit\nissuers: [https://a]", Uncompilable, "1:7", "unknown mode \"Audit\""),
        (&more, Uncompilable, "1:1", "too many issuers: 65 (max 64)"),
        (&more_patterns, Uncompilable, "1:1", "too many issuer_patterns: 17 (max 16)"),
        (&longer, Uncompilable, "2:3", "too long: 258 bytes (max 256)"),
        ("issuers: [~]", Uncompilable, "1:11", "invalid issuer \"\": it is empty"),
        ("issuers: [http://a]", Uncompilable, "1:11", "it is http, which"),
        ("issuers: [https://a, https://B/c]", Uncompilable, "1:22", "must be lowercase in scheme and host"),
        ("issuer_patterns: ['https://[a']", Uncompilable, "1:28", "invalid issuer_pattern"),
        ("issuer_patterns: ['a)|(?:b']", Uncompilable, "1:19", "its parentheses do not match"),
        ("issuers:\n- https://a\n\tx", NotJudged, "3:1", "a tab at the start of a line"),
    ] {
        let error = TrustedIssuers::parse(text).expect_err(text);
        assert_eq!((error.kind, error.position.to_string().as_str()), (kind, place), "{text:.60}: {error}");
        assert!(error.message.contains(message), "{text:.60}: {error}");
    }
}

/// The verdicts are Go's.
#[test]
fn no_slash_at_a_place_that_varies() {
    for fixed in [
        r"https://[a-z0-9-]+\.example\.com/id/[A-Z0-9]+",
        r"https://\w+\.x",
        "https:[/][/]a",
        "https://(a|b)",
        "https://a/(?:x/y|x/z)",
        "https://a/(x/y|x/z)",
        "(https://a|https://b)",
        "a(?:/|/)",
        "(?:a/|(?:a/b|a/c))",
        "(?:[ab]/x|[ab]/y)",
        "(?:[ab]{2}/x|[ab]{2}/y)",
        "(?:(?:a|b)/x|[ba]/y)",
        "(?:ab/c|ab/d|ab/)",
    ] {
        assert!(TrustedIssuers::parse(&of_pattern(fixed)).is_ok(), "{fixed}");
    }
    for varying in [
        r"https://.*\.example\.com",
        r"https://[^.]+\.x",
        r"https://\S+",
        "[.-9]",
        r"\p{P}",
        "https:/{2}a",
        "https:/{1}/a",
        "https://a/?",
        "https://a|http://b",
        "a(?:/|b)",
        "a(?:/|/|x)",
        "(?:a/b|(?:a/c|d))",
        "(?:[ab]+/x|[ab]+/y)",
        "(?:(a)/x|(a)/y)",
        "(?:^/x|^/y)",
    ] {
        let error = TrustedIssuers::parse(&of_pattern(varying)).expect_err(varying);
        assert_eq!(error.kind, Uncompilable, "{varying}: {error}");
        assert!(error.message.contains("reach past the host"), "{varying}: {error}");
    }
    for unknown in ["(?i)a/|a/b", "(?:/b|(?i:/))", "(?:[ab]{2}?/x|[ab]{2}/y)", "(?:(?:ab|c)/x|(?:ab|c)/y)"] {
        let error = TrustedIssuers::parse(&of_pattern(unknown)).expect_err(unknown);
        assert_eq!((error.kind, error.code), (NotJudged, Code::PatternNotJudged), "{unknown}: {error}");
    }
}

#[test]
fn finds_everything_in_the_order_of_the_text() {
    let text = "mode: audit\nissuers:\n- https://a\n- https://A\n- 7\nissuer_patterns:\n- '['\n- .*\n- a\nissuer: x\n---\n";
    let findings = lint(text.as_bytes());
    let shown: Vec<String> =
        findings.iter().map(|f| format!("{} {} {}", f.code, f.position(), f.problem.path)).collect();
    assert_eq!(
        shown,
        [
            "GP051 1:7 mode",
            "GP050 4:3 issuers[1]",
            "GP050 5:3 issuers[2]",
            "GP050 7:4 issuer_patterns[0]",
            "GP050 8:3 issuer_patterns[1]",
            "GP050 10:1 issuer",
            "GP015 11:1 ",
        ]
    );
    assert!(findings[1].why.contains("refuses every exchange in the organisation"), "{}", findings[1].why);
    assert_eq!(TrustedIssuers::parse(text).unwrap_err().kind, ParseErrorKind::Unparseable);
    assert!(lint(b"issuers: [https://a]\n").is_empty());
}
