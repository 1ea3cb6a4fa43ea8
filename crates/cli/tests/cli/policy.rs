//! `gatepass policy`.

mod cases;
mod explain;
#[cfg(unix)]
mod guide;
mod lint;
mod suggest;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, finish, gatepass, run_in};

/// A policy that nothing is wrong with.
const GOOD: &str = r#"issuer: "https://accounts.google.com"
subject: "107691503500061507151"
permissions:
  issues: "write"
"#;

/// A folder of its own, with the folder of policies in it.
struct Checkout(TempDir);

impl Checkout {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join(".github/chainguard")).unwrap();
        Self(directory)
    }

    /// With these policies, by name.
    fn with(policies: &[(&str, &str)]) -> Self {
        let checkout = Self::new();
        for (name, text) in policies {
            checkout.write(&format!(".github/chainguard/{name}"), text);
        }
        checkout
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(path), text).unwrap();
    }

    /// `gatepass policy …` in it. Whatever it prints, no token is in it, and nothing that steers a terminal.
    fn policy(&self, arguments: &[&str]) -> Run {
        checked(run_in(self.path(), &[&["policy"], arguments].concat()))
    }

    /// The same, with a file as standard input.
    fn policy_with_stdin(&self, arguments: &[&str], stdin: &str) -> Run {
        let input = fs::File::open(self.path().join(stdin)).unwrap();
        let mut command: Command = gatepass();
        command.arg("policy").args(arguments).current_dir(self.path()).stdin(input);
        checked(finish(&mut command, Duration::from_secs(60)))
    }
}

fn checked(run: Run) -> Run {
    for text in [&run.out, &run.err] {
        assert!(!text.contains("eyJ"), "a token was printed: {text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
    run
}

/// Claims that [`GOOD`] admits.
fn admitted() -> Value {
    json!({
        "iss": "https://accounts.google.com",
        "sub": "107691503500061507151",
        "aud": "octo-sts.dev",
        "email": "function@acme-prod.iam.gserviceaccount.com",
        "email_verified": true,
        "exp": 4_000_000_000_u64,
    })
}

/// [`admitted`], with another subject.
fn stranger() -> Value {
    let mut claims = admitted();
    claims["sub"] = json!("107691503500061507152");
    claims
}

/// A token with these claims and a signature of nobody.
fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims), part(&json!({"s": "ig"})))
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.out))
}
