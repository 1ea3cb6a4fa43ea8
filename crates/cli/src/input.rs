//! Files that somebody else wrote, and standard input: read whole, up to a limit.

use std::fs::{self, File};
use std::io::{self, Read};

/// What stands for standard input where a file is expected.
pub(crate) const STDIN: &str = "-";

/// The most that is read of a policy, of claims and of cases. GitHub itself gives Octo STS no file larger than this.
pub(crate) const MAX_FILE: usize = 1024 * 1024;

/// How the place is called in messages.
pub(crate) fn name(path: &str) -> &str {
    if path == STDIN { "<stdin>" } else { path }
}

/// Reads at most `limit` bytes.
///
/// # Errors
/// What is wrong, as a predicate that follows the file's name: `is a directory`.
pub(crate) fn read(path: &str, limit: usize) -> Result<Vec<u8>, String> {
    if path != STDIN && fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Err("is a directory".to_owned());
    }
    let bytes = if path == STDIN { take(io::stdin().lock(), limit) } else { take_file(path, limit) };
    let bytes = bytes.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > limit {
        return Err(format!("is larger than {}", size(limit)));
    }
    Ok(bytes)
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub(crate) fn read_text(path: &str, limit: usize) -> Result<String, String> {
    String::from_utf8(read(path, limit)?).map_err(|_| "is not UTF-8 text".to_owned())
}

fn take_file(path: &str, limit: usize) -> io::Result<Vec<u8>> {
    take(File::open(path)?, limit)
}

/// One byte more than the limit shows that there is more.
fn take(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn size(bytes: usize) -> String {
    if bytes >= 1024 * 1024 {
        format!("{} MiB", bytes / (1024 * 1024))
    } else {
        format!("{} KiB", bytes / 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_end_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let path = path.to_str().unwrap();
        fs::write(path, vec![b'x'; 2048]).unwrap();
        assert_eq!(read(path, 2048).unwrap().len(), 2048);
        assert_eq!(read(path, 2047).unwrap_err(), "is larger than 1 KiB");
        assert_eq!(read(directory.path().to_str().unwrap(), 1).unwrap_err(), "is a directory");
        assert!(read(&format!("{path}.none"), 1).unwrap_err().starts_with("cannot be read: "));
        fs::write(path, [0xff]).unwrap();
        assert_eq!(read_text(path, 9).unwrap_err(), "is not UTF-8 text");
    }
}
