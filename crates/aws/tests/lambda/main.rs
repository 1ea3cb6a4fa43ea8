//! The built Lambda binary, driven as a process by the sandbox's Lambda host: nothing inside it is replaced.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot get at what it expects has failed"
)]

mod batch;
mod comments;
mod convergence;
mod crashes;
mod credentials;
mod dispatches;
mod doctor;
mod duplicates;
mod events;
mod exchange;
mod fault_matrix;
mod fronts;
mod github_reads;
mod github_writes;
mod hand_offs;
mod identity;
mod input;
mod issue_life;
mod notifications;
mod ordering;
mod over_http;
mod samples;
mod settings;
mod several;
mod start;
mod stored_secrets;
mod storms;
mod support;
mod text;
mod text_in_comments;
mod tokens;
