//! The built Cloud Run binary, driven as a process by the sandbox's hosts: nothing inside it is replaced.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot get at what it expects has failed"
)]

mod anywhere;
mod bodies;
mod callers;
mod deadlines;
mod drain;
mod hang_up;
mod identity;
mod impersonation;
mod keys;
mod oidc;
mod paths;
mod reads;
mod records;
mod routes;
mod start;
mod support;
mod webhooks;
