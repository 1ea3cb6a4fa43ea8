//! The built Cloud Run binary, driven as a process by the sandbox's hosts: nothing inside it is replaced.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot get at what it expects has failed"
)]

mod anywhere;
mod arrivals;
mod bodies;
mod callers;
mod chaos;
mod deadlines;
mod doctor;
mod drain;
mod emulator;
mod fault_matrix;
mod hang_up;
mod identity;
mod impersonation;
mod keys;
mod oidc;
mod once;
mod paths;
mod payloads;
mod queue;
mod reads;
mod records;
mod routes;
mod signed;
mod sns;
mod start;
mod support;
mod webhooks;
