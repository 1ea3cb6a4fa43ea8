//! Paths with parameters in them, as `/repos/{owner}/{repo}`.

use percent_encoding::percent_decode_str;

use super::exceptions::SWALLOWS_SLASHES;

/// One path of the document.
#[derive(Clone, Debug)]
pub(super) struct Template {
    text: String,
    segments: Vec<Segment>,
    swallows: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        let segments = text.split('/').skip(1).map(|segment| {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Literal(segment.to_owned()),
            }
        });
        let swallows = SWALLOWS_SLASHES.contains(&text);
        Self { text: text.to_owned(), segments: segments.collect(), swallows }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How much of it is not a parameter.
    pub(super) fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }

    /// The parameters of a path that has this form, by name and decoded.
    pub(super) fn match_path(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut values = Vec::new();
        let mut rest = path.strip_prefix('/');
        for (position, segment) in self.segments.iter().enumerate() {
            let is_last = position + 1 == self.segments.len();
            let (given, after) = match rest {
                Some(given) if is_last && self.swallows => (given, None),
                Some(given) => {
                    given.split_once('/').map_or((given, None), |(first, after)| (first, Some(after)))
                }
                None if is_last && self.swallows => ("", None),
                None => return None,
            };
            match segment {
                Segment::Literal(text) if text == given => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if given.is_empty() && !self.swallows => return None,
                Segment::Parameter(name) => {
                    values.push((name.clone(), percent_decode_str(given).decode_utf8_lossy().into_owned()));
                }
            }
            rest = after;
        }
        rest.is_none().then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_segment_by_segment() {
        for (template, path, values) in [
            ("/rate_limit", "/rate_limit", Some(vec![])),
            ("/repos/{owner}/{repo}", "/repos/acme/a%2Fb", Some(vec!["acme", "a/b"])),
            ("/repos/{owner}/{repo}", "/repos/acme", None),
            ("/repos/{owner}/{repo}", "/repos/acme/", None),
            ("/repos/{owner}/{repo}", "/repos/acme/widgets/issues", None),
            ("/repos/{owner}/{repo}", "/users/acme/widgets", None),
            ("/rate_limit", "rate_limit", None),
            (
                "/repos/{owner}/{repo}/contents/{path}",
                "/repos/a/w/contents/x/y.md",
                Some(vec!["a", "w", "x/y.md"]),
            ),
            ("/repos/{owner}/{repo}/contents/{path}", "/repos/a/w/contents/", Some(vec!["a", "w", ""])),
            ("/repos/{owner}/{repo}/contents/{path}", "/repos/a/w/contents", Some(vec!["a", "w", ""])),
        ] {
            let found = Template::new(template).match_path(path);
            let found = found.map(|pairs| pairs.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
            let values = values.map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(found, values, "{template} {path}");
        }
    }
}
