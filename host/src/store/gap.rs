//! The record that takes the place of lost ones.

use std::sync::Arc;

use crate::audit::{Actor, Origin, Outcome, Record};
use crate::clock::{Clock as _, SystemClock};

/// What takes the place of records that are gone.
pub(super) fn gap(lost: u64) -> Record {
    Record {
        time: SystemClock.now(),
        actor: Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: "host".into(),
                address: "local".into(),
            }),
            component: None,
        },
        action: "log.gap",
        relying_party: "-".into(),
        target: format!("{lost} records"),
        outcome: Outcome::Failed("records-lost"),
        policies: Arc::from([]),
    }
}
