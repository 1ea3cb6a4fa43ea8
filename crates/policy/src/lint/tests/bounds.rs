//! Whatever the file is: an answer, soon.

use super::*;

#[test]
fn many_bad_claims_take_no_time() {
    let claims: String = (0..20_000).map(|n| format!("  c{n}: a.b{n}.*\n")).collect();
    let text =
        format!("{GITHUB}subject_pattern: .*\nclaim_pattern:\n{claims}permissions: {{ issues: read }}\n");
    let start = std::time::Instant::now();
    let file = PolicyFile { path: "a.sts.yaml", bytes: text.as_bytes(), kind: PolicyKind::Repository };
    let found = lint(&file, &Settings::default());
    assert!((1..=gatepass_yaml::MAX_PROBLEMS + 1).contains(&found.len()), "{}", found.len());
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn what_cannot_be_read_has_no_follow_ups() {
    for text in ["", "a: [", "- a\n", "\0", "issuer: [a]\nsubject: {}\npermissions: 1\n"] {
        let file = PolicyFile { path: "a.sts.yaml", bytes: text.as_bytes(), kind: PolicyKind::Organization };
        let own = [Code::PermissionsEmpty, Code::RepositoriesAll];
        let found = codes(&lint(&file, &Settings::default()));
        let read = text.starts_with("issuer");
        assert!(
            !found.is_empty() && (text.is_empty() || read || !found.iter().any(|code| own.contains(code))),
            "{text:?} {found:?}"
        );
    }
}

#[test]
fn hostile_patterns_take_no_time() {
    for pattern in [
        "(.*){1000}",
        "(((a|b|.*)*)*)*",
        &"(a|b)".repeat(200),
        &".*".repeat(200),
        &"(.*|x+)?".repeat(60),
        &"[a-z]{900}".repeat(20),
        "(x{400}|.*){25}",
        "repo:(.{200}|.*)/(.{200}|.*):(.{200}|.*)",
    ] {
        let start = std::time::Instant::now();
        findings(GITHUB, &[&format!("subject_pattern: '{pattern}'")]);
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{pattern:.40} {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_file_is_looked_at(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), organization: bool) {
        looked_at(&bytes, organization);
    }

    #[test]
    fn any_policy_is_looked_at(
        lines in proptest::collection::vec("(issuer|issuer_pattern|subject|subject_pattern|audience|audience_pattern|permissions|claim_pattern|repositories): (https://accounts\\.google\\.com|https://[a-z.*]{1,12}|repo:[a-z/.*:|()\\[\\]+?^$-]{0,20}|'[0-9]{0,22}'|\\{ (ref|email|issues): [a-z*.|]{1,8} \\}|\\[[a-z/, ]{0,9}\\])", 0..8),
        organization: bool,
    ) {
        looked_at(lines.join("\n").as_bytes(), organization);
    }
}

fn looked_at(bytes: &[u8], organization: bool) {
    let kind = if organization { PolicyKind::Organization } else { PolicyKind::Repository };
    let file = PolicyFile { path: ".github/chainguard/a.sts.yaml", bytes, kind };
    let found = lint(&file, &Settings::default());
    assert!(found.is_sorted_by_key(Finding::position), "{found:?}");
    assert!(found.iter().all(|finding| !finding.problem.message.contains('\n')), "{found:?}");
}
