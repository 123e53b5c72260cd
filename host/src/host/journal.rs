//! What the host does by itself, in the audit log.

use std::sync::Arc;

use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::store;

/// The host itself as an actor.
pub(super) fn host_actor() -> Actor {
    Actor {
        origin: Arc::new(Origin {
            request_id: uuid::Uuid::now_v7().to_string(),
            workload: "host".into(),
            address: "local".into(),
        }),
        component: None,
    }
}

/// Make a record about something that concerns the whole host durable.
///
/// # Errors
/// The audit log can't be written now; the record comes with its next commit.
pub(super) async fn record(
    services: &Services,
    actor: Actor,
    action: &'static str,
    target: &str,
    outcome: Outcome,
) -> Result<(), store::Error> {
    let trail = Trail::new();
    trail.push(Record {
        time: services.clock.now(),
        actor,
        action,
        relying_party: "-".into(),
        target: target.to_owned(),
        outcome,
        policies: Arc::from([]),
    });
    let appended = services.store.append(&trail).await;
    if appended.is_err() {
        services.store.owe(&trail).await;
    }
    appended
}
