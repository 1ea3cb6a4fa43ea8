//! One row for every change, and for what stands in its way.

use gatepass_policy::{Outcome, Verdict, explain};
use serde_json::{Value, json};

use crate::{AWS, DOMAIN, ENTRA, GITHUB, GOOGLE, ROLE, claims, outcomes, policy, proven};

#[test]
fn an_admitted_token_needs_no_change() {
    let before = policy(&format!("issuer: {GOOGLE}\nsubject: '1'\nclaim_pattern: {{email: '.+'}}\n"));
    let token = claims(&json!({"iss": GOOGLE, "sub": "1", "aud": DOMAIN, "email": "a@b"}));
    let explanation = explain(&before, &token, DOMAIN);
    assert_eq!(outcomes(&explanation), "MMMMMMM");
    assert_eq!(explanation.verdict, Verdict::Admitted);
    assert_eq!((explanation.older, explanation.change, explanation.impossible), (None, None, None));
    let names: Vec<&str> = explanation.checks.iter().map(|check| check.what.as_str()).collect();
    assert_eq!(
        names,
        [
            "issuer format",
            "subject format",
            "audience format",
            "issuer",
            "subject",
            "audience",
            "claim email"
        ]
    );
    let audience = &explanation.checks[5];
    assert!(
        audience.expected.contains(DOMAIN) && audience.expected.contains("no `audience`"),
        "{audience:?}"
    );
    assert_eq!((audience.actual.as_str(), audience.hint.as_deref()), (DOMAIN, None));
    assert_eq!(explanation.checks[6].expected, "pattern .+");
}

#[test]
fn the_smallest_change_and_what_it_admits() {
    let main = "repo:acme/ops:ref:refs/heads/main";
    let github = |more: Value| {
        let mut claims = json!({"iss": GITHUB, "sub": main, "aud": DOMAIN});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let role = json!({"iss": AWS, "sub": ROLE, "aud": ["x", DOMAIN], "https://sts.amazonaws.com/": {"aws_account": "1"}});
    let azure = json!({"iss": ENTRA, "sub": "2", "aud": "fb60f99c-7a34-4190-8149-302f77469936"});
    for (text, token, outcome, lines, what, also) in [
        (
            format!("issuer: {GITHUB}\nsubject: repo:acme/ops:ref:refs/heads/dev\n"),
            github(json!({})),
            "MMMMDM",
            vec![r#"subject: "repo:acme/ops:ref:refs/heads/main""#],
            "replace `subject`; tokens that",
            "every workflow run of acme/ops on the branch main",
        ),
        (
            format!(
                "issuer: {GITHUB}\nsubject: repo:acme/*\nclaim_pattern: {{ref: refs/heads/main, event: push}}\n"
            ),
            github(json!({"ref": "refs/heads/dev", "event": "push"})),
            "MMMMDMMD",
            vec![
                r#"subject: "repo:acme/ops:ref:refs/heads/main""#,
                "claim_pattern:",
                r#"  "ref": "refs/heads/dev""#,
            ],
            "replace `subject`, replace `ref` in `claim_pattern`;",
            "on the branch main, as far as `claim_pattern` matches",
        ),
        (
            format!("issuer: {GITHUB}/\nsubject_pattern: 'repo:acme/.*'\n"),
            github(json!({})),
            "MMMDMM",
            vec![r#"issuer: "https://token.actions.githubusercontent.com""#],
            "replace `issuer`;",
            "every token of this issuer whose subject matches repo:acme/.*",
        ),
        (
            "issuer: https://a.example\nsubject_pattern: '.*'\n".to_owned(),
            github(json!({})),
            "MMMDMM",
            vec![r#"issuer: "https://token.actions.githubusercontent.com""#],
            "replace `issuer`",
            "every token of this issuer with this audience, whoever's it is",
        ),
        (
            "issuer_pattern: 'https://.*'\nsubject: x\n".to_owned(),
            github(json!({})),
            "MMMMDM",
            vec![r#"subject: "repo:acme/ops:ref:refs/heads/main""#],
            "replace `subject`",
            "every token with this subject, of any issuer that matches https://.*",
        ),
        (
            "issuer_pattern: '.*'\nsubject_pattern: '.+'\n".to_owned(),
            github(json!({"aud": "y"})),
            "MMMMMD",
            vec![r#"audience: "y""#],
            "add `audience`",
            "whoever can get a token for this audience",
        ),
        (
            "issuer_pattern: 'https://a.*'\nsubject_pattern: 'repo:.+'\naudience_pattern: 'o.*'\n".to_owned(),
            github(json!({"aud": [DOMAIN]})),
            "MMMDMM",
            vec![r#"issuer: "https://token.actions.githubusercontent.com""#],
            "replace `issuer_pattern` by `issuer`",
            "whose subject matches repo:.+, for any audience that matches o.*",
        ),
        (
            format!("issuer: {AWS}\nsubject: x\nclaim_pattern: {{aws_account: '1', org: x}}\n"),
            role.clone(),
            "MMMMDMDD",
            vec![r#"subject: "arn:aws:iam::123456789012:role/alarms""#],
            "replace `subject`, remove `aws_account` from `claim_pattern`, remove `org` from `claim_pattern`",
            "nothing else: the subject is one role, and whatever runs as it gets in, whatever it says as `aws_account` and `org`",
        ),
        (
            format!(
                "issuer: {AWS}\nsubject: {ROLE}\nclaim_pattern: {{'https://sts.amazonaws.com/': '.*'}}\n"
            ),
            role.clone(),
            "MMMMMMD",
            vec![],
            "remove `https://sts.amazonaws.com/` from `claim_pattern`",
            "whatever it says as `https://sts.amazonaws.com/`",
        ),
        (
            format!("issuer: {AWS}\nsubject: {ROLE}\naudience: z\n"),
            role,
            "MMMMMD",
            vec![r#"audience: "octo-sts.dev""#],
            "replace `audience`",
            "nothing else: the subject is one role",
        ),
        (
            format!("issuer: {ENTRA}\nsubject: '2'\n"),
            azure,
            "MMMMMD",
            vec![r#"audience: "fb60f99c-7a34-4190-8149-302f77469936""#],
            "add `audience`",
            "nothing else: the subject is one identity of the tenant",
        ),
        (
            format!(
                "issuer: {GOOGLE}\nsubject: 107691503500061500000\nclaim_pattern: {{email_verified: 'yes'}}\n"
            ),
            json!({"iss": GOOGLE, "sub": "107691503500061500000", "aud": DOMAIN, "email_verified": true}),
            "MMMMDMD",
            vec![r#"subject: "107691503500061500000""#, "claim_pattern:", r#"  "email_verified": "true""#],
            "replace `email_verified` in `claim_pattern`",
            "nothing else: the subject is one account",
        ),
        (
            "issuer: https://k8s.example\nsubject: x\n".to_owned(),
            json!({"iss": "https://k8s.example", "sub": "system:serviceaccount:a:b", "aud": DOMAIN}),
            "MMMMDM",
            vec![r#"subject: "system:serviceaccount:a:b""#],
            "replace `subject`",
            "every pod of this cluster",
        ),
        (
            "issuer: https://k8s.example\nsubject_pattern: '[^x]'\nclaim_pattern: {c: 'a.b'}\n".to_owned(),
            json!({"iss": "https://k8s.example", "sub": "x", "aud": DOMAIN, "c": "a\n\"[é].*"}),
            "MMMMDMD",
            vec![r#"subject: "x""#, "claim_pattern:", r#"  "c": "a\U0000000A\"\\[é\\]\\.\\*""#],
            "replace `subject_pattern` by `subject`",
            "every token of this issuer with this subject",
        ),
    ] {
        let (before, token) = (policy(&text), claims(&token));
        let explanation = explain(&before, &token, DOMAIN);
        assert_eq!(outcomes(&explanation), outcome, "{text}");
        let change = proven(&before, &token, &explanation);
        assert_eq!(change.lines, lines, "{text}");
        assert!(change.what.contains(what), "{text}: {}", change.what);
        assert!(change.also_admits.contains(also), "{text}: {}", change.also_admits);
        assert!(matches!(explanation.verdict, Verdict::Refused(_)), "{text}");
    }
}

#[test]
fn the_context_of_a_run_is_said() {
    for (context, also) in [
        ("ref:refs/tags/v1", "for the tag v1"),
        ("environment:prod", "every job of acme/ops that uses the environment prod"),
        ("pull_request", "for a pull request, with what its author changed"),
        ("job_workflow_ref:x", "with this subject"),
    ] {
        for repository in ["acme/ops", "acme@1/ops@2"] {
            let token =
                claims(&json!({"iss": GITHUB, "sub": format!("repo:{repository}:{context}"), "aud": DOMAIN}));
            let explanation = explain(&policy(&format!("issuer: {GITHUB}\nsubject: x\n")), &token, DOMAIN);
            let said = explanation.change.unwrap().also_admits;
            assert!(said.contains(also) && said.contains("acme/ops"), "{context}: {said}");
        }
    }
}

#[test]
fn where_no_change_can_help_it_says_why() {
    let before = policy("issuer: https://a\nsubject: x\n");
    for (token, why) in [
        (json!({"iss": "http://a", "sub": "x", "aud": DOMAIN}), "its issuer is http"),
        (json!({"iss": "https://a", "sub": "a b", "aud": DOMAIN}), "its subject has white space"),
        (json!({"iss": "https://a", "sub": 7, "aud": DOMAIN}), "must be text"),
        (json!({"iss": "https://a", "sub": "y", "aud": [DOMAIN, 7]}), "a list of texts"),
        (json!({"iss": "https://a", "sub": "x", "aud": ["y", "a@b"]}), "its audience has a character"),
        (json!({"iss": "https://a", "sub": "x", "aud": []}), "it has no audience"),
        (json!({"iss": "https://a", "sub": "x"}), "it has no audience"),
        (json!({}), "its issuer is empty"),
    ] {
        let explanation = explain(&before, &claims(&token), DOMAIN);
        assert_eq!(explanation.change, None, "{token}");
        let impossible = explanation.impossible.unwrap();
        assert!(
            impossible.starts_with("no policy can admit this token") && impossible.contains(why),
            "{impossible}"
        );
        assert!(explanation.checks.iter().any(|check| check.outcome == Outcome::Differs), "{token}");
    }
}

#[test]
fn an_older_server_that_judges_otherwise_is_named() {
    let before = policy(&format!(
        "issuer: {GITHUB}\nsubject_pattern: 'repo:acme/ops:x|repo:acme/ops:ref:refs/heads/.*'\n"
    ));
    for (subject, current, older) in [
        ("repo:acme/ops:ref:refs/heads/main", true, None),
        ("repo:acme/ops:x-evil", false, Some(true)),
        ("evil:repo:acme/ops:ref:refs/heads/main", false, Some(true)),
        ("evil", false, None),
    ] {
        let explanation =
            explain(&before, &claims(&json!({"iss": GITHUB, "sub": subject, "aud": DOMAIN})), DOMAIN);
        assert_eq!(explanation.verdict == Verdict::Admitted, current, "{subject}");
        assert_eq!(explanation.older.map(|verdict| verdict == Verdict::Admitted), older, "{subject}");
    }
}

#[test]
fn what_cannot_be_judged_is_replaced_by_what_can() {
    // Which letters are capitals beyond ASCII depends on the Unicode tables of the server's Go.
    let before = policy("issuer: https://a\nsubject_pattern: '\\p{Lu}+'\n");
    let token = claims(&json!({"iss": "https://a", "sub": "Ж", "aud": DOMAIN}));
    let explanation = explain(&before, &token, DOMAIN);
    assert_eq!(outcomes(&explanation), "MMMM?M");
    assert!(matches!(explanation.verdict, Verdict::NotJudged(_)));
    assert!(explanation.checks[4].hint.is_some());
    assert_eq!(proven(&before, &token, &explanation).lines, [r#"subject: "Ж""#]);
}

#[test]
fn nothing_that_is_shown_can_harm_a_terminal() {
    let before = policy("issuer: https://a\nsubject: \"x\\e[31m\"\nclaim_pattern: {c: x}\n");
    let token = claims(&json!({
        "iss": "https://a", "sub": "y\u{1b}]0;title\u{7}", "aud": ["\u{202e}"], "c": "\u{9b}31m", "long": "x".repeat(9999),
    }));
    for check in explain(&before, &token, DOMAIN).checks {
        let shown =
            format!("{}{}{}{}", check.what, check.expected, check.actual, check.hint.unwrap_or_default());
        assert!(
            !shown.contains(|c: char| c.is_control() || c == '\u{202e}') && shown.len() < 2000,
            "{shown:?}"
        );
    }
}
