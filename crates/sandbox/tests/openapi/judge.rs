//! The judge, with a document small enough to see through.

use gatepass_sandbox::github::Recording;
use gatepass_sandbox::openapi::{Document, DocumentError, Part};
use serde_json::{Value, json};

use crate::{exchange, nothing_found};

const ISSUES: &str = "/repos/acme/widgets/issues";

fn small() -> Document {
    let issue = json!({
        "type": "object",
        "required": ["number", "body"],
        "properties": { "number": { "type": "integer" }, "body": { "type": "string", "nullable": true } },
    });
    let body = json!({
        "type": "object",
        "required": ["title"],
        "properties": { "title": { "type": "string" }, "labels": { "type": "array", "items": { "type": "string" } } },
    });
    let owner = json!({ "$ref": "#/components/parameters/owner" });
    let path = |name: &str, kind: &str| json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } });
    let query = |name: &str, schema: Value, required: bool| json!({ "name": name, "in": "query", "required": required, "schema": schema });
    let of = |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
    let issue_schema = json!({ "$ref": "#/components/schemas/issue" });
    let document = json!({
        "openapi": "3.0.3",
        "paths": {
            "/repos/{owner}/{repo}/issues": {
                "get": {
                    "parameters": [
                        owner, path("repo", "string"), query("per_page", json!({ "type": "integer" }), false),
                        query("state", json!({ "type": "string", "enum": ["open", "closed"] }), true),
                    ],
                    "responses": { "200": of(&json!({ "type": "array", "items": issue_schema })) },
                },
                "post": {
                    "parameters": [owner, path("repo", "string")],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
                    "responses": { "201": of(&issue_schema) },
                },
            },
            "/repos/{owner}/{repo}/issues/{number}": {
                "delete": {
                    "parameters": [owner, path("repo", "string"), path("number", "integer")],
                    "responses": { "204": { "description": "gone" } },
                },
            },
            "/repos/{owner}/{repo}/issues/latest": {
                "delete": { "parameters": [owner, path("repo", "string")], "responses": { "204": {} } },
            },
        },
        "components": {
            "parameters": { "owner": path("owner", "string") },
            "schemas": {
                "issue": issue,
                "basic-error": { "type": "object", "properties": { "message": { "type": "string" } } },
                "validation-error": { "type": "object", "required": ["message"] },
            },
        },
    });
    Document::parse(document.to_string().as_bytes()).unwrap()
}

#[test]
fn what_is_right_passes() {
    let document = small();
    let issue = json!({ "number": 1, "body": null, "more": "than the document knows" });
    let exchanges = vec![
        exchange("GET", &format!("{ISSUES}?state=open&per_page=7"), &Value::Null, 200, &json!([issue])),
        exchange("POST", ISSUES, &json!({ "title": "t", "labels": ["a"] }), 201, &issue),
        exchange("POST", ISSUES, &json!({ "title": "t" }), 403, &json!({ "message": "no" })),
        exchange("POST", ISSUES, &json!({ "title": "t" }), 422, &json!({ "message": "no" })),
        exchange("DELETE", &format!("{ISSUES}/7"), &Value::Null, 204, &Value::Null),
        exchange("DELETE", &format!("{ISSUES}/latest"), &Value::Null, 204, &Value::Null),
    ];
    assert_eq!(document.operation(&exchanges[5]).unwrap(), "DELETE /repos/{owner}/{repo}/issues/latest");
    nothing_found(&document.check(&Recording { exchanges, ..Recording::default() }));
}

#[test]
fn everything_wrong_is_found_where_it_is() {
    let document = small();
    let (nothing, title) = (Value::Null, json!({ "title": "t" }));
    let (issue, error) = (json!({ "number": 1, "body": "b" }), json!({ "message": "no" }));
    let post = |request: &Value, status, answer: &Value| exchange("POST", ISSUES, request, status, answer);
    let get = |query: &str| exchange("GET", &format!("{ISSUES}{query}"), &nothing, 200, &json!([issue]));
    for (exchange, part, words) in [
        (exchange("GET", "/repos/acme/issues", &nothing, 200, &json!([])), Part::Path, "no such operation"),
        (exchange("PUT", ISSUES, &title, 201, &issue), Part::Path, "no such operation"),
        (exchange("DELETE", &format!("{ISSUES}/x"), &nothing, 204, &nothing), Part::Path, "number"),
        (get("?state=open&sort=up"), Part::Query, "\"sort\" is not a parameter"),
        (get("?state=shut"), Part::Query, "state"),
        (get("?state=open&per_page=many"), Part::Query, "per_page"),
        (get(""), Part::Query, "\"state\" is missing"),
        (post(&json!({ "title": 7 }), 201, &issue), Part::Request, "/title"),
        (post(&json!({ "title": "t", "labels": "a" }), 201, &issue), Part::Request, "/labels"),
        (post(&json!({ "title": "t", "label": ["a"] }), 201, &issue), Part::Request, "dditional"),
        (post(&json!({}), 201, &issue), Part::Request, "title"),
        (post(&json!([]), 201, &issue), Part::Request, "object"),
        (post(&nothing, 201, &issue), Part::Request, "has no body"),
        (exchange("DELETE", &format!("{ISSUES}/7"), &title, 204, &nothing), Part::Request, "takes none"),
        (post(&title, 200, &issue), Part::Status, "no such answer"),
        (post(&title, 500, &error), Part::Status, "no such answer"),
        (post(&title, 201, &json!({ "number": "1", "body": "b" })), Part::Answer, "/number"),
        (post(&title, 201, &json!({ "number": 1 })), Part::Answer, "body"),
        (post(&title, 201, &nothing), Part::Answer, "no \"\""),
        (post(&title, 404, &json!({ "message": 7 })), Part::Answer, "/message"),
        (post(&title, 422, &json!({})), Part::Answer, "message"),
        (exchange("DELETE", &format!("{ISSUES}/7"), &nothing, 204, &error), Part::Answer, "has a body"),
    ] {
        let findings =
            document.check(&Recording { exchanges: vec![exchange.clone()], ..Recording::default() });
        assert_eq!(findings.len(), 1, "{exchange:?}: {findings:?}");
        assert_eq!(findings[0].part, part, "{}", findings[0]);
        assert!(findings[0].message.contains(words), "{words:?} is not in {}", findings[0]);
    }
    let mut html = post(&title, 201, &issue);
    html.media_type = "text/html".to_owned();
    assert_eq!(document.check_answer(&html)[0].message, "the document has no \"text/html\"");
    let mut garbage = post(&title, 201, &issue);
    garbage.answer = "{".into();
    garbage.request = "{".into();
    assert!(document.check_answer(&garbage)[0].message.contains("is not JSON"));
    assert!(document.check_request(&garbage)[0].message.contains("is not JSON"));
}

#[test]
fn a_recording_that_is_not_whole_does_not_pass() {
    let recording = Recording { missed: 3, ..Recording::default() };
    assert_eq!(small().check(&recording)[0].message, "3 exchanges were not recorded: record more");
}

#[test]
fn what_is_no_document_is_refused() {
    assert!(matches!(Document::parse(b"{"), Err(DocumentError::NotJson(_))));
    for wrong in ["{}", "[]", "{\"paths\":7}"] {
        assert!(matches!(Document::parse(wrong.as_bytes()), Err(DocumentError::NotOpenApi)), "{wrong}");
    }
    let nowhere = Document::read(std::path::Path::new("/nowhere/api.json"));
    assert!(nowhere.unwrap_err().to_string().starts_with("/nowhere/api.json: "));
}
