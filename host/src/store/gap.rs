//! The record that takes the place of lost ones.

use crate::audit::{Actor, Outcome, Record};
use crate::clock::{Clock as _, SystemClock};

/// What takes the place of records that are gone.
pub(super) fn gap(lost: u64) -> Record {
    let target = format!("{lost} records");
    let outcome = Outcome::Failed("records-lost");
    Record::plain(SystemClock.now(), Actor::host(), "log.gap", target, outcome)
}
