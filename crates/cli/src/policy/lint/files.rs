//! Which files are looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Stop;
use crate::input::{self, STDIN};
use crate::policy::document::{FOLDER, Place};

/// How deep folders are searched.
const MAX_DEPTH: usize = 8;

/// How many files are looked at in one run.
const MAX_FILES: usize = 10_000;

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Where to read it; `-` is standard input.
    pub(super) path: String,
    /// Where it is in its repository.
    pub(super) place: Place,
    /// Why it cannot even be opened, where that is known already.
    pub(super) trouble: Option<String>,
}

impl File {
    fn at(path: &Path) -> Self {
        Self { path: path.display().to_string(), place: Place::of(path), trouble: None }
    }

    /// As messages call it.
    pub(super) fn name(&self) -> &str {
        input::name(&self.path)
    }

    /// As a program finds it from the repository's root.
    pub(super) fn in_repository(&self) -> &str {
        if self.path == STDIN { "stdin" } else { &self.place.path }
    }
}

/// The files that these paths name, each once: files as they are, of folders what looks like a policy, in order.
///
/// # Errors
/// Usage when a path is not there, or when nothing is left to look at.
pub(super) fn find(paths: &[String]) -> Result<Vec<File>, Stop> {
    let here = [FOLDER.to_owned()];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut found = Vec::new();
    for path in paths {
        if path == STDIN {
            found.push(File { path: path.clone(), place: Place::unknown(), trouble: None });
            continue;
        }
        let folder = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Path::new(path),
            Ok(_) => {
                found.push(File::at(Path::new(path)));
                continue;
            }
            // A link that leads nowhere is there, and cannot be read.
            Err(_) if fs::symlink_metadata(path).is_ok() => {
                found.push(File::at(Path::new(path)));
                continue;
            }
            Err(_) => return Err(Stop::Usage(not_there(path, paths == here))),
        };
        let policies = folder.join(FOLDER);
        let before = found.len();
        search(if policies.is_dir() { &policies } else { folder }, 0, &mut found)?;
        if found.len() == before {
            return Err(Stop::Usage(format!(
                "there is nothing to lint in {path}: no file whose name ends with .sts.yaml, and no trusted-token-issuers.yaml"
            )));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|file| seen.insert(file.path.clone()));
    Ok(found)
}

fn not_there(path: &str, is_default: bool) -> String {
    if is_default {
        format!(
            "there is no folder {path} here; name the files or folders to lint, or `-` for standard input"
        )
    } else {
        format!("{path} is not there")
    }
}

/// What looks like a policy in this folder and below. Links to folders are not followed: they may lead in circles.
fn search(folder: &Path, depth: usize, found: &mut Vec<File>) -> Result<(), Stop> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let trouble = Some(format!("cannot be read: {error}"));
            found.push(File { trouble, ..File::at(folder) });
            return Ok(());
        }
    };
    let all_yaml = is_of_policies(folder);
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if looks_like_a_policy(&name, all_yaml) {
            if found.len() >= MAX_FILES {
                return Err(Stop::Usage(format!(
                    "{} holds more than {MAX_FILES} policies: name fewer folders at once",
                    folder.display()
                )));
            }
            found.push(File { trouble: special(&path), ..File::at(&path) });
        } else if depth < MAX_DEPTH
            && !name.starts_with('.')
            && fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir())
        {
            search(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// What nobody reads unasked: a pipe or a device may have no end, and a link may lead to one.
fn special(path: &Path) -> Option<String> {
    let is_special = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    is_special.then(|| "is no ordinary file, and leads to none".to_owned())
}

/// Whether this is the folder of policies, or below it: there, every YAML file is meant to be one.
fn is_of_policies(folder: &Path) -> bool {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    whole.ancestors().any(|folder| folder.ends_with(FOLDER))
}

fn looks_like_a_policy(name: &str, all_yaml: bool) -> bool {
    let name = name.to_lowercase();
    let Some(stem) = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")) else { return false };
    // Cases for `gatepass policy test` stand beside their policy.
    !stem.ends_with(".test") && (all_yaml || stem.ends_with(".sts") || stem == "trusted-token-issuers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[File], root: &Path) -> Vec<String> {
        let name =
            |file: &File| Path::new(&file.path).strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        found.iter().map(name).collect()
    }

    fn write(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn of_a_folder_what_looks_like_a_policy_is_taken_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        write(
            root,
            &[
                ".github/chainguard/b.sts.yaml",
                ".github/chainguard/a.yml",
                ".github/chainguard/a.test.yaml",
                ".github/chainguard/team/c.sts.yaml",
                ".github/chainguard/trusted-token-issuers.yaml",
                ".github/chainguard/README.md",
                ".github/workflows/ci.yaml",
                "samples/x.sts.yaml",
                "samples/x.yaml",
                "samples/.hidden/y.sts.yaml",
            ],
        );
        let find = |path: PathBuf| names(&super::find(&[path.display().to_string()]).unwrap(), root);
        let policies = [
            ".github/chainguard/a.yml",
            ".github/chainguard/b.sts.yaml",
            ".github/chainguard/team/c.sts.yaml",
            ".github/chainguard/trusted-token-issuers.yaml",
        ];
        assert_eq!(find(root.to_owned()), policies, "a checkout stands for its policies");
        assert_eq!(find(root.join(FOLDER)), policies);
        assert_eq!(find(root.join("samples")), ["samples/x.sts.yaml"]);
        assert_eq!(find(root.join("samples/x.yaml")), ["samples/x.yaml"], "what is named is taken");
        let twice = [root.join("samples"), root.join("samples/x.sts.yaml")];
        let twice: Vec<String> = twice.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(super::find(&twice).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().display().to_string();
        for (path, words) in [(format!("{root}/none"), "is not there"), (root, "nothing to lint in")] {
            let Err(Stop::Usage(message)) = find(&[path]) else { panic!("found") };
            assert!(message.contains(words), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_in_circles() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        write(root, &["a.sts.yaml"]);
        std::os::unix::fs::symlink(root, root.join("again")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("b.sts.yaml")).unwrap();
        let found = find(&[root.display().to_string()]).unwrap();
        assert_eq!(names(&found, root), ["a.sts.yaml", "b.sts.yaml"]);
        std::os::unix::fs::symlink("/dev/zero", root.join("c.sts.yaml")).unwrap();
        let found = find(&[root.display().to_string()]).unwrap();
        let troubled: Vec<bool> = found.iter().map(|file| file.trouble.is_some()).collect();
        assert_eq!(troubled, [false, false, true], "a device is not opened");
    }
}
