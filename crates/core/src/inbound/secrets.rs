//! The secrets of one webhook: several while one is rotated.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::signature::Signature;
use crate::clock::age;
use crate::config::SecretSource;
use crate::env::Env;
use crate::failure::Failure;
use crate::secret::WebhookSecret;
use crate::telemetry::TARGET;

/// How often files are read again because a signature fits none of their secrets.
const REREAD: Duration = Duration::from_secs(60);

/// The longest secret file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Where a webhook's secrets are, and what they were when they were last read.
#[derive(Debug)]
pub struct Secrets {
    sources: Vec<SecretSource>,
    env: Env,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// One a source, in the same order.
    secrets: Vec<WebhookSecret>,
    read_at: Timestamp,
}

impl Secrets {
    /// Reads them all: a secret that is named and cannot be read stops the start, because the route would be shut or,
    /// worse, open.
    ///
    /// # Errors
    /// A sentence that names the source, never its content.
    pub fn read(sources: &[SecretSource], env: &Env) -> Result<Self, String> {
        let secrets = sources.iter().map(|source| read(source, env)).collect::<Result<Vec<_>, _>>()?;
        let held = Mutex::new(Held { secrets, read_at: Timestamp::now() });
        Ok(Self { sources: sources.to_vec(), env: env.clone(), held })
    }

    /// Accepts a signature that one of the secrets made over `body`. On a miss, files are read again, at most once a
    /// minute: a secret may have been rotated.
    ///
    /// # Errors
    /// Unauthenticated when none of them did.
    pub async fn verify(&self, signature: &Signature, body: &[u8]) -> Result<(), Failure> {
        let mut held = self.held.lock().await;
        if signature.is_by_any(&held.secrets, body) {
            return Ok(());
        }
        let now = Timestamp::now();
        if age(held.read_at, now) >= REREAD {
            held.read_at = now;
            for (secret, source) in held.secrets.iter_mut().zip(&self.sources) {
                match read(source, &self.env) {
                    Ok(new) => *secret = new,
                    // As while a file is being replaced: what was read before stays good.
                    Err(reason) => {
                        tracing::warn!(target: TARGET, message = "a webhook's secret cannot be read again", reason);
                    }
                }
            }
            if signature.is_by_any(&held.secrets, body) {
                return Ok(());
            }
        }
        Err(Failure::unauthenticated(
            "the signature fits none of this webhook's secrets; compare the webhook's settings with `secrets` in gatepass.yaml",
        ))
    }
}

fn read(source: &SecretSource, env: &Env) -> Result<WebhookSecret, String> {
    match source {
        SecretSource::Env(name) => env.get(name.as_str()).and_then(WebhookSecret::new).ok_or_else(|| {
            format!("the environment variable {name} holds no secret: set it for this function")
        }),
        SecretSource::File(path) => {
            use std::io::Read as _;
            let mut text = String::new();
            std::fs::File::open(path)
                .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
                .map_err(|error| format!("the secret's file {path} cannot be read: {error}"))?;
            WebhookSecret::new(text.trim_end_matches(['\r', '\n']))
                .ok_or_else(|| format!("the secret's file {path} is empty"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(secret: &str, body: &[u8]) -> Signature {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let value = format!("sha256={}", crate::event::hex(ring::hmac::sign(&key, body).as_ref()));
        let headers = [("x-hub-signature-256".parse().unwrap(), value.parse().unwrap())];
        Signature::read(&headers.into_iter().collect()).unwrap()
    }

    #[test]
    fn what_cannot_be_read_stops_the_start_and_is_named() {
        let env = Env::from_iter([("EMPTY", "")]);
        for (source, name) in [
            (SecretSource::Env("UNSET".parse().unwrap()), "UNSET"),
            (SecretSource::Env("EMPTY".parse().unwrap()), "EMPTY"),
            (SecretSource::File("/nowhere/secret".into()), "/nowhere/secret"),
        ] {
            assert!(Secrets::read(&[source], &env).unwrap_err().contains(name));
        }
    }

    #[tokio::test]
    async fn both_secrets_of_a_rotation_are_accepted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old\n").unwrap();
        let env = Env::from_iter([("NEW", "new")]);
        let path = file.path().to_str().unwrap().to_owned();
        let sources = [SecretSource::Env("NEW".parse().unwrap()), SecretSource::File(path)];
        let secrets = Secrets::read(&sources, &env).unwrap();
        for secret in ["new", "old"] {
            assert!(secrets.verify(&signed(secret, b"x"), b"x").await.is_ok(), "{secret}");
        }
        assert!(secrets.verify(&signed("other", b"x"), b"x").await.is_err());
    }

    #[tokio::test]
    async fn a_rotated_file_is_read_again_after_a_miss_but_not_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let secrets = Secrets::read(&[SecretSource::File(path)], &Env::default()).unwrap();
        std::fs::write(file.path(), "two").unwrap();
        assert!(secrets.verify(&signed("two", b"x"), b"x").await.is_err());
        secrets.held.lock().await.read_at = Timestamp::UNIX_EPOCH;
        assert!(secrets.verify(&signed("two", b"x"), b"x").await.is_ok());
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_again_stays() {
        let (gone, rotated) =
            (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        std::fs::write(gone.path(), "old").unwrap();
        std::fs::write(rotated.path(), "one").unwrap();
        let source =
            |file: &tempfile::NamedTempFile| SecretSource::File(file.path().to_str().unwrap().to_owned());
        let secrets = Secrets::read(&[source(&gone), source(&rotated)], &Env::default()).unwrap();
        gone.close().unwrap();
        std::fs::write(rotated.path(), "two").unwrap();
        secrets.held.lock().await.read_at = Timestamp::UNIX_EPOCH;
        for (secret, accepted) in [("two", true), ("old", true), ("one", false)] {
            assert_eq!(secrets.verify(&signed(secret, b"x"), b"x").await.is_ok(), accepted, "{secret}");
        }
    }
}
