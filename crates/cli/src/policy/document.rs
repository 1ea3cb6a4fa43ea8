//! A policy file, and the repository that it is in.

use std::path::{Component, Path, PathBuf};

use gatepass_policy::{PolicyKind, TrustPolicy};
use gatepass_yaml::Problem;

use crate::Stop;
use crate::input::{self, MAX_FILE, STDIN};
use crate::problems::{Level, Source, show};
use crate::terminal::Stream;

/// The folder in which Octo STS looks for policies, from the repository's root.
pub(super) const FOLDER: &str = ".github/chainguard";

/// Where the policies of the whole organisation are.
pub(super) const ORGANIZATION: &str = ".github";

/// A path and the checkout that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From the repository's root, with `/` between the parts; as given, where no root is known.
    pub(super) path: String,
    /// The name of the checkout's folder.
    checkout: Option<String>,
}

impl Place {
    /// Of a path as the user gives it. The root is what holds `.git`, or else what holds `.github/chainguard`.
    pub(super) fn of(path: &Path) -> Self {
        let whole = std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| tidy(&path));
        let root = whole
            .ancestors()
            .skip(1)
            .find(|folder| folder.join(".git").exists())
            .or_else(|| whole.ancestors().find(|folder| folder.ends_with(FOLDER))?.ancestors().nth(2));
        let name = |folder: &Path| Some(folder.file_name()?.to_string_lossy().into_owned());
        match root.and_then(|root| Some((root, whole.strip_prefix(root).ok()?))) {
            Some((root, rest)) => Self { path: with_slashes(rest), checkout: name(root) },
            None => Self { path: with_slashes(&tidy(path)), checkout: None },
        }
    }

    /// For standard input, of which nothing is known: as a file that is where it belongs.
    pub(super) fn unknown() -> Self {
        Self { path: format!("{FOLDER}/stdin.sts.yaml"), checkout: None }
    }

    /// By which rules a policy here is read, where nobody says so: those of an organisation where the checkout's folder has
    /// the name of its repository.
    pub(super) fn kind(&self) -> PolicyKind {
        if self.checkout.as_deref() == Some(ORGANIZATION) {
            PolicyKind::Organization
        } else {
            PolicyKind::Repository
        }
    }
}

/// By which rules the policies of this repository are read.
pub(super) fn kind_in(repository: &str) -> PolicyKind {
    if repository.rsplit('/').next() == Some(ORGANIZATION) {
        PolicyKind::Organization
    } else {
        PolicyKind::Repository
    }
}

/// Without `.` and `..`, by the text alone.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if tidied.file_name().is_some() => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

fn with_slashes(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::RootDir);
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    let root = if path.has_root() { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// A policy that has been read.
#[derive(Debug)]
pub(super) struct Document {
    /// For messages.
    pub(super) name: String,
    pub(super) policy: TrustPolicy,
}

impl Document {
    /// Reads a policy: a file, standard input, or the name of a policy of this checkout.
    ///
    /// # Errors
    /// Usage when there is none; else what is wrong with it has been shown on `stream`.
    pub(super) fn read(given: &str, org: bool, stream: Stream) -> Result<Self, Stop> {
        let path = locate(given)?;
        let place = if path == STDIN { Place::unknown() } else { Place::of(Path::new(&path)) };
        let kind = if org { PolicyKind::Organization } else { place.kind() };
        let name = input::name(&path).to_owned();
        let text = input::read_text(&path, MAX_FILE).map_err(|why| Stop::Usage(format!("{name} {why}")))?;
        match TrustPolicy::parse(&text, kind) {
            Ok(policy) => Ok(Self { name, policy }),
            Err(error) => {
                let problem = Problem {
                    position: error.position,
                    path: gatepass_yaml::Path::root(),
                    message: error.message.clone(),
                    help: Some(format!(
                        "`gatepass policy lint {path}` shows everything that is wrong with it"
                    )),
                };
                let said = error.server_message(&stem(&name));
                let note = said.map(|said| format!("Octo STS answers 404: {said}"));
                let source = Source { file: &name, text: Some(&text) };
                show(stream, Level::Error, source, &problem, note.as_deref());
                Err(Stop::Said)
            }
        }
    }
}

/// The policy's name, as a workload asks for it.
fn stem(path: &str) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.strip_suffix(".sts.yaml").unwrap_or(file).to_owned()
}

/// The file that is meant.
fn locate(given: &str) -> Result<String, Stop> {
    if given == STDIN || Path::new(given).exists() {
        return Ok(given.to_owned());
    }
    let is_name = !given.contains(['/', '\\', '.']);
    let named = gatepass_policy::policy_path(given);
    match is_name {
        true if Path::new(&named).exists() => Ok(named),
        true => Err(Stop::Usage(format!("there is no file {given}, and no {named}"))),
        false => Err(Stop::Usage(format!("there is no file {given}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_known_by_its_way_from_the_root_of_the_checkout() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("ops/.git")).unwrap();
        for (path, place, checkout) in [
            ("ops/.github/chainguard/a.sts.yaml", ".github/chainguard/a.sts.yaml", "ops"),
            ("ops/sub/../x/./a.sts.yaml", "x/a.sts.yaml", "ops"),
            ("ops/x/.github/chainguard/a.sts.yaml", "x/.github/chainguard/a.sts.yaml", "ops"),
            ("web/.github/chainguard/a.sts.yaml", ".github/chainguard/a.sts.yaml", "web"),
            (".github/.github/chainguard/a.sts.yaml", ".github/chainguard/a.sts.yaml", ".github"),
        ] {
            let found = Place::of(&root.join(path));
            assert_eq!((found.path.as_str(), found.checkout.as_deref()), (place, Some(checkout)), "{path}");
            let is_org = found.kind() == PolicyKind::Organization;
            assert_eq!(is_org, checkout == ".github", "{path}");
        }
    }

    #[test]
    fn without_a_checkout_a_path_stays_what_it_is() {
        for (path, place) in
            [("/nowhere/../none/a.sts.yaml", "/none/a.sts.yaml"), ("/a.sts.yaml", "/a.sts.yaml")]
        {
            assert_eq!(Place::of(Path::new(path)).path, place);
        }
    }

    #[test]
    fn the_repository_decides_the_rules() {
        for (repository, kind) in [
            ("acme/.github", PolicyKind::Organization),
            ("acme/ops", PolicyKind::Repository),
            ("acme/x.github", PolicyKind::Repository),
        ] {
            assert_eq!(kind_in(repository), kind, "{repository}");
        }
    }

    #[test]
    fn the_name_of_a_policy_is_its_file_without_the_end() {
        assert_eq!(stem(".github/chainguard/alarms.sts.yaml"), "alarms");
        assert_eq!(stem("<stdin>"), "<stdin>");
    }
}
