//! The parameters of an exchange, from the query string and from a form.

use axum::body::Bytes;
use http::{HeaderMap, header};
use url::form_urlencoded;

use super::row::Row;

/// What the client asks for. Empty is "not given".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) scope: String,
    pub(crate) identity: String,
}

impl Parameters {
    /// Reads `scopes`, or else the older `scope`, and `identity`. Any body but a form is ignored, JSON too.
    pub(crate) fn read(query: Option<&str>, headers: &HeaderMap, body: &Bytes) -> Result<Self, Row> {
        let form: &[u8] = if is_form(headers) { body } else { &[] };
        let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .chain(form_urlencoded::parse(form))
            .collect();
        let values = |wanted: &str| {
            let named = pairs.iter().filter(move |(name, _)| name == wanted);
            named.map(|(_, value)| value.to_string()).collect::<Vec<_>>()
        };
        let (scopes, older) = (values("scopes"), values("scope"));
        if scopes.len() > 1 || older.len() > 1 {
            return Err(Row::MultipleScopes);
        }
        let scope = scopes.into_iter().chain(older).next().unwrap_or_default();
        Ok(Self { scope, identity: values("identity").into_iter().next().unwrap_or_default() })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, kind: &'static str, body: &'static str) -> Result<(String, String), Row> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        let read = Parameters::read(Some(query), &headers, &Bytes::from_static(body.as_bytes()));
        read.map(|parameters| (parameters.scope, parameters.identity))
    }

    #[test]
    fn query_and_form_are_read_and_json_is_not() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let found = Ok(("acme/w".to_owned(), "i".to_owned()));
        let nothing = Ok((String::new(), String::new()));
        for (query, kind, body, expected) in [
            ("scope=acme%2Fw&identity=i", "text/plain", "", &found),
            ("scopes=acme%2Fw&identity=i", FORM, "", &found),
            ("", FORM, "scope=acme%2Fw&scopes=acme%2Fw&identity=i", &found),
            (
                "identity=i",
                "application/x-www-form-urlencoded; charset=utf-8",
                "scopes=acme/w&scope=other",
                &found,
            ),
            ("", "application/json", "{\"scope\":\"acme/w\",\"identity\":\"i\"}", &nothing),
            ("", "text/plain", "scope=acme/w&identity=i", &nothing),
            ("scopes=a&scopes=b&identity=i", FORM, "", &Err(Row::MultipleScopes)),
            ("scopes=a", FORM, "scopes=b", &Err(Row::MultipleScopes)),
        ] {
            assert_eq!(read(query, kind, body), *expected, "{query} {body}");
        }
    }
}
