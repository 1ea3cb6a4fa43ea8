//! Trust policies of Octo STS: read as the server reads them, judged as the server judges them. No I/O.
//!
//! A trust policy is the file `.github/chainguard/{name}.sts.yaml` on a repository's default branch. It says which
//! token of which issuer may become a GitHub token, and with which permissions.
//!
//! - [`Scope`] says in which repository a policy is looked for, under which path, and what it may grant.
//! - [`TrustPolicy::parse`] reads a policy as the server does: Go's YAML 1.1, through JSON, into Go's structs,
//!   strictly.
//! - [`TrustPolicy::evaluate`] holds a token's [`Claims`] against it, in the server's order and with the server's
//!   words.
//! - [`exact_policy`] writes the policy that admits exactly one workload.
//!
//! Where the outcome hinges on something that cannot be judged faithfully (a pattern that is more than literal text,
//! an exotic of YAML), the answer is "not judged", with the reason, and never a guess.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use gatepass_policy::{Claims, PolicyKind, TrustPolicy, Verdict, exact_policy};
//!
//! let claims = Claims::from_json(br#"{"iss":"https://accounts.google.com","sub":"1234","aud":"octo-sts.dev"}"#)?;
//! let permissions = BTreeMap::from([("issues".to_owned(), "write".to_owned())]);
//! let text = exact_policy(&claims, "octo-sts.dev", &permissions)?;
//! assert_eq!(
//!     text,
//!     "issuer: \"https://accounts.google.com\"\nsubject: \"1234\"\npermissions:\n  issues: \"write\"\n"
//! );
//!
//! let policy = TrustPolicy::parse(&text, PolicyKind::Repository)?;
//! assert_eq!(policy.evaluate(&claims, "octo-sts.dev"), Verdict::Admitted);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claims;
mod evaluate;
pub mod format;
mod go_text;
mod pattern;
pub mod permissions;
mod policy;
mod read;
mod scope;
mod suggest;
mod yaml11;

pub use claims::Claims;
pub use evaluate::{Refusal, Verdict};
pub use gatepass_yaml::Position;
pub use pattern::Pattern;
pub use policy::{Matcher, ParseError, ParseErrorKind, PolicyKind, TrustPolicy};
pub use scope::{Grant, InvalidScope, Scope, policy_path};
pub use suggest::{SuggestError, exact_policy};
