//! An event that has been verified, and whom it is for.

use crate::event::Event;
use crate::names::JobId;

/// Whom an event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Every job whose `event` trigger asks for it.
    Subscribers,
    /// One job, by its name.
    Job(JobId),
}

/// What an adapter hands to [`crate::app::App::handle`]: whoever sent it has been verified.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Whom it is for.
    pub to: Address,
}
