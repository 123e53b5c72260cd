//! Hosts at the other end of the link that were refused or cut off, in the audit log.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::link::{Notice, NoticeKind};

/// Record what is noticed, for ever. The address is the one that was dialled: that tells
/// these records from those of the listener, whose address is the caller's.
pub(super) async fn record(services: Arc<Services>, mut noticed: UnboundedReceiver<Notice>) {
    while let Some(notice) = noticed.recv().await {
        let (action, workload) = match notice.kind {
            NoticeKind::Refused => ("connection.accept", "-".to_owned()),
            NoticeKind::Ended(peer) => ("connection.keep", peer.to_string()),
        };
        let trail = Trail::new();
        let actor = Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload,
                address: notice.address,
            }),
            component: None,
        };
        let (time, outcome) = (services.clock.now(), Outcome::Failed(notice.code));
        trail.push(Record::plain(time, actor, action, "link", outcome));
        services.store.owe(&trail).await;
    }
}
