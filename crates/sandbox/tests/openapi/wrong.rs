//! Against GitHub's document, what is deliberately wrong must be found.

use gatepass_sandbox::openapi::Part;
use serde_json::{Value, json};

use crate::{document, exchange};

#[test]
#[ignore = "needs GitHub's OpenAPI document: run `make conformance`"]
fn a_wrong_request_is_found() {
    const ISSUES: &str = "/repos/acme/widgets/issues";
    let issues = |rest: &str| format!("{ISSUES}{rest}");
    for (method, address, request, part, words) in [
        ("POST", issues(""), json!({ "title": ["t"] }), Part::Request, "/title"),
        ("POST", issues(""), json!({ "title": "t", "labels": "alarm" }), Part::Request, "/labels"),
        ("POST", issues(""), json!({ "title": "t", "asignees": ["ada"] }), Part::Request, "dditional"),
        ("POST", issues(""), json!({ "body": "no title" }), Part::Request, "title"),
        ("PATCH", issues("/1"), json!({ "state": "shut" }), Part::Request, "/state"),
        ("PATCH", issues("/1"), json!({ "state_reason": "bored" }), Part::Request, "/state_reason"),
        ("POST", issues("/1/comments"), json!({ "text": "x" }), Part::Request, "body"),
        ("POST", issues("/1/labels"), json!({ "labels": [] }), Part::Request, ""),
        ("GET", issues("?status=open"), Value::Null, Part::Query, "\"status\""),
        ("GET", issues("?state=shut"), Value::Null, Part::Query, "\"state\""),
        ("GET", issues("?per_page=many"), Value::Null, Part::Query, "\"per_page\""),
        ("GET", issues("?since=yesterday"), Value::Null, Part::Query, "\"since\""),
        ("GET", issues("/one"), Value::Null, Part::Path, "\"issue_number\""),
        ("GET", "/repos/acme/widgets/issue".to_owned(), Value::Null, Part::Path, "no such operation"),
        ("PUT", issues("/1"), json!({}), Part::Path, "no such operation"),
        (
            "POST",
            "/repos/acme/widgets/actions/workflows/deploy.yml/dispatches".to_owned(),
            json!({ "ref": "main", "inputs": ["v1"] }),
            Part::Request,
            "/inputs",
        ),
        (
            "POST",
            "/repos/acme/widgets/dispatches".to_owned(),
            json!({ "event_type": "" }),
            Part::Request,
            "/event_type",
        ),
        ("DELETE", "/installation/token".to_owned(), json!({}), Part::Request, "takes none"),
    ] {
        let findings = document().check_request(&exchange(method, &address, &request, 200, &Value::Null));
        let found = findings.iter().any(|finding| finding.part == part && finding.message.contains(words));
        assert!(found, "{method} {address} {request}: {findings:?}");
    }
}
