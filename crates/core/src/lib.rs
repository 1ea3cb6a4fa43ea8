//! The shared core of gatepass.
//!
//! One direction, one entrance and one exit: an adapter verifies and decodes what its host sends into a
//! [`delivery::Delivery`], [`app::App::handle`] runs the jobs that match, and a [`report::Report`] goes back. The core
//! knows no cloud and no host. Modules stand here in the order in which they may import each other: each
//! uses only what comes before it.

pub mod secret;

mod clock;
pub mod deadline;
pub mod failure;
pub mod names;

pub mod env;
pub mod event;
pub mod telemetry;

pub mod client;
pub mod id_token;
mod retry;

pub mod exchange;
pub mod github;

pub mod config;

pub mod queue;
pub mod secret_store;

pub mod inbound;

pub mod delivery;
pub mod report;

pub mod job;

pub mod app;
pub mod doctor;

pub mod http;
pub mod once;

pub mod command;
