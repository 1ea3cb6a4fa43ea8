//! One refusal for every rule, with the server's words.

use super::*;
use crate::PolicyKind;

const DOMAIN: &str = "octo-sts.dev";

fn claims(json: &str) -> Claims {
    Claims::from_json(json.as_bytes()).unwrap()
}

fn token() -> Claims {
    claims(
        r#"{"iss":"https://a.example","sub":"repo:o/r","aud":["octo-sts.dev","y"],"ref":"main","private":true,"run":7,
            "nothing":null,"list":["x"],"object":{"a":"b"},"empty":""}"#,
    )
}

fn verdict(policy: &str, claims: &Claims) -> Verdict {
    TrustPolicy::parse(policy, PolicyKind::Repository).unwrap().evaluate(claims, DOMAIN)
}

#[track_caller]
fn refused(policy: &str, claims: &Claims, status: u16, message: &str) {
    let Verdict::Refused(refusal) = verdict(policy, claims) else { panic!("it was not refused: {policy}") };
    assert_eq!((refusal.status(), refusal.to_string().as_str()), (status, message), "{policy}");
}

const HEAD: &str = "issuer: https://a.example\nsubject: repo:o/r\n";

#[test]
fn admits_what_matches() {
    for tail in [
        "",
        "audience: octo-sts.dev",
        "audience: 'y'",
        "audience_pattern: 'y'",
        "audience_pattern: octo-sts\\.dev",
        "claim_pattern: {ref: main}",
        "claim_pattern: {private: 'true'}",
        "claim_pattern: {private: true, ref: 'main'}",
        "claim_pattern: {empty: ''}",
        "claim_pattern: {sub: 'repo:o/r'}",
    ] {
        assert_eq!(verdict(&format!("{HEAD}{tail}\n"), &token()), Verdict::Admitted, "{tail}");
    }
    let literal = "issuer_pattern: https://a\\.example\nsubject_pattern: repo:o/r\n";
    assert_eq!(verdict(literal, &token()), Verdict::Admitted);
}

#[test]
fn refuses_with_the_servers_words() {
    for (tail, message) in [
        ("audience: z", r#"trust policy: audience "z" did not match any of ["octo-sts.dev" "y"]"#),
        (
            "audience_pattern: z",
            r#"trust policy: audience_pattern "z" did not match any of ["octo-sts.dev" "y"]"#,
        ),
        ("claim_pattern: {other: x}", r#"trust policy: expected claim "other" not found in token"#),
        ("claim_pattern: {REF: main}", r#"trust policy: expected claim "REF" not found in token"#),
        ("claim_pattern: {run: '7'}", r#"trust policy: expected claim "run" not a string"#),
        ("claim_pattern: {nothing: ''}", r#"trust policy: expected claim "nothing" not a string"#),
        ("claim_pattern: {list: x}", r#"trust policy: expected claim "list" not a string"#),
        ("claim_pattern: {object: b}", r#"trust policy: expected claim "object" not a string"#),
        ("claim_pattern: {aud: y}", r#"trust policy: expected claim "aud" not a string"#),
        ("claim_pattern: {ref: dev}", r#"trust policy: claim "ref" did not match "^(?:dev)$""#),
        (
            "claim_pattern: {private: yes please}",
            r#"trust policy: claim "private" did not match "^(?:yes please)$""#,
        ),
    ] {
        refused(&format!("{HEAD}{tail}\n"), &token(), 403, message);
    }
    for (policy, message) in [
        (
            "issuer: https://b\nsubject: x",
            r#"trust policy: issuer "https://a.example" did not match "https://b""#,
        ),
        (
            "issuer: https://a.example/\nsubject: x",
            r#"trust policy: issuer "https://a.example" did not match "https://a.example/""#,
        ),
        (
            "issuer_pattern: b\nsubject: x",
            r#"trust policy: issuer "https://a.example" did not match pattern "b""#,
        ),
        (
            "issuer: https://a.example\nsubject: Repo:o/r",
            r#"trust policy: subject "repo:o/r" did not match "Repo:o/r""#,
        ),
        (
            "issuer: https://a.example\nsubject: repo:o/*",
            r#"trust policy: subject "repo:o/r" did not match "repo:o/*""#,
        ),
        (
            "issuer: https://a.example\nsubject: |\n  repo:o/r\n",
            r#"trust policy: subject "repo:o/r" did not match "repo:o/r\n""#,
        ),
        (
            "issuer: https://a.example\nsubject_pattern: x\\.y",
            r#"trust policy: subject "repo:o/r" did not match pattern "x\\.y""#,
        ),
    ] {
        refused(policy, &token(), 403, message);
    }
}

#[test]
fn without_audience_the_domain_itself_is_demanded() {
    for (aud, shown) in [
        (r#""https://octo-sts.dev""#, r#"["https://octo-sts.dev"]"#),
        (r#"[]"#, "[]"),
        (r#"["a","b"]"#, r#"["a" "b"]"#),
    ] {
        let claims = claims(&format!(r#"{{"iss":"https://a.example","sub":"repo:o/r","aud":{aud}}}"#));
        let message = format!(r#"trust policy: audience "octo-sts.dev" did not match any of {shown}"#);
        refused(HEAD, &claims, 403, &message);
    }
    let none = claims(r#"{"iss":"https://a.example","sub":"repo:o/r"}"#);
    refused(
        &format!("{HEAD}audience_pattern: .*\n"),
        &none,
        403,
        r#"trust policy: audience_pattern ".*" did not match any of []"#,
    );
}

#[test]
fn formats_come_first_and_are_bad_requests() {
    for (json, message) in [
        (r#"{"iss":"http://a","sub":"a b","aud":"a b"}"#, "invalid issuer in token"),
        (r#"{"sub":"s","aud":"d"}"#, "invalid issuer in token"),
        (r#"{"iss":"https://b","sub":"a b","aud":"a b"}"#, "invalid subject in token"),
        (r#"{"iss":"https://b","aud":"d"}"#, "invalid subject in token"),
        (r#"{"iss":"https://b","sub":null,"aud":"d"}"#, "invalid subject in token"),
        (r#"{"iss":"https://b","sub":"s","aud":["d","a@b"]}"#, "invalid audience in token"),
        (r#"{"iss":"https://b","sub":"s","aud":""}"#, "invalid audience in token"),
        (r#"{"iss":"https://b","sub":"s","aud":["d",null]}"#, "invalid audience in token"),
    ] {
        refused(HEAD, &claims(json), 400, message);
    }
}

#[test]
fn what_no_server_reads_is_not_verified() {
    for json in [
        r#"{"iss":7,"sub":"s","aud":"octo-sts.dev"}"#,
        r#"{"iss":"https://a.example","sub":7,"aud":"octo-sts.dev"}"#,
        r#"{"iss":"https://a.example","sub":"repo:o/r","aud":["octo-sts.dev",7]}"#,
    ] {
        refused(HEAD, &claims(json), 401, "unable to verify bearer token");
    }
}

#[test]
fn patterns_are_judged() {
    for policy in [
        "issuer_pattern: https://.*\nsubject_pattern: repo:.*",
        &format!("{HEAD}audience_pattern: y|z"),
        &format!("{HEAD}claim_pattern: {{ref: 'm.+', private: '(?i)TRUE'}}"),
    ] {
        assert_eq!(verdict(policy, &token()), Verdict::Admitted, "{policy}");
    }
    refused(
        "issuer_pattern: https://.\nsubject: x",
        &token(),
        403,
        r#"trust policy: issuer "https://a.example" did not match pattern "https://.""#,
    );
}

#[test]
fn what_cannot_be_told_is_not_judged() {
    let foreign = claims(r#"{"iss":"https://a.example","sub":"repo:o/é","aud":"octo-sts.dev","ref":"é"}"#);
    for (policy, claims, reason) in [
        (
            "issuer: https://a.example\nsubject_pattern: repo:o/\\pL",
            &foreign,
            r#"subject_pattern "repo:o/\\pL" depends on which characters beyond ASCII the server's Unicode tables have"#,
        ),
        (
            &format!("{HEAD}claim_pattern: {{ref: '\\p{{Klingon}}'}}"),
            &token(),
            r#"claim_pattern "ref" "\\p{Klingon}" uses the class `Klingon`, and whether the server knows that one is not known"#,
        ),
    ] {
        assert_eq!(verdict(policy, claims), Verdict::NotJudged(reason.to_owned()));
    }
    // What is settled before the pattern comes is judged.
    refused(
        "issuer: https://b\nsubject_pattern: '\\pL'",
        &foreign,
        403,
        r#"trust policy: issuer "https://a.example" did not match "https://b""#,
    );
    // Among claims a certain refusal goes before a doubt, wherever it stands.
    let head = HEAD.replace("o/r", "o/é");
    for (tail, message) in [
        ("{ref: '\\pL', sub: x}", r#"trust policy: claim "sub" did not match "^(?:x)$""#),
        ("{ref: '\\pL', zzz: a}", r#"trust policy: expected claim "zzz" not found in token"#),
        ("{iss: x, ref: '\\pL'}", r#"trust policy: claim "iss" did not match "^(?:x)$""#),
    ] {
        refused(&format!("{head}claim_pattern: {tail}\n"), &foreign, 403, message);
    }
}

#[test]
fn where_the_policy_itself_may_be_refused_nothing_is_judged() {
    for policy in [
        "issuer: https://b\nsubject_pattern: '\\p{Klingon}'".to_owned(),
        "issuer_pattern: '\\p{Klingon}'\nsubject: x".to_owned(),
        "issuer: https://b\nsubject: x\naudience_pattern: '\\p{Klingon}'".to_owned(),
        format!("{HEAD}claim_pattern: {{ref: dev, private: '\\p{{Klingon}}'}}"),
    ] {
        assert!(matches!(verdict(&policy, &token()), Verdict::NotJudged(_)), "{policy}");
    }
    let policy = "issuer: https://b\nsubject_pattern: a)|(?:b";
    let policy = TrustPolicy::parse(policy, PolicyKind::Repository).unwrap();
    assert!(matches!(policy.evaluate_as(&token(), DOMAIN, Server::Current), Verdict::Refused(_)));
    assert!(matches!(policy.evaluate_as(&token(), DOMAIN, Server::Older), Verdict::NotJudged(_)));
}

#[test]
fn older_servers_anchor_alternatives_at_one_end() {
    let policy = format!("{HEAD}claim_pattern: {{ref: 'ma|x'}}");
    let policy = TrustPolicy::parse(&policy, PolicyKind::Repository).unwrap();
    assert!(matches!(policy.evaluate_as(&token(), DOMAIN, Server::Current), Verdict::Refused(_)));
    assert_eq!(policy.evaluate_as(&token(), DOMAIN, Server::Older), Verdict::Admitted);
}
