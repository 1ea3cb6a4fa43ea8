use std::fmt;

use gatepass_yaml::{Position, Problem};

/// Why a configuration cannot be used: every problem that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as the user named it.
    pub file: String,
    /// At least one, in the order of the text.
    pub problems: Vec<Problem>,
    /// What would not have stood in the way.
    pub warnings: Vec<Problem>,
}

impl ConfigError {
    /// One problem with the file as a whole.
    pub fn whole(file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let problem = Problem {
            position: Position { line: 1, column: 1 },
            path: gatepass_yaml::Path::root(),
            message: message.into(),
            help: Some(help.into()),
        };
        Self { file: file.to_owned(), problems: vec![problem], warnings: Vec::new() }
    }
}

/// One line a problem, as compilers write them, so that editors find the place.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}:{problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
