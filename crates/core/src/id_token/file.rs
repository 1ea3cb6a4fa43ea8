//! A token in a file, as Kubernetes projects one into a pod.

use std::fs::File;
use std::io::Read as _;

use super::{IdTokenSource, Pending, compact};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::secret::{IdToken, MAX_TOKEN_LEN};

/// A file that somebody else keeps fresh. It is read whenever a token is asked for; the projection has fixed the audience.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: String,
}

impl TokenFile {
    /// The file at this path, which need not be there yet.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into() }
    }

    /// What is in the file now.
    ///
    /// # Errors
    /// Refused, with the path and nothing of the content, when it cannot be read or holds no JWT.
    pub fn read(&self) -> Result<IdToken, Failure> {
        let path = &self.path;
        let cannot = |error: std::io::Error| {
            Failure::refused(format!(
                "the token file {path} cannot be read: {error}; check the path, and that the token is projected into this container"
            ))
        };
        let mut text = Vec::new();
        // One byte more than a token may have shows a file that is no token.
        let limit = u64::try_from(MAX_TOKEN_LEN).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut text)).map_err(cannot)?;
        compact(&text).ok_or_else(|| {
            Failure::refused(format!(
                "the token file {path} holds no OIDC token: that is three parts of base64url with dots between them, at most {MAX_TOKEN_LEN} bytes; write the token and nothing else into it"
            ))
        })
    }
}

impl IdTokenSource for TokenFile {
    fn name(&self) -> &str {
        "file"
    }

    fn id_token<'a>(&'a self, _: &'a str, _: Deadline) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move { self.read() })
    }

    fn reach<'a>(&'a self, _: Deadline) -> Pending<'a, Result<String, Failure>> {
        Box::pin(async move { Ok(format!("whoever the token in {} is for", self.path)) })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::failure::Class;

    #[tokio::test]
    async fn a_file_is_read_again_on_every_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let source = TokenFile::new(path.to_str().unwrap());
        for token in ["e30.e30.YQ", "e30.e30.Yg"] {
            fs::write(&path, format!("{token}\n")).unwrap();
            let read = source.id_token("any", Deadline::after(Deadline::DEFAULT)).await.unwrap();
            assert_eq!(read.expose(), token);
        }
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_path_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let long = format!("eyJ0.eyJ0.{}", "a".repeat(MAX_TOKEN_LEN));
        for content in ["", "eyJ0.eyJ0", "eyJ0.eyJ0.eyJ0.x", "<html>eyJ0", &long] {
            let path = directory.path().join("token");
            fs::write(&path, content).unwrap();
            let failure = TokenFile::new(path.to_str().unwrap()).read().unwrap_err();
            assert_eq!(failure.class, Class::Refused);
            let message = failure.message;
            assert!(message.contains(path.to_str().unwrap()) && !message.contains("eyJ"), "{message}");
        }
        for path in [directory.path().join("none"), directory.path().to_owned()] {
            let path = path.to_str().unwrap();
            let failure = TokenFile::new(path).read().unwrap_err();
            assert!(failure.message.contains(&format!("the token file {path} cannot be read")), "{failure}");
        }
    }
}
