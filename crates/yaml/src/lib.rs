//! YAML that knows where everything stands.
//!
//! Two things that the usual readers do not give together:
//!
//! - a **tree** ([`parse`], [`Node`]) which keeps, for every key and value, its line and column, how it was
//!   written (plain or quoted) and its tag, so that a reader with other rules than YAML 1.2 (trust policies are
//!   read by Go as YAML 1.1) can resolve the scalars itself;
//! - a **reader** ([`read`]) which fills any `serde` type from that tree and reports **every** problem of the
//!   file in one go, each with its [`Position`], its [`Path`] and, where there is one, the next step.
//!
//! What a stranger sends cannot hurt: nesting, the number of nodes and the text that aliases multiply are
//! bounded, and nothing here panics.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Job {
//!     title: String,
//!     max_open: Option<u32>,
//! }
//!
//! let text = "
//! alarm:
//!   titel: It rings
//! report:
//!   title: Monday
//!   max_open: many
//! ";
//! let root = gatepass_yaml::parse(text)?.single()?;
//! let problems = gatepass_yaml::read::<BTreeMap<String, Job>>(&root).err().unwrap_or_default();
//! let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     lines,
//!     [
//!         "3:3: alarm.titel: unknown key `titel` (did you mean `title`?)",
//!         "6:13: report.max_open: expected a whole number from 0 to 4294967295, found `many` \
//!          (write it in decimal digits, without quotes or leading zeros)",
//!     ]
//! );
//! # Ok::<(), gatepass_yaml::SyntaxError>(())
//! ```
//!
//! A caller that finds problems of its own later (a job that names a caller which does not exist) places them
//! with [`Node::position_of`]:
//!
//! ```
//! use gatepass_yaml::{Path, Position};
//!
//! let root = gatepass_yaml::parse("jobs:\n  alarm:\n    caller: nobody\n")?.single()?;
//! let place = Path::root().key("jobs").key("alarm").key("caller");
//! assert_eq!(root.position_of(&place), Position { line: 3, column: 5 });
//! # Ok::<(), gatepass_yaml::SyntaxError>(())
//! ```

mod core_schema;
mod de;
mod fault;
mod nearest;
mod parse;
mod path;
mod problem;
mod reader;
mod tree;

pub use nearest::nearest;
pub use parse::{
    Document, MAX_DEPTH, MAX_NODES, MAX_TEXT, SyntaxError, brief, parse, parse_with_repeated_keys,
};
pub use path::{Path, Segment};
pub use problem::Problem;
pub use reader::{LeftOut, MAX_PROBLEMS, Repaired, read, read_repaired};
pub use tree::{Kind, Node, Position};
