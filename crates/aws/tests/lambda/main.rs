//! The built Lambda binary, driven as a process by the sandbox's Lambda host: nothing inside it is replaced.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot get at what it expects has failed"
)]

mod convergence;
mod crashes;
mod credentials;
mod duplicates;
mod events;
mod exchange;
mod github_reads;
mod github_writes;
mod identity;
mod input;
mod over_http;
mod samples;
mod settings;
mod start;
mod support;
mod text;
mod tokens;
