//! The built Azure Functions binary, driven as a process by the sandbox's hosts: nothing inside it is replaced.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot get at what it expects has failed"
)]

mod azurite;
mod deadlines;
mod doctor;
mod events;
mod fault_matrix;
mod http;
mod identity;
mod once;
mod queue;
mod reading;
mod records;
mod start;
mod support;
mod timers;
mod unforwarded;
