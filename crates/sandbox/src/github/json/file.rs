//! Files and directories of a repository as JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Value, json};

use super::{Urls, commit_id, hex};
use crate::github::repository::Repository;

/// The id Git gives a file's content.
fn blob_id(content: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(format!("blob {}\0", content.len()).as_bytes());
    hash.update(content);
    hex(hash.finish().as_ref())
}

/// Base64 in lines of sixty characters, each ended, as GitHub writes it.
fn encoded(content: &[u8]) -> String {
    let mut lines = String::new();
    for (position, letter) in STANDARD.encode(content).chars().enumerate() {
        if position > 0 && position % 60 == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    lines.push('\n');
    lines
}

/// One file or directory without its content.
fn entry(urls: &Urls, repository: &Repository, path: &str, content: Option<&[u8]>) -> Value {
    let full_name = repository.full_name();
    let (root, branch) = (urls.repository(&full_name), &repository.default_branch);
    let (kind, page, objects) =
        if content.is_some() { ("file", "blob", "blobs") } else { ("dir", "tree", "trees") };
    let sha = content.map_or_else(|| commit_id(&format!("{full_name} {path}")), blob_id);
    let url = format!("{root}/contents/{path}?ref={branch}");
    let html_url = urls.page(&format!("{full_name}/{page}/{branch}/{path}"));
    let git_url = format!("{root}/git/{objects}/{sha}");
    json!({
        "type": kind,
        "name": path.rsplit('/').next().unwrap_or(path),
        "path": path,
        "sha": sha,
        "size": content.map_or(0, <[u8]>::len),
        "url": url,
        "git_url": git_url,
        "html_url": html_url,
        "download_url": content.map(|_| urls.page(&format!("raw/{full_name}/{branch}/{path}"))),
        "_links": { "self": url, "git": git_url, "html": html_url },
    })
}

/// A file with its content.
pub(crate) fn file(urls: &Urls, repository: &Repository, path: &str, content: &[u8]) -> Value {
    let mut value = entry(urls, repository, path, Some(content));
    if let Some(fields) = value.as_object_mut() {
        fields.insert("encoding".to_owned(), "base64".into());
        fields.insert("content".to_owned(), encoded(content).into());
    }
    value
}

/// What a directory holds, or `None` when there is no such directory. The root is the empty path.
pub(crate) fn directory(urls: &Urls, repository: &Repository, path: &str) -> Option<Value> {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut entries = BTreeMap::new();
    for (file, content) in &repository.files {
        let Some(rest) = file.strip_prefix(&prefix) else { continue };
        let (name, content) = match rest.split_once('/') {
            Some((directory, _)) => (directory, None),
            None => (rest, Some(content.as_slice())),
        };
        entries.entry(format!("{prefix}{name}")).or_insert(content);
    }
    let listed = entries.iter().map(|(path, content)| entry(urls, repository, path, *content));
    (!entries.is_empty()).then(|| listed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_id_is_the_one_git_computes() {
        // printf 'hello\n' | git hash-object --stdin
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn content_comes_in_lines_of_sixty() {
        assert_eq!(encoded(b""), "\n");
        let lines = encoded(&[0; 100]);
        assert_eq!(lines.lines().map(str::len).collect::<Vec<_>>(), [60, 60, 16]);
    }
}
