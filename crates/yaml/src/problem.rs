//! One thing that is wrong in a file.

use std::fmt;

use crate::{Path, Position};

/// One thing that is wrong in a file. Displays as `3:5: jobs.alarm.titel: unknown key `titel` (did you mean
/// `title`?)`; who knows the file's name puts it in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where to look.
    pub position: Position,
    /// What it is about.
    pub path: Path,
    /// What is wrong, without place and path.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.position)?;
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
