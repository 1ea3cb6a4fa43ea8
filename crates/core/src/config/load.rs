use std::io::Read as _;

use gatepass_yaml::{LeftOut, Node, Path, Problem, Repaired};

use super::{Config, ConfigError};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A file that has been read, with where everything in it stands.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file, as the user named it.
    pub file: String,
    /// What it says. Where [`Loaded::problems`] has entries, the best that could be made of it.
    pub config: Config,
    /// What is wrong with its structure and its single values.
    pub problems: Vec<Problem>,
    root: Node,
    left_out: LeftOut,
}

impl Loaded {
    /// A problem at `path`.
    pub fn problem(&self, path: Path, message: impl Into<String>, help: impl Into<String>) -> Problem {
        let help: String = help.into();
        let path = self.left_out.in_text(&path);
        Problem {
            position: self.root.position_of(&path),
            path,
            message: message.into(),
            help: Some(help).filter(|help| !help.is_empty()),
        }
    }

    /// Whether nothing at `path` or below it is wrong with the structure: only then does what is missing there say
    /// anything.
    pub(crate) fn is_whole(&self, path: &Path) -> bool {
        let path = self.left_out.in_text(path);
        !self.problems.iter().any(|problem| problem.path.starts_with(&path))
    }

    /// Adds what was found wrong later, unless it only follows from a place that is wrong already.
    ///
    /// # Errors
    /// All problems, when there are any.
    pub fn conclude(&self, found: Vec<Problem>) -> Result<(), ConfigError> {
        let follows = |path: &Path| {
            self.problems.iter().any(|problem| !problem.path.is_root() && path.starts_with(&problem.path))
        };
        let mut problems = self.problems.clone();
        problems.extend(found.into_iter().filter(|problem| !follows(&problem.path)));
        problems.sort_by_key(|problem| problem.position);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { file: self.file.clone(), problems, warnings: Vec::new() })
        }
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// When it is missing, is no file, is larger than 1 MiB, or is not UTF-8.
pub fn read_file(path: &str) -> Result<String, ConfigError> {
    let whole = |message: String, help: &str| ConfigError::whole(path, message, help);
    let cannot = |error: std::io::Error| {
        whole(
            format!("cannot be read: {error}"),
            "check the path, which a function takes from GATEPASS_CONFIG, or write a first file with `gatepass init`",
        )
    };
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(whole("is larger than 1 MiB".into(), "is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        whole(format!("is not UTF-8 (line {line})"), "save it as UTF-8")
    })
}

/// Reads the text of a file.
///
/// # Errors
/// When nothing can be made of it: it is no YAML, or no mapping. Smaller problems are in [`Loaded::problems`].
pub fn load(file: &str, text: &str) -> Result<Loaded, ConfigError> {
    let syntax = |error: gatepass_yaml::SyntaxError| ConfigError {
        file: file.to_owned(),
        problems: vec![Problem {
            position: error.position,
            path: Path::root(),
            message: error.message,
            help: None,
        }],
        warnings: Vec::new(),
    };
    let root = gatepass_yaml::parse(text).and_then(gatepass_yaml::Document::single).map_err(syntax)?;
    if root.is_null() {
        return Err(ConfigError::whole(file, "is empty", "write a first one with `gatepass init`"));
    }
    let Repaired { value, problems, left_out } = gatepass_yaml::read_repaired(&root);
    match value {
        Some(config) => Ok(Loaded { file: file.to_owned(), config, problems, root, left_out }),
        None => Err(ConfigError { file: file.to_owned(), problems, warnings: Vec::new() }),
    }
}
