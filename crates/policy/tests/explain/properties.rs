//! Whatever the policy and the token: a change admits the token, touches nothing else, and a suggestion admits one workload.

use std::collections::BTreeMap;

use gatepass_policy::lint::{PolicyFile, Settings, lint};
use gatepass_policy::{
    Claims, Grants, Matcher, Outcome, Pattern, PolicyKind, TrustPolicy, Verdict, Workload, exact_policy,
    explain, format,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{AWS, DOMAIN, ENTRA, GITHUB, GOOGLE, ROLE, claims, outcomes, policy, proven};

fn matcher(exact: impl Strategy<Value = String>) -> impl Strategy<Value = Matcher> {
    let pattern = prop::sample::select(vec![".*", "[a-z]+", "https://.*", "a|b", "x", "repo:.*", "A+"]);
    prop_oneof![
        exact.prop_map(Matcher::Exact),
        pattern.prop_map(|text| Matcher::Pattern(Pattern::compile(text).unwrap())),
    ]
}

fn issuer() -> impl Strategy<Value = String> {
    prop::sample::select(vec![GITHUB, GOOGLE, AWS, ENTRA, "https://a", "https://a/", "http://a", ""])
        .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let known = vec![
        ROLE,
        "repo:o/r:pull_request",
        "repo:o@1/r@2:ref:refs/heads/main",
        "x",
        "a",
        "1",
        DOMAIN,
        "a b",
        "",
    ];
    prop_oneof![
        4 => prop::sample::select(known).prop_map(str::to_owned),
        1 => "[a-z0-9:/#!%*,?~|@_=+^é日.-]{1,12}",
    ]
}

fn claim() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        value().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["x"])),
        Just(json!({"c": "x"})),
    ]
}

prop_compose! {
    fn any_policy()(
        issuer in matcher(issuer().prop_filter("set", |text| !text.is_empty())),
        subject in matcher(value().prop_filter("set", |text| !text.is_empty())),
        audience in prop::option::of(matcher(value().prop_filter("set", |text| !text.is_empty()))),
        claim_pattern in prop::collection::btree_map("[abc]", prop::sample::select(vec!["x", ".*", "true", "[0-9]+"]), 0..3),
    ) -> TrustPolicy {
        let claim_pattern = claim_pattern.into_iter().map(|(name, text)| (name, Pattern::compile(text).unwrap())).collect();
        TrustPolicy { issuer, subject, audience, claim_pattern, ..policy("issuer: https://a\nsubject: x\n") }
    }
}

prop_compose! {
    fn any_claims()(
        iss in issuer(),
        sub in value(),
        aud in prop::collection::vec(value(), 0..3),
        more in prop::collection::btree_map("[abc]", claim(), 0..4),
    ) -> Claims {
        let mut all = json!({"iss": iss, "sub": sub, "aud": aud});
        all.as_object_mut().unwrap().extend(more);
        claims(&all)
    }
}

/// The claims with one of them replaced.
fn with(claims: &Claims, name: &str, value: Value) -> Claims {
    let all = claims.iter().map(|(name, value)| (name.to_owned(), value.clone()));
    Claims::new(all.chain([(name.to_owned(), value)]).collect())
}

proptest! {
    #[test]
    fn a_change_admits_the_token_and_touches_nothing_else(before in any_policy(), token in any_claims()) {
        let explanation = explain(&before, &token, DOMAIN);
        prop_assert_eq!(&explanation.verdict, &before.evaluate(&token, DOMAIN));
        let admitted = explanation.verdict == Verdict::Admitted;
        prop_assert_eq!(admitted, outcomes(&explanation).bytes().all(|b| b == b'M'));
        if let Verdict::Refused(refusal) = &explanation.verdict {
            prop_assert_eq!(refusal.to_string().parse(), Ok(refusal.clone()));
            let hint = refusal.hint(&token).unwrap_or_default();
            prop_assert!(!hint.contains(char::is_control) && !hint.ends_with('.'));
        }
        if admitted {
            prop_assert!(explanation.change.is_none() && explanation.impossible.is_none());
            return Ok(());
        }
        let possible = format::issuer(token.issuer()).is_ok()
            && format::subject(token.subject()).is_ok()
            && !token.audiences().is_empty()
            && token.audiences().iter().all(|audience| format::audience(audience).is_ok());
        prop_assert_eq!(explanation.change.is_some(), possible);
        prop_assert_eq!(explanation.impossible.is_none(), possible);
        if !possible {
            return Ok(());
        }
        let change = proven(&before, &token, &explanation);
        prop_assert!(!change.also_admits.is_empty() && !change.what.is_empty());
        let ok = |index: usize| explanation.checks[index].outcome == Outcome::Matches;
        prop_assert_eq!(ok(3), change.policy.issuer == before.issuer);
        prop_assert_eq!(ok(4), change.policy.subject == before.subject);
        prop_assert_eq!(ok(5), change.policy.audience == before.audience);
        // What was changed admits this one value and no other.
        for (index, name, other) in [(3, "iss", json!("https://other")), (4, "sub", json!("other")), (5, "aud", json!("other"))] {
            if !ok(index) {
                let other = change.policy.evaluate(&with(&token, name, other), DOMAIN);
                prop_assert!(matches!(other, Verdict::Refused(_)));
            }
        }
        for (name, pattern) in &before.claim_pattern {
            let matched = explanation.checks.iter().any(|c| c.what == format!("claim {name}") && c.outcome == Outcome::Matches);
            match change.policy.claim_pattern.get(name) {
                Some(now) if matched => prop_assert_eq!(now, pattern),
                Some(now) => prop_assert!(now.literal().is_some()),
                None => {
                    prop_assert!(!matched);
                    let removal = format!("remove `{name}` from");
                    prop_assert!(change.what.contains(&removal));
                }
            }
        }
        prop_assert!(change.policy.claim_pattern.len() <= before.claim_pattern.len());
    }

    #[test]
    fn what_is_suggested_for_facts_admits_exactly_them(workload in workload(), other in workload()) {
        let permissions = BTreeMap::from([("issues".to_owned(), "write".to_owned())]);
        let repositories = ["ops".to_owned()];
        let token = workload.claims(DOMAIN).unwrap();
        let text = exact_policy(&token, DOMAIN, &permissions).unwrap();
        let before = policy(&text);
        prop_assert_eq!(before.evaluate(&token, DOMAIN), Verdict::Admitted);
        prop_assert!(before.repositories.is_none());
        let file = PolicyFile { path: ".github/chainguard/alarms.sts.yaml", bytes: text.as_bytes(), kind: PolicyKind::Repository };
        prop_assert_eq!(lint(&file, &Settings::default()), []);
        if other != workload {
            let other = other.claims(DOMAIN).unwrap();
            prop_assert!(matches!(before.evaluate(&other, DOMAIN), Verdict::Refused(_)));
        }
        let grants = Grants { permissions: &permissions, repositories: &repositories };
        let text = exact_policy(&token, DOMAIN, grants).unwrap();
        let of_organization = TrustPolicy::parse(&text, PolicyKind::Organization).unwrap();
        prop_assert_eq!(of_organization.evaluate(&token, DOMAIN), Verdict::Admitted);
        prop_assert_eq!(of_organization.repositories.as_deref(), Some(&repositories[..]));
        let file = PolicyFile { bytes: text.as_bytes(), kind: PolicyKind::Organization, ..file };
        prop_assert_eq!(lint(&file, &Settings::default()), []);
    }
}

fn workload() -> impl Strategy<Value = Workload> {
    let uuid = || "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let aws = (uuid(), "[0-9]{12}", "([a-z-]{1,9}/){0,2}", "[A-Za-z0-9][A-Za-z0-9=,.@_-]{0,63}").prop_map(
        |(issuer, account, path, name)| Workload::Aws {
            issuer: format!("https://{issuer}.tokens.sts.global.api.aws"),
            role_arn: format!("arn:aws:iam::{account}:role/{path}{name}"),
        },
    );
    let azure = (uuid(), uuid(), prop::option::of(uuid()))
        .prop_map(|(tenant, principal_id, audience)| Workload::Azure { tenant, principal_id, audience });
    prop_oneof![
        aws,
        "[1-9][0-9]{20}".prop_map(|unique_id| Workload::Google { unique_id }),
        azure,
        "repo:[a-z]{1,9}@[0-9]{1,9}/[a-z.]{1,9}@[0-9]{1,9}:ref:refs/heads/[a-z/-]{1,9}"
            .prop_map(|subject| Workload::GitHub { subject }),
    ]
}
