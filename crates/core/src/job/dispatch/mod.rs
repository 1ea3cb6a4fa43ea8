//! Actions that start something on GitHub: `dispatch_workflow` and `dispatch_repository`.
//!
//! Nobody can take back what they have started, so they are done once as far as GitHub lets anybody see, and never for an
//! event that is too old.

mod input;
mod repository;
mod workflow;

use std::time::Duration;

use jiff::Timestamp;

pub(super) use self::repository::{DispatchRepository, DraftedEvent};
pub(super) use self::workflow::{DispatchWorkflow, DraftedRun};
use super::situation::Situation;
use crate::report::Done;

/// The answer for an event that is older than `max_age`.
fn too_old(situation: &Situation<'_>, max_age: Option<Duration>) -> Option<Done> {
    let max_age = max_age?;
    let age = Timestamp::now().duration_since(situation.event.time);
    (age.is_positive() && age.unsigned_abs() > max_age).then(|| {
        let (age, most) = (age.as_secs(), max_age.as_secs());
        Done::ignored(format!("the event is {age} s old, older than max_age ({most} s)"))
    })
}
