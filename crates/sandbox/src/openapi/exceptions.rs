//! Where the document is wrong, or says less than GitHub does. Each with its reason; nothing else is let through.

/// Paths whose last parameter may hold slashes, or be missing: OpenAPI 3.0 cannot say so, and GitHub's contents do.
pub(super) const SWALLOWS_SLASHES: &[&str] = &["/repos/{owner}/{repo}/contents/{path}"];

/// Errors that every operation can answer, and the schema of each: GitHub checks token, rate, reach, permission,
/// version, media type and body before it comes to the operation, and the document lists these answers at some
/// operations only.
pub(super) const ANYWHERE: &[(u16, &str)] = &[
    (400, "basic-error"),
    (401, "basic-error"),
    (403, "basic-error"),
    (404, "basic-error"),
    (410, "basic-error"),
    (415, "basic-error"),
    (422, "validation-error"),
];

/// Media types that are the thing itself, not JSON about it: the document names them in prose only.
pub(super) const NOT_JSON: &[&str] = &["application/vnd.github.raw+json"];

/// Query parameters whose values are ranges in GitHub's search syntax, as `>=2026-11-20`: their prose says so, and
/// their schema wants a timestamp.
pub(super) const IN_SEARCH_SYNTAX: &[(&str, &str)] =
    &[("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", "created")];

/// Query parameters that any `GET` may have: the client asks for large pages of whatever a file tells it to read, and
/// cannot know what is a list. GitHub ignores them where it is none.
pub(super) const ON_ANY_GET: &[&str] = &["per_page"];
