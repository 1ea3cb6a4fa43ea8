//! The shipped programs, which are run as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::Stop;

/// The program of every place.
pub(crate) type Programs = BTreeMap<Place, PathBuf>;

/// Finds the programs of `places` in `directory`, or beside this program.
pub(crate) fn find(directory: Option<&Path>, places: &[Place]) -> Result<Programs, Stop> {
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned())).ok_or_else(
            || Stop::Failed("cannot tell where gatepass itself is; name --bin-dir DIR".to_owned()),
        )?,
    };
    let path = |place: Place| directory.join(place.program());
    let missing: Vec<&str> =
        places.iter().filter(|place| !path(**place).is_file()).map(|place| place.program()).collect();
    if !missing.is_empty() {
        return Err(Stop::Failed(format!(
            "{} not found in {}\nbuild the programs with `make build` or `cargo build --bins`, or name their directory with --bin-dir DIR",
            missing.join(", "),
            directory.display()
        )));
    }
    Ok(places.iter().map(|place| (*place, path(*place))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_directory_and_the_next_step() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("gatepass-gcp"), "").unwrap();
        let find = |places: &[Place]| find(Some(directory.path()), places);
        assert_eq!(find(&[Place::CloudRun]).unwrap().len(), 1);
        let Err(Stop::Failed(message)) = find(&[Place::Lambda, Place::CloudRun, Place::Functions]) else {
            panic!("found")
        };
        let place = directory.path().display().to_string();
        assert!(
            message.starts_with("gatepass-aws, gatepass-azure not found in ") && message.contains(&place),
            "{message}"
        );
        assert!(message.contains("make build") && message.contains("--bin-dir"), "{message}");
    }
}
