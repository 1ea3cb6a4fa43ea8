//! What the server takes, refuses, and may take either way.

use gatepass_yaml::{Position, Problem};

use crate::lint::{Code, Finding};
use crate::{Matcher, ParseErrorKind, Pattern, PolicyKind, Sketch, Spot, TrustPolicy};
use ParseErrorKind::{NotJudged, Uncompilable, Unparseable};
use PolicyKind::{Organization, Repository};

const HEAD: &str = "issuer: https://a\nsubject: s\n";

fn exact(text: &str) -> Matcher {
    Matcher::Exact(text.to_owned())
}

fn pattern(text: &str) -> Matcher {
    Matcher::Pattern(Pattern::compile(text).unwrap())
}

#[test]
fn reads_a_whole_policy() {
    let text = "# comment
issuer: https://accounts.google.com
subject_pattern: '10769\\d+'
AUDIENCE: octo-sts.dev
Claim_Pattern:
  email: .*@example\\.com
  n: x
permissions:
  Contents: read
  pull_requests: write
---
not: [even, valid
	%
...
";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!(policy.issuer, exact("https://accounts.google.com"));
    assert_eq!(policy.subject, pattern("10769\\d+"));
    assert_eq!(policy.audience, Some(exact("octo-sts.dev")));
    let claims: Vec<_> = policy.claim_pattern.iter().map(|(k, p)| (k.as_str(), p.as_str())).collect();
    assert_eq!(claims, [("email", ".*@example\\.com"), ("false", "x")]);
    let permissions: Vec<_> = policy.permissions.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(permissions, [("contents", "read"), ("pull_requests", "write")]);
    assert_eq!(policy.repositories, None);
}

#[test]
fn numbers_and_booleans_are_text_in_a_repository_only() {
    for (written, read) in [
        ("107691503500061500000", "1.076915e+20"),
        ("on", "true"),
        ("0o17", "15"),
        ("1.10", "1.1"),
        ("2026-1-2", "2026-1-2"),
    ] {
        let text = format!("issuer: https://a\nsubject: {written}\n");
        assert_eq!(TrustPolicy::parse(&text, Repository).unwrap().subject, exact(read));
        match TrustPolicy::parse(&text, Organization) {
            Ok(policy) => assert_eq!((policy.subject, read), (exact(read), written)),
            Err(error) => {
                assert_eq!((error.kind, error.position), (Unparseable, Position { line: 2, column: 10 }))
            }
        }
    }
    // The two places in an organisation's policy where coercion works all the same.
    let text = format!("{HEAD}repositories: [1, yes]\nclaim_pattern: {{Subject: 7}}\n");
    let policy = TrustPolicy::parse(&text, Organization).unwrap();
    assert_eq!(policy.repositories, Some(vec!["1".to_owned(), "true".to_owned()]));
    assert_eq!(policy.claim_pattern.get("Subject").map(Pattern::as_str), Some("7"));
    let text = format!("{HEAD}claim_pattern: {{run: 7}}\n");
    assert_eq!(TrustPolicy::parse(&text, Organization).unwrap_err().kind, Unparseable);
}

#[test]
fn null_and_empty_are_not_set() {
    let text = "issuer: https://a\nissuer_pattern: ''\nsubject: s\nsubject_pattern: ~\naudience:\nclaim_pattern: {a: , b: ''}\n\
                permissions: {issues: , contents: read}\n";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!((policy.issuer, policy.subject, policy.audience), (exact("https://a"), exact("s"), None));
    assert_eq!(policy.claim_pattern.values().map(Pattern::as_str).collect::<Vec<_>>(), ["", ""]);
    assert_eq!(policy.permissions.keys().collect::<Vec<_>>(), ["contents"]);
    for nothing in ["claim_pattern: ~", "permissions:", "permissions: {}"] {
        assert!(TrustPolicy::parse(&format!("{HEAD}{nothing}\n"), Repository).is_ok(), "{nothing}");
    }
}

#[test]
fn letter_case_repeats_as_json_does() {
    let text = "subject: second\nSubject: first\nissuer: https://a\nPermissions: {issues: write, checks: read}\n\
                permissions: {ISSUES: read}\n";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!(policy.subject, exact("second"));
    let permissions: Vec<_> = policy.permissions.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(permissions, [("checks", "read"), ("issues", "read")]);
}

#[test]
fn a_block_keeps_its_newline() {
    let policy = TrustPolicy::parse("issuer: https://a\nsubject: |\n  s\n", Repository).unwrap();
    assert_eq!(policy.subject, exact("s\n"));
}

#[test]
fn refuses_in_the_servers_terms() {
    let organisation_only =
        "`repositories` belongs only in a policy of an organisation's `.github` repository";
    for (tail, kind, line, message) in [
        ("isuer: x", Unparseable, 3, "unknown key `isuer`, did you mean `issuer`?"),
        ("comment: x", Unparseable, 3, "unknown key `comment`"),
        ("issuer: y", Unparseable, 3, "the key `issuer` is given twice; first at 1:1"),
        ("repositories: [a]", Unparseable, 3, organisation_only),
        (
            "permissions: {pull-requests: write}",
            Unparseable,
            3,
            "unknown key `pull-requests`, did you mean `pull_requests`?",
        ),
        ("permissions: read-all", Unparseable, 3, "`permissions` must be a mapping"),
        ("permissions: {issues: [write]}", Unparseable, 3, "`issues` must be text, not a list or mapping"),
        ("claim_pattern: [a]", Unparseable, 3, "`claim_pattern` must be a mapping"),
        ("claim_pattern: {yes: a, on: b}", Unparseable, 3, "the key `true` is given twice"),
        ("claim_pattern: {~: a}", Unparseable, 3, "a key must not be null"),
        ("claim_pattern: {9223372036854775808: a}", Unparseable, 3, "or a huge number: quote it"),
        ("claim_pattern: {[a]: b}", Unparseable, 3, "a key must be text"),
        ("audience: {a: b}", Unparseable, 3, "`audience` must be text, not a list or mapping"),
        ("audience: [", Unparseable, 3, "unclosed"),
        (
            "issuer_pattern: y",
            Uncompilable,
            3,
            "trust policy: only one of issuer or issuer_pattern can be set, got both",
        ),
        (
            "subject_pattern: y",
            Uncompilable,
            3,
            "trust policy: only one of subject or subject_pattern can be set, got both",
        ),
        (
            "audience: x\naudience_pattern: y",
            Uncompilable,
            4,
            "trust policy: only one of audience or audience_pattern can be set, got both",
        ),
        (
            "claim_pattern: {yes: a, 'true': b}",
            NotJudged,
            3,
            "the key `true` is given twice, once bare and once quoted",
        ),
        ("claim_pattern: {<<: {a: b}}", NotJudged, 3, "merge keys are not judged"),
        ("audience: !!int 5", NotJudged, 3, "tags are not judged"),
        ("audience: 0xFFFFFFFFFFFFFFFFFF", NotJudged, 3, "servers differ about a number this large"),
        ("audience: a\u{85}b", NotJudged, 3, "YAML readers take this invisible character differently"),
        ("permissions: {issues:}", NotJudged, 3, "a colon without a space after it"),
        ("permissions: {issues: read, checks:,}", NotJudged, 3, "a colon without a space after it"),
        ("permissions:\n  issues: read\n\t# tab", NotJudged, 5, "a tab at the start of a line"),
        ("...", NotJudged, 3, "an end marker"),
        ("app: octo", NotJudged, 3, "only newer servers know `app`"),
    ] {
        let error = TrustPolicy::parse(&format!("{HEAD}{tail}\n"), Repository).unwrap_err();
        assert_eq!((error.kind, error.position.line), (kind, line), "{tail}: {error}");
        assert!(error.message.contains(message), "{tail}: {error}");
    }
    for (text, kind, message) in [
        ("", Uncompilable, "trust policy: one of issuer or issuer_pattern must be set, got neither"),
        (
            "subject: s",
            Uncompilable,
            "trust policy: one of issuer or issuer_pattern must be set, got neither",
        ),
        (
            "issuer: a\nclaim_pattern: {a: b}",
            Uncompilable,
            "trust policy: one of subject or subject_pattern must be set, got neither",
        ),
        ("[a]", Unparseable, "a policy must be a mapping"),
        ("just text", Unparseable, "a policy must be a mapping"),
        ("%YAML 1.1\n---\nissuer: a", NotJudged, "YAML readers take a `%` directive differently"),
        ("issuer: a\nsubject: b\nrepositories: x", Unparseable, "`repositories` must be a list"),
        ("issuer: a\nsubject: b\nrepositories: [~]", NotJudged, "an empty element of `repositories`"),
        ("issuer: a\nsubject: b\nrepositories: [[a]]", Unparseable, "`repositories` must be text"),
        ("issuer: a\nsubject: b\npermissions: {issues: on}", Unparseable, "bare this is a boolean: quote it"),
    ] {
        let error = TrustPolicy::parse(text, Organization).unwrap_err();
        assert_eq!(error.kind, kind, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
}

#[test]
fn speaks_for_the_server() {
    let says = |text| TrustPolicy::parse(text, Repository).unwrap_err().server_message("alarms");
    assert_eq!(says("x: y").as_deref(), Some("unable to parse trust policy found for \"alarms\""));
    assert_eq!(says("issuer: y").as_deref(), Some("unable to compile trust policy found for \"alarms\""));
    assert_eq!(says("app: y"), None);
}

#[test]
fn does_not_judge_where_gos_reader_may_have_stopped() {
    for text in [
        "  issuer: x\n \"\\x41\" subject: s\n",
        "{}: x\n",
        "[a]: x\n",
        "  issuer: x\n subject: s\n",
        "issuer: https://a\nsubject: |+\n  x\n ",
    ] {
        assert_eq!(TrustPolicy::parse(text, Repository).unwrap_err().kind, NotJudged, "{text}");
    }
}

/// As `code line:column path`.
fn found(bytes: &[u8], kind: PolicyKind) -> Vec<String> {
    let sketch = Sketch::read(bytes, kind);
    let show = |finding: &Finding| {
        assert!(!finding.why.is_empty() && !finding.problem.message.is_empty());
        let Problem { position, path, .. } = &finding.problem;
        format!("{} {position} {path}", finding.code).trim_end().to_owned()
    };
    sketch.problems.iter().map(show).collect()
}

#[test]
fn finds_everything_in_the_order_of_the_text() {
    let text = "Issuer: https://a
issuer_pattern: 'https://[a'
sub: x
claim_pattern:
  a: \"b\\\\d(\"
  b: [x]
  on: c
  n: 107691503500061500000
  c: d
  c: e
permissions:
  pull-requests: write
  id-token: write
  issues:
  - write
repositories: [a]
audience: 017
Audience: x
app: y
---
more: x
";
    assert_eq!(
        found(text.as_bytes(), Repository),
        [
            "GP007 2:1 issuer_pattern",
            "GP010 2:26 issuer_pattern",
            "GP003 3:1 sub",
            "GP010 5:11 claim_pattern.a",
            "GP005 6:6 claim_pattern.b",
            "GP014 7:3 claim_pattern.on",
            "GP014 8:3 claim_pattern.n",
            "GP014 8:6 claim_pattern.n",
            "GP004 10:3 claim_pattern.c",
            "GP011 12:3 permissions.pull-requests",
            "GP011 13:3 permissions.id-token",
            "GP005 15:5 permissions.issues",
            "GP012 16:1 repositories",
            "GP014 17:11 audience",
            "GP004 18:1 Audience",
            "GP013 19:1 app",
            "GP015 20:1",
        ]
    );
    let sketch = Sketch::read(text.as_bytes(), Repository);
    // The server takes the keys in their own order, and `app` is the first that it may not take.
    assert_eq!(sketch.policy.unwrap_err().code, Code::NewerOnly);
    assert_eq!(sketch.unread, ["subject"]);
    assert_eq!(sketch.second_document, Some(Position { line: 20, column: 1 }));
}

#[test]
fn a_sketch_has_what_is_right_and_what_is_wrong() {
    let text = "issuer: &a \"https://\\x61\"\nsubject: |\n  s\nSubject: other\naudience: [x]\nisuer_pattern: x\n\
                claim_pattern: {run: 7, n: ~, a: *a}\npermissions: {Issues: on, what: 1}\n";
    let sketch = Sketch::read(text.as_bytes(), Repository);
    let show =
        |spot: &Spot| format!("{} {} {} {:?} {:?}", spot.name, spot.key, spot.value, spot.text, spot.written);
    assert_eq!(
        sketch.texts.iter().map(show).collect::<Vec<_>>(),
        ["issuer 1:1 1:12 \"https://a\" Quoted", "subject 2:1 3:3 \"s\\n\" Quoted"]
    );
    assert_eq!(
        sketch.claims.iter().map(show).collect::<Vec<_>>(),
        ["run 7:17 7:22 \"7\" Coerced", "false 7:25 7:28 \"\" Bare", "a 7:31 7:34 \"https://a\" Quoted"]
    );
    assert_eq!(
        sketch.permissions.iter().map(show).collect::<Vec<_>>(),
        ["issues 8:15 8:23 \"true\" Coerced", "what 8:27 8:33 \"1\" Coerced"]
    );
    assert_eq!(sketch.unread, ["audience", "issuer_pattern"]);
    let issuer = sketch.text("issuer").unwrap();
    assert_eq!(sketch.position_in(issuer, 8), Position { line: 1, column: 21 });
    assert!(sketch.text("audience").is_none());
}

#[test]
fn bad_files_are_one_clear_finding() {
    let kilobytes = |bytes: &str, n: usize| bytes.repeat(n).into_bytes();
    let bomb = (1..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{below}, *a{below}]\n", below = level - 1)
    });
    for (bytes, kind, finding) in [
        (kilobytes("x", 5_000_000), ParseErrorKind::Unreadable, "GP001 1:1"),
        (kilobytes("x", 1_000_001), NotJudged, "GP001 1:1"),
        (b"issuer: a\nsubject: \0\n".to_vec(), Unparseable, "GP001 2:10"),
        (b"issuer: a\nsubject: b\n---\n\0\n".to_vec(), NotJudged, "GP001 4:1"),
        (b"issuer: \xC3\xA9\xFF\n".to_vec(), Unparseable, "GP001 1:10"),
        (b"issuer: a\n---\n\xFF\n".to_vec(), NotJudged, "GP001 3:1"),
        (b"\xFF\xFEi\0".to_vec(), NotJudged, "GP001 1:1"),
        (kilobytes("[", 900_000), Unparseable, "GP002 1:256"),
        (bomb.into_bytes(), NotJudged, "GP001 15:18"),
        (b"issuer: 'a\n".to_vec(), Unparseable, "GP002 2:1"),
        (b"permissions:\n\tissues: read\n".to_vec(), NotJudged, "GP006 2:1"),
        (b"- issuer: a\n".to_vec(), Unparseable, "GP005 1:1"),
        (b"issuer: *a\n".to_vec(), Unparseable, "GP002 1:9"),
    ] {
        let head = String::from_utf8_lossy(bytes.get(..40).unwrap_or(&bytes)).into_owned();
        assert_eq!(found(&bytes, Repository), [finding], "{head:?}");
        assert_eq!(Sketch::read(&bytes, Repository).policy.unwrap_err().kind, kind, "{head:?}");
    }
    for nothing in ["", "\n\n", "# only this\n", "{}"] {
        assert_eq!(found(nothing.as_bytes(), Repository), ["GP007 1:1", "GP008 1:1"], "{nothing:?}");
    }
    assert_eq!(found("\u{feff}issuer: a\r\nsubject: b\r\n".as_bytes(), Repository), ["GP006 1:1"]);
    assert!(found(b"issuer: a\r\nsubject: b\r\n", Repository).is_empty());
}

#[test]
fn what_readers_differ_in_is_not_judged() {
    for (tail, place) in [
        ("claim_pattern: {k: a?}", "3:20"),
        ("claim_pattern: {k: :a}", "3:20"),
        ("claim_pattern: {k\n l: v}", "3:17"),
        ("claim_pattern: {\"k:\n l\": v}", "3:17"),
        ("claim_pattern: {'k\n l': v}", "3:17"),
        ("claim_pattern: {k: -}", "3:20"),
        ("claim_pattern: {k: a:}", "3:21"),
        ("claim_pattern: {k: !!str }", "3:25"),
        ("audience: \"a\\/b\"", "3:13"),
        ("audience: \"\\ud83d\\ude00\"", "3:12"),
        ("audience: \"\\'\"", "3:11"),
        ("audience: &a.b x", "3:11"),
        ("audience: 'x'# c", "3:14"),
        ("audience: a\rb", "3:12"),
        ("repositories:\n- \ta", "4:3"),
    ] {
        let error = TrustPolicy::parse(&format!("{HEAD}{tail}\n"), Organization).unwrap_err();
        assert_eq!((error.kind, error.position.to_string().as_str()), (NotJudged, place), "{tail}: {error}");
    }
    for harmless in [
        "audience: a?b",
        "audience: \"a\\\\/b\"",
        "audience: |\n  \"a\\/b\"",
        "claim_pattern: {'k': a-b, \"l\": 'x?'}",
        "audience: &a-b x",
    ] {
        assert!(TrustPolicy::parse(&format!("{HEAD}{harmless}\n"), Organization).is_ok(), "{harmless}");
    }
}

#[test]
fn a_flood_of_findings_is_bounded_and_hides_no_refusal() {
    let notes: String = (0..300).map(|n| format!("  k{n}: 0{n:03o}\n")).collect();
    let sketch =
        Sketch::read(format!("{HEAD}claim_pattern:\n{notes}permissions: x\n").as_bytes(), Repository);
    assert_eq!(sketch.policy.unwrap_err().code, Code::WrongType);
    assert!((100..=101).contains(&sketch.problems.len()));
    let unknown: String = (0..300).map(|n| format!("k{n}: x\n")).collect();
    assert_eq!(Sketch::read(unknown.as_bytes(), Repository).problems.len(), 100);
}

#[test]
fn says_what_to_write_instead() {
    for (tail, message, help) in [
        ("sub: x", "unknown key `sub`", "did you mean `subject`?"),
        ("claims: {}", "unknown key `claims`", "did you mean `claim_pattern`?"),
        ("issues: read", "unknown key `issues`", "indent it, if it belongs under `permissions`"),
        (
            "repository: x",
            "unknown key `repository`",
            "remove it, this policy reaches its own repository alone",
        ),
        (
            "permissions: {code-scanning: read}",
            "unknown key `code-scanning`",
            "did you mean `security_events`?",
        ),
        (
            "audience: 107691503500061500000",
            "`audience` is a number here, of which the server makes the text `1.076915e+20`",
            "quote it, as in `\"107691503500061500000\"`",
        ),
    ] {
        let sketch = Sketch::read(format!("{HEAD}{tail}\n").as_bytes(), Repository);
        let problem = &sketch.problems[0].problem;
        assert_eq!((problem.message.as_str(), problem.help.as_deref()), (message, Some(help)));
    }
    // Letters beyond ASCII that Go folds into ASCII ones.
    let folded = TrustPolicy::parse("i\u{17f}\u{17f}uer: https://a\nsubject: s\n", Repository).unwrap();
    assert_eq!(folded.issuer, exact("https://a"));
}
