//! The managed part of an issue's body.
//!
//! It stands between `<!-- gatepass:begin -->` and a marker line that says which key it is for and which event it
//! shows. What people write around it is theirs.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;

use crate::event::{sha256, short};
use crate::job::neutral::without_comments;
use crate::job::text::{MAX_BODY, cut};

const BEGIN: &str = "<!-- gatepass:begin -->";
const START: &str = "<!-- gatepass:v1 ";
const END: &str = "-->";

/// The last line of the managed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// The fingerprint of namespace, job and key: 64 hex digits.
    pub(super) key: String,
    /// The time of the event that it shows.
    pub(super) at: Timestamp,
    /// That event's source and id: 16 hex digits.
    pub(super) id: String,
    /// The title that was set last, by [`title_hash`]. Issues of earlier versions have none.
    pub(super) title: Option<String>,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{START}key={} at={} id={}", self.key, self.at, self.id)?;
        if let Some(title) = &self.title {
            write!(f, " title={title}")?;
        }
        write!(f, " {END}")
    }
}

/// Stands for a title: 16 hex digits of its SHA-256. A title that stands for something else was written by a person.
pub(super) fn title_hash(title: &str) -> String {
    short(sha256([title.as_bytes()]))
}

impl Marker {
    /// The marker for `key` in a body, wherever it stands.
    pub(super) fn find(body: &str, key: &str) -> Option<Self> {
        locate(body, key).map(|(_, marker)| marker)
    }

    /// Reads what stands between [`START`] and [`END`]. It must be exactly what is written, or it is none.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let key = words.next()?.strip_prefix("key=")?;
        let at = words.next()?.strip_prefix("at=")?.parse().ok()?;
        let id = words.next()?.strip_prefix("id=")?;
        let title = match words.next() {
            Some(word) => Some(word.strip_prefix("title=")?),
            None => None,
        };
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let title_fits = title.is_none_or(|title| is_hex(title, 16));
        let fits = is_hex(key, 64) && is_hex(id, 16) && title_fits && words.next().is_none();
        fits.then(|| Self { key: key.to_owned(), at, id: id.to_owned(), title: title.map(str::to_owned) })
    }
}

/// Where the marker for `key` stands.
fn locate(body: &str, key: &str) -> Option<(Range<usize>, Marker)> {
    body.match_indices(START).find_map(|(start, _)| {
        let inside = start + START.len();
        let rest = body.get(inside..)?;
        let length = rest.find(END)?;
        let marker = Marker::read(rest.get(..length)?)?;
        (marker.key == key).then(|| (start..inside + length + END.len(), marker))
    })
}

/// Where the managed part stands: from its beginning, if that is still there, to the end of the marker.
fn managed(body: &str, key: &str) -> Option<Range<usize>> {
    let (marker, _) = locate(body, key)?;
    let before = body.get(..marker.start)?;
    Some(before.rfind(BEGIN).unwrap_or(marker.start)..marker.end)
}

/// A body with this managed part: in the place of the one for the same key, else as all there is.
pub(super) fn compose(existing: &str, content: &str, marker: &Marker) -> String {
    let range = managed(existing, &marker.key).unwrap_or(0..existing.len());
    let before = existing.get(..range.start).unwrap_or_default();
    let after = existing.get(range.end..).unwrap_or_default();
    let line = marker.to_string();
    let count = |text: &str| text.chars().count();
    let frame = count(before) + count(after) + count(BEGIN) + count(&line) + 2;
    let content = cut(&without_comments(content.trim_end()), MAX_BODY.saturating_sub(frame));
    format!("{before}{BEGIN}\n{content}\n{line}{after}")
}

/// A body in which nothing but the marker is another.
pub(super) fn advance(existing: &str, marker: &Marker) -> String {
    let Some((range, _)) = locate(existing, &marker.key) else { return existing.to_owned() };
    let before = existing.get(..range.start).unwrap_or_default();
    let after = existing.get(range.end..).unwrap_or_default();
    let line = marker.to_string();
    let moved = format!("{before}{line}{after}");
    if moved.chars().count() <= MAX_BODY {
        return moved;
    }
    // The marker has grown, and the body is as long as it can be.
    let managed = managed(existing, &marker.key).and_then(|range| existing.get(range)).unwrap_or_default();
    let content = managed.strip_prefix(BEGIN).and_then(|rest| rest.rsplit_once(START));
    compose(existing, content.map_or("", |(content, _)| content.trim_start_matches('\n')), marker)
}

/// A body that is no longer managed: it says instead which issue is.
pub(super) fn release(existing: &str, key: &str, keeper: u64) -> String {
    let range = managed(existing, key).unwrap_or(0..0);
    let before = existing.get(..range.start).unwrap_or_default();
    let after = existing.get(range.end..).unwrap_or_default();
    format!("{before}Duplicate of #{keeper}{after}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marker(key: char) -> Marker {
        Marker {
            key: key.to_string().repeat(64),
            at: "2026-11-20T09:21:28Z".parse().unwrap(),
            id: "0123456789abcdef".into(),
            title: Some("fedcba9876543210".into()),
        }
    }

    #[test]
    fn the_marker_is_the_contracts() {
        let expected = format!(
            "<!-- gatepass:v1 key={} at=2026-11-20T09:21:28Z id=0123456789abcdef title=fedcba9876543210 -->",
            "a".repeat(64)
        );
        assert_eq!(marker('a').to_string(), expected);
        assert_eq!(Marker::find(&expected, &"a".repeat(64)), Some(marker('a')));
        let old = expected.replace(" title=fedcba9876543210", "");
        assert_eq!(Marker::find(&old, &"a".repeat(64)), Some(Marker { title: None, ..marker('a') }));
        assert_eq!(Marker { title: None, ..marker('a') }.to_string(), old);
    }

    #[test]
    fn what_is_almost_a_marker_is_none() {
        let good = marker('a').to_string();
        for bad in [
            good.replace("v1", "v2"),
            good.replace("key=a", "key=A"),
            good.replace("key=aa", "key=a"),
            good.replace("id=0", "id="),
            good.replace("at=2026", "at=x026"),
            good.replace(" -->", " more -->"),
            good.replace("title=f", "title="),
            good.replace("title=f", "title=F"),
            good.replace("title=", "name="),
            good.replace("-->", ""),
            String::new(),
        ] {
            assert_eq!(Marker::find(&bad, &"a".repeat(64)), None, "{bad}");
        }
        assert_eq!(Marker::find(&good, &"b".repeat(64)), None);
    }

    #[test]
    fn what_people_write_stays_wherever_the_managed_part_is() {
        let first = compose("", "old", &marker('a'));
        let edited = format!("Looking into it.\r\n\r\n{first}\n- [ ] call the vendor");
        let second = compose(&edited, "new", &marker('a'));
        assert!(
            second.starts_with("Looking into it.\r\n\r\n<!-- gatepass:begin -->\nnew\n<!-- gatepass:v1 "),
            "{second}"
        );
        assert!(second.ends_with("-->\n- [ ] call the vendor"), "{second}");
        assert!(!second.contains("old"));
    }

    #[test]
    fn a_lost_beginning_loses_nothing_of_what_people_wrote() {
        let edited = format!("mine\n{}", marker('a'));
        assert!(compose(&edited, "new", &marker('a')).starts_with("mine\n<!-- gatepass:begin -->\nnew\n"));
    }

    #[test]
    fn a_marker_moves_on_alone() {
        let body = format!("mine\n{}\nmine too", compose("", "x", &marker('a')));
        let next = Marker { id: "1111111111111111".into(), ..marker('a') };
        assert_eq!(advance(&body, &next), body.replace("0123456789abcdef", "1111111111111111"));
        assert_eq!(advance("nobody's", &next), "nobody's");
        let old = compose("", &"y".repeat(100_000), &Marker { title: None, ..marker('a') });
        let moved = advance(&old, &next);
        assert_eq!(moved.chars().count(), MAX_BODY);
        assert_eq!(Marker::find(&moved, &"a".repeat(64)), Some(next));
        assert!(moved.starts_with("<!-- gatepass:begin -->\nyyy"), "{moved}");
    }

    #[test]
    fn a_title_stands_for_itself() {
        assert_eq!(title_hash("abc"), "ba7816bf8f01cfea");
        assert_ne!(title_hash("abc"), title_hash("abc "));
    }

    #[test]
    fn a_released_body_has_no_marker() {
        let body = format!("mine\n{}\nmine too", compose("", "x", &marker('a')));
        assert_eq!(release(&body, &"a".repeat(64), 7), "mine\nDuplicate of #7\nmine too");
    }

    #[test]
    fn the_body_fits_with_its_marker() {
        let body = compose("", &"ä".repeat(100_000), &marker('a'));
        assert_eq!(body.chars().count(), MAX_BODY);
        assert!(body.contains("cut: GitHub") && Marker::find(&body, &"a".repeat(64)).is_some());
        let around = format!("{}{}", "p".repeat(60_000), compose("", "x", &marker('a')));
        let body = compose(&around, &"y".repeat(100_000), &marker('a'));
        assert_eq!(body.chars().count(), MAX_BODY);
        assert!(body.starts_with(&"p".repeat(60_000)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn composing_is_stable(around in "\\PC{0,40}", content in "(<|!|-|gatepass:v1 |\\PC){0,40}") {
            let body = compose(&around, &content, &marker('a'));
            prop_assert_eq!(Marker::find(&body, &"a".repeat(64)), Some(marker('a')));
            prop_assert_eq!(body.matches("<!--").count() , 2);
            prop_assert_eq!(compose(&body, &content, &marker('a')), body);
        }
    }
}
