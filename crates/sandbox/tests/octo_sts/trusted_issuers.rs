//! The organisation's list of trusted issuers: after the installation, before the policy.

use gatepass_policy::trusted_issuers::PATH;
use jiff::SignedDuration;

use crate::{OPERATIONS, Outcome, Setup, refusal};

const HOME: &str = "acme/.github";

fn not_permitted() -> Outcome {
    refusal(403, 7, "issuer not permitted by organization policy")
}

fn invalid() -> Outcome {
    refusal(400, 9, "organization trusted-issuer configuration is invalid")
}

impl Setup {
    /// As [`Setup::admitting`], with such a list.
    async fn listing(list: &str) -> Self {
        let setup = Self::admitting().await;
        setup.github.add_repository(HOME).unwrap();
        setup.write_list(list);
        setup
    }

    /// Commits the list, in which `$` is our issuer.
    fn write_list(&self, list: &str) {
        self.github.put_file(HOME, PATH, list.replace('$', self.issuer.url())).unwrap();
    }
}

#[tokio::test]
async fn a_list_lets_in_the_issuers_it_lists() {
    let setup = Setup::listing("issuers: [https://other.example, $]").await;
    assert_eq!(setup.usual().await.0, 200);
    setup.write_list("issuer_patterns: ['http://127\\.0\\.0\\.1:[0-9]+/aws']");
    assert_eq!(setup.usual().await.0, 200);
    for list in [
        "issuers: [https://other.example]",
        "issuers: [$/]",
        "mode: enforce\nissuer_patterns: ['http://127\\.0\\.0\\.1:[0-9]+']",
    ] {
        setup.write_list(list);
        assert_eq!(setup.usual().await, not_permitted(), "{list}");
        assert!(setup.last_note().contains("/aws is not in .github/chainguard/trusted-token-issuers.yaml"));
    }
    assert_eq!(setup.github.tokens().len(), 2);
    setup.github.delete_file(HOME, PATH).unwrap();
    assert_eq!(setup.usual().await.0, 200, "without a list every issuer is let in");
}

#[tokio::test]
async fn an_audit_only_notes() {
    let setup = Setup::listing("mode: audit\nissuers: [https://other.example]").await;
    let remark =
        "/aws is not in .github/chainguard/trusted-token-issuers.yaml in acme/.github, which only audits";
    assert_eq!(setup.usual().await.0, 200);
    assert!(setup.last_note().ends_with(remark), "{}", setup.last_note());
    assert_eq!(setup.outcome(&setup.token(), OPERATIONS, "none").await.0, 404);
    assert!(setup.last_note().contains(remark), "{}", setup.last_note());
    setup.write_list("mode: audit\nissuers: [$]");
    assert_eq!(setup.usual().await.0, 200);
    assert!(!setup.last_note().contains("audits"));
}

#[tokio::test]
async fn a_broken_list_refuses_every_exchange_of_the_organisation() {
    let setup = Setup::listing("").await;
    for list in [
        "",
        "issuers: []",
        "issuers: [",
        "issuer: $",
        "mode: warn\nissuers: [$]",
        "issuers: [$, accounts.google.com]",
        "issuers: [$]\nissuer_patterns: ['https://.*\\.example']",
        "issuers: [$]\nissuer_patterns: ['https://a[']",
    ] {
        setup.write_list(list);
        assert_eq!(setup.usual().await, invalid(), "{list}");
        assert_eq!(setup.outcome(&setup.token(), "acme/widgets", "other").await, invalid(), "{list}");
    }
    setup.github.put_file(HOME, PATH, b"issuers: [\xff]").unwrap();
    assert_eq!(setup.usual().await, invalid());
}

#[tokio::test]
async fn the_list_comes_after_the_installation_and_before_the_policy() {
    let setup = Setup::listing("issuers: [https://other.example]").await;
    let token = setup.token();
    let not_installed = refusal(404, 5, "no installation found for \"other\"");
    assert_eq!(setup.outcome(&token, "other/operations", "alarms").await, not_installed);
    for (scope, identity) in [(OPERATIONS, "none"), ("acme/none", "alarms"), ("acme", "alarms")] {
        assert_eq!(setup.outcome(&token, scope, identity).await, not_permitted(), "{scope} {identity}");
    }
}

#[tokio::test]
async fn lists_are_remembered_for_five_minutes_when_asked_for() {
    let setup = Setup::listing("issuers: [https://other.example]").await;
    setup.github.set_now("2026-11-20T09:00:00Z".parse().unwrap());
    setup.octo_sts.remember_policies(true);
    assert_eq!(setup.usual().await, not_permitted());
    setup.write_list("issuers: [$]");
    setup.github.advance(SignedDuration::from_secs(299));
    assert_eq!(setup.usual().await, not_permitted(), "mended, and not yet read");
    setup.github.advance(SignedDuration::from_secs(1));
    assert_eq!(setup.usual().await.0, 200);

    setup.write_list("issuers: [");
    setup.github.advance(SignedDuration::from_mins(5));
    assert_eq!(setup.usual().await.0, 200, "the last good list stands in for a broken one");
    setup.github.advance(SignedDuration::from_hours(1));
    assert_eq!(setup.usual().await, invalid(), "but not for ever");
}
