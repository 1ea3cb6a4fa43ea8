//! The way from the root of a document to a node.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into a mapping, by key.
    Key(String),
    /// Into a list, by index from 0.
    Index(usize),
}

/// The way from the root to a node: `jobs.alarm.key[0]`. A key that could be misread is quoted: `jobs["a.b"]`.
///
/// ```
/// use gatepass_yaml::Path;
///
/// let job = Path::root().key("jobs").key("alarm");
/// assert_eq!(job.key("key").index(0).to_string(), "jobs.alarm.key[0]");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The path of the whole document. Displays as nothing.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a key below this one.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(Segment::Key(key.into()))
    }

    /// The path of an element below this one, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is `prefix` or leads below it.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// Whether this is the path of the whole document.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    fn join(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if !is_simple(key) => write!(f, "[{key:?}]")?,
                Segment::Key(key) if depth == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

fn is_simple(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_people_write_it() {
        let job = Path::root().key("jobs").key("alarm-1");
        for (path, text) in [
            (Path::root(), ""),
            (Path::root().index(2), "[2]"),
            (job.clone(), "jobs.alarm-1"),
            (job.key("key").index(0).key("x"), "jobs.alarm-1.key[0].x"),
            (job.key("a.b"), "jobs.alarm-1[\"a.b\"]"),
            (Path::root().key(""), "[\"\"]"),
            (Path::root().key("a\nb"), "[\"a\\nb\"]"),
        ] {
            assert_eq!(path.to_string(), text);
        }
    }
}
