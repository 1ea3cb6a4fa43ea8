use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::GitHub;
use crate::failure::Failure;

/// How many items that are not wanted are looked through.
const UNWANTED: usize = 1000;

/// Items of a paginated list.
#[derive(Debug)]
pub struct Items<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

/// Whatever was read.
#[derive(Debug)]
pub struct Read {
    /// The document, or the items of a list.
    pub value: Value,
    /// Whether the list has more.
    pub more: bool,
}

impl GitHub<'_> {
    /// Reads a list page by page, but no more than `most` items.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn list<T: DeserializeOwned>(
        &self,
        url: Url,
        most: usize,
        what: &str,
    ) -> Result<Items<T>, Failure> {
        self.list_wanted(url, most, what, |_| true).await
    }

    /// As [`GitHub::list`], but only the items that are `wanted` count.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn list_wanted<T: DeserializeOwned>(
        &self,
        url: Url,
        most: usize,
        what: &str,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Items<T>, Failure> {
        self.list_pages(url, most, what, |page: Vec<T>| page, wanted).await
    }

    /// As [`GitHub::list_wanted`], of a list whose pages are documents with the items inside.
    pub(super) async fn list_pages<P: DeserializeOwned, T>(
        &self,
        url: Url,
        most: usize,
        what: &str,
        items_of: impl Fn(P) -> Vec<T>,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Items<T>, Failure> {
        let (mut items, mut seen, mut next) = (Vec::new(), 0, Some(url));
        while let Some(url) = next.take_if(|_| items.len() < most && seen < most.saturating_add(UNWANTED)) {
            let page = self.get(url, what).await?;
            let all = items_of(page.read(what)?);
            next = page.next;
            // An empty page that has a next one might have one for ever.
            if all.is_empty() {
                break;
            }
            seen += all.len();
            items.extend(all.into_iter().filter(&wanted));
        }
        let more = next.is_some() || items.len() > most;
        items.truncate(most);
        Ok(Items { items, more })
    }
}

impl GitHub<'_> {
    /// Reads whatever is at `url`; a list with its further pages, but no more than `most` items.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn read(&self, url: Url, most: usize, what: &str) -> Result<Read, Failure> {
        let first = self.get(url, what).await?;
        let Value::Array(mut items) = first.read(what)? else {
            return Ok(Read { value: first.read(what)?, more: false });
        };
        if let Some(next) = first.next.filter(|_| items.len() <= most) {
            items.extend(self.list(next, most + 1 - items.len(), what).await?.items);
        }
        let more = items.len() > most;
        items.truncate(most);
        Ok(Read { value: Value::Array(items), more })
    }
}

/// The `rel="next"` of a `Link` header (RFC 8288, as GitHub writes it).
pub(super) fn next(headers: &HeaderMap) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    link.split(',').find_map(|part| {
        let (target, parameters) = part.split_once(';')?;
        let is_next = parameters.split(';').any(|parameter| parameter.trim() == r#"rel="next""#);
        is_next.then(|| Url::parse(target.trim().strip_prefix('<')?.strip_suffix('>')?).ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_found_among_the_others() {
        let link = |text: &str| next(&HeaderMap::from_iter([(LINK, text.parse().unwrap())]));
        let found = link(
            r#"<https://x/?page=1>; rel="prev", <https://x/?page=3>; rel="next", <https://x/?page=9>; rel="last""#,
        );
        assert_eq!(found.unwrap().as_str(), "https://x/?page=3");
        for none in [
            r#"<https://x/?page=1>; rel="prev""#,
            "",
            "garbage",
            r#"https://x; rel="next""#,
            r#"<:>; rel="next""#,
        ] {
            assert_eq!(link(none), None, "{none}");
        }
    }
}
