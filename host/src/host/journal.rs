//! What the host does by itself, in the audit log.

use crate::audit::{Actor, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::store;

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
    let now = services.clock.now();
    trail.push(Record::plain(now, actor, action, target, outcome));
    let appended = services.store.append(&trail).await;
    if appended.is_err() {
        services.store.owe(&trail).await;
    }
    appended
}
