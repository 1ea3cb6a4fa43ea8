//! Every complete `gatepass.yaml` of the documentation is one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{root, run_in};

/// The YAML blocks of a page that begin as a file does, with the line that each begins on.
fn files_of(page: &str) -> Vec<(usize, String)> {
    let mut files = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if line.trim() != "```yaml" {
            continue;
        }
        let block: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
        if block.first().is_some_and(|first| first.starts_with("version:")) {
            files.push((at + 2, block.join("\n")));
        }
    }
    files
}

fn pages(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_file_of_the_documentation_passes_check() {
    let mut count = 0;
    for page in pages(&root().join("docs")) {
        for (line, file) in files_of(&fs::read_to_string(&page).unwrap()) {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("gatepass.yaml"), file).unwrap();
            let run = run_in(directory.path(), &["check"]);
            assert_eq!(run.code, Some(0), "{}:{line}\n{}{}", page.display(), run.out, run.err);
            count += 1;
        }
    }
    assert!(count >= 14, "only {count} files were found in docs/");
}
