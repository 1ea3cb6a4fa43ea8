//! Query parameters and pages of lists.

use jiff::Timestamp;
use serde_json::Value;
use url::form_urlencoded;

use super::refusal::{FieldError, Refusal};
use super::reply::Reply;

/// How many items a page has unless the client says otherwise, and at most.
const PAGE: usize = 30;
const MAX_PAGE: usize = 100;

/// The query of one request.
#[derive(Clone, Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        Self(form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// One of a few words; `default` when absent, 422 when it is none of them.
    pub(crate) fn word<T>(
        &self,
        name: &'static str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        match self.get(name) {
            None => Ok(default),
            Some(word) => parse(word).ok_or_else(|| invalid(name)),
        }
    }

    /// A point in time; 422 when it is none.
    pub(crate) fn timestamp(&self, name: &'static str) -> Result<Option<Timestamp>, Refusal> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name))).transpose()
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok().filter(|number| *number > 0)
    }

    /// The page that was asked for, and the one before and the ones after it in a `Link` header. `address` is the
    /// list's own, without a query.
    pub(crate) fn page(&self, items: Vec<Value>, address: &str, wrap: impl Fn(Value) -> Value) -> Reply {
        let size = self.number("per_page").unwrap_or(PAGE).min(MAX_PAGE);
        let number = self.number("page").unwrap_or(1);
        let last = items.len().div_ceil(size).max(1);
        let shown: Vec<Value> = items.into_iter().skip(size.saturating_mul(number - 1)).take(size).collect();
        let note = if last > 1 {
            format!("{} listed, page {number} of {last}", shown.len())
        } else {
            format!("{} listed", shown.len())
        };

        let mut links = Vec::new();
        let mut link = |page: usize, relation: &str| {
            links.push(format!("<{address}?{}>; rel=\"{relation}\"", self.for_page(page)));
        };
        if number > 1 {
            link(number.min(last + 1) - 1, "prev");
        }
        if number < last {
            link(number + 1, "next");
            link(last, "last");
        }
        if number > 1 {
            link(1, "first");
        }
        let reply = Reply::ok(&wrap(shown.into())).note(note);
        if links.is_empty() { reply } else { reply.header(http::header::LINK, &links.join(", ")) }
    }

    fn for_page(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| name != "page"));
        query.append_pair("page", &page.to_string());
        query.finish()
    }
}

/// 422 for a query parameter.
pub(crate) fn invalid(name: &'static str) -> Refusal {
    Refusal::invalid(vec![FieldError { resource: "Search", field: name, code: "invalid", message: None }])
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    fn link(query: &str, items: usize) -> String {
        let items = (0..items).map(Value::from).collect();
        let response = Query::parse(query).page(items, "http://h/issues", |list| list).into_response();
        response.headers().get("link").map_or("", |link| link.to_str().unwrap()).to_owned()
    }

    #[test]
    fn a_list_that_fits_has_no_links() {
        assert_eq!(link("", 30), "");
        assert_eq!(link("per_page=100&page=1", 100), "");
    }

    #[test]
    fn links_lead_forth_and_back_and_keep_the_query() {
        assert_eq!(
            link("labels=a%3Ab&per_page=2", 5),
            "<http://h/issues?labels=a%3Ab&per_page=2&page=2>; rel=\"next\", \
             <http://h/issues?labels=a%3Ab&per_page=2&page=3>; rel=\"last\""
        );
        assert_eq!(
            link("per_page=2&page=2", 5),
            "<http://h/issues?per_page=2&page=1>; rel=\"prev\", <http://h/issues?per_page=2&page=3>; rel=\"next\", \
             <http://h/issues?per_page=2&page=3>; rel=\"last\", <http://h/issues?per_page=2&page=1>; rel=\"first\""
        );
        assert_eq!(
            link("per_page=2&page=9", 5),
            "<http://h/issues?per_page=2&page=3>; rel=\"prev\", <http://h/issues?per_page=2&page=1>; rel=\"first\""
        );
    }

    #[test]
    fn a_page_is_at_most_a_hundred_and_nonsense_is_the_default() {
        assert!(link("per_page=1000", 101).contains("page=2>; rel=\"last\""));
        assert!(link("per_page=x&page=0", 31).contains("page=2>; rel=\"next\""));
    }
}
