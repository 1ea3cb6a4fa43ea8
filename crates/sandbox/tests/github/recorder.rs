//! Exchanges recorded with their bodies.

use gatepass_sandbox::github::Edition;
use http::Method;
use serde_json::json;

use crate::Setup;

#[tokio::test]
async fn exchanges_are_recorded_when_asked_for_and_up_to_a_number() {
    let setup = Setup::start_edition(Edition::EnterpriseServer, &[("issues", "write")]).await;
    setup.get("/rate_limit").await;
    assert!(setup.github.recording().exchanges.is_empty(), "nobody asked");

    setup.github.record_exchanges(2);
    let created = setup.send(Method::POST, "/repos/acme/widgets/issues", json!({ "title": "t" })).await;
    let id = setup.get("/repos/acme/widgets").await.json["id"].clone();
    setup.get(&format!("/repositories/{id}/issues?page=1")).await;
    let recording = setup.github.recording();
    assert_eq!((recording.exchanges.len(), recording.missed), (2, 1));
    let first = &recording.exchanges[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/repos/acme/widgets/issues"));
    assert_eq!((first.status, first.media_type.as_str()), (201, "application/json; charset=utf-8"));
    assert_eq!(&first.request[..], b"{\"title\":\"t\"}");
    assert_eq!(&first.answer[..], created.json.to_string().as_bytes());
    assert!(!format!("{recording:?}").contains(&setup.token));

    setup.github.record_exchanges(9);
    setup.get(&format!("/repositories/{id}/issues?page=1")).await;
    let recording = setup.github.recording();
    let listed = &recording.exchanges[0];
    assert_eq!((listed.path.as_str(), listed.query.as_str()), ("/repos/acme/widgets/issues", "page=1"));
    assert_eq!(
        (recording.exchanges.len(), recording.missed),
        (1, 0),
        "by name, below the prefix, and afresh"
    );
}
