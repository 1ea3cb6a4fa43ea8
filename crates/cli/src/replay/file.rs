//! Messages in a file: on each line one text, as a JSON string.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::letter::{Letter, Receipt, Text};

/// A file that is taken from.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    /// Locked for as long as it is taken from.
    file: File,
    length: u64,
    lines: Vec<String>,
    taken: bool,
    deleted: BTreeSet<usize>,
}

impl Lines {
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("{} cannot be read: {error}", path.display());
        let mut file = File::open(&path).map_err(cannot)?;
        lock(&file, &path)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(cannot)?;
        let lines = text.lines().map(str::to_owned).collect();
        let length = file.metadata().map_err(cannot)?.len();
        Ok(Self { path, file, length, lines, taken: false, deleted: BTreeSet::new() })
    }

    /// All of them, once.
    pub(super) fn take(&mut self) -> Vec<Letter> {
        if std::mem::replace(&mut self.taken, true) {
            return Vec::new();
        }
        let lines = self.lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let letter = |(index, line): (usize, &String)| {
            let text = match serde_json::from_str::<String>(line) {
                Ok(text) => Text::read(text),
                Err(_) => Text::Unreadable(format!("line {} is no JSON string", index + 1)),
            };
            let id = format!("{}:{}", index + 1, line);
            Letter { id, text, group: None, has_attributes: false, receipt: Receipt::Line(index) }
        };
        lines.map(letter).collect()
    }

    pub(super) fn delete(&mut self, line: usize) {
        self.deleted.insert(line);
    }

    /// Writes what is left in the place of what was there. Until then the file is as it was.
    pub(super) fn finish(&self) -> Result<(), String> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        let cannot = |why: &str| {
            format!("{} cannot be written, so that what was sent is still in it: {why}", self.path.display())
        };
        if self.file.metadata().is_ok_and(|file| file.len() != self.length) {
            return Err(cannot("something else has been written into it meanwhile"));
        }
        let left = self.lines.iter().enumerate().filter(|(index, _)| !self.deleted.contains(index));
        let text: String = left.map(|(_, line)| format!("{line}\n")).collect();
        replace(&self.path, &text).map_err(|error| cannot(&error.to_string()))
    }
}

/// What is taken from is written anew in the end, so nothing may be sent there meanwhile: not by another process, and not
/// by this one under another name.
fn lock(file: &File, path: &Path) -> Result<(), String> {
    let identity = |of: io::Result<std::fs::Metadata>| of.ok().map(|of| (of.dev(), of.ino()));
    // Whoever had it before may have put another file in its place.
    let is_replaced = || identity(file.metadata()) != identity(path.metadata());
    match file.try_lock() {
        // Where the file system has no locks, there is nothing to ask.
        Ok(()) | Err(TryLockError::Error(_)) if !is_replaced() => Ok(()),
        _ => Err(format!(
            "{} is in use already: name two different files, and let another replay end first",
            path.display()
        )),
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(path).map(drop).map_err(|error| error.error)
}

/// A file that is sent to.
#[derive(Debug)]
pub(super) struct Sheet {
    file: Mutex<File>,
    path: PathBuf,
}

impl Sheet {
    /// For its owner alone: events may hold what is nobody else's business.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("{} cannot be written: {error}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(cannot)?;
        lock(&file, &path)?;
        end_line(&mut file).map_err(cannot)?;
        Ok(Self { file: Mutex::new(file), path })
    }

    /// Keeps a text, and comes back only when it is on the disk.
    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        let line = format!("{}\n", serde_json::Value::from(text));
        let cannot = |error: io::Error| format!("{} cannot be written: {error}", self.path.display());
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(cannot)?;
        file.sync_data().map_err(cannot)
    }
}

/// A line that was cut off while it was written stays one of its own: it is in its source still.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_taken_and_only_what_was_sent_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("letters.jsonl");
        std::fs::write(&path, "\"cut of").unwrap();
        let sheet = Sheet::open(path.clone()).unwrap();
        for text in ["one", "two\nlines", "three"] {
            sheet.write(text).unwrap();
        }
        drop(sheet);
        let mut lines = Lines::open(path.clone()).unwrap();
        let taken = lines.take();
        let told: Vec<_> = taken.iter().map(|letter| letter.outgoing(100)).collect();
        assert!(told[0].as_ref().unwrap_err().contains("line 1"), "{told:?}");
        assert_eq!(told[1..], [Ok("one".to_owned()), Ok("two\nlines".to_owned()), Ok("three".to_owned())]);
        assert!(lines.take().is_empty());

        lines.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 4);
        lines.delete(1);
        lines.delete(3);
        lines.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"cut of\n\"two\\nlines\"\n");
    }

    #[test]
    fn nothing_is_sent_to_a_file_that_is_taken_from_whatever_it_is_called() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("letters.jsonl"), directory.path().join("link.jsonl"));
        std::fs::write(&path, "\"one\"\n").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut lines = Lines::open(path.clone()).unwrap();
        for name in [path.clone(), directory.path().join("./letters.jsonl"), link] {
            assert!(Sheet::open(name).unwrap_err().contains("is in use already"));
        }
        assert!(Lines::open(path.clone()).unwrap_err().contains("is in use already"));
        // Somebody who does not ask.
        std::fs::write(&path, "\"one\"\n\"two\"\n").unwrap();
        lines.delete(0);
        assert!(lines.finish().unwrap_err().contains("is still in it"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "\"one\"\n\"two\"\n");
        drop(lines);
        assert!(Sheet::open(path).is_ok());
    }

    #[test]
    fn a_file_of_letters_is_for_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.jsonl");
        Sheet::open(path.clone()).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
    }
}
