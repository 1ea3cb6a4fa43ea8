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
//! - [`explain`] shows every check, how the two sides differ, and the smallest change that would admit the token.
//! - [`exact_policy`] writes the policy that admits exactly one workload, known by a token or by the facts
//!   ([`Workload`]).
//! - [`Cases`] are tests of a policy; [`inspect`] and [`warnings`] tell what a token is worth to the server.
//!
//! Where the outcome hinges on something that cannot be judged faithfully (a pattern that depends on the server's
//! Unicode tables, an exotic of YAML), the answer is "not judged", with the reason, and never a guess.
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

mod cases;
mod claims;
mod evaluate;
mod explain;
pub mod format;
mod go_text;
mod hint;
mod inspect;
pub mod issuers;
mod jwt;
pub mod lint;
mod names;
pub mod pattern;
pub mod permissions;
mod policy;
mod read;
mod said;
mod scope;
mod show;
mod sketch;
mod suggest;
pub mod trusted_issuers;
mod workload;
mod yaml11;

pub use cases::{Case, Cases};
pub use claims::{Claims, NotAToken};
pub use evaluate::{Refusal, Verdict};
pub use explain::{Change, Check, Explanation, Outcome, explain};
pub use gatepass_yaml::{Path, Position, Problem};
pub use hint::{Field, difference};
pub use inspect::{Inspected, Use, Warning, inspect, time_warnings, warnings};
pub use jwt::MAX_TOKEN_LEN;
pub use pattern::Pattern;
pub use policy::{Matcher, ParseError, ParseErrorKind, PolicyKind, TrustPolicy};
pub use said::NotARefusal;
pub use scope::{Grant, InvalidScope, Scope, policy_path};
pub use sketch::{Sketch, Spot, Written};
pub use suggest::{Grants, SuggestError, exact_policy};
pub use trusted_issuers::TrustedIssuers;
pub use workload::{NotAFact, Workload};
