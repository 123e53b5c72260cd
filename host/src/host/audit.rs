//! The audit log of this host: its key, its second place, its sealer.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::audit::{
    Actor, Log, Outcome, PATIENCE, Record, Schedule, SealKey, Sealer, Sink, Source, Trail, Turn,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;

/// The key and the log of this host.
pub(super) fn open(config: &Config) -> anyhow::Result<(SealKey, Arc<Log>)> {
    let key = SealKey::open(&config.keys.folder, &config.audit.log, Turn::Now)?;
    let log = Log::new(&key, config.audit.checkpoint_records);
    Ok((key, Arc::new(log)))
}

/// Check the log in `source` and get ready to seal what follows. Nothing has been
/// committed yet.
pub(super) async fn sealer(
    config: &Config,
    key: SealKey,
    log: Arc<Log>,
    source: &dyn Source,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Sealer> {
    let sink = Sink::new(&config.audit.checkpoints, key.log_id());
    let schedule = Schedule {
        interval: config.audit.checkpoint_interval,
        patience: PATIENCE,
    };
    Ok(Sealer::start(log, key, sink, source, clock, schedule).await?)
}

/// What the log says of itself before anything else of this run: that it begins, that the
/// run before ended without a stop, or that it has records which nobody vouched for.
pub(super) async fn opening_records(
    store: &dyn Store,
    log: &Log,
    sealer: &Sealer,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    let trail = Trail::new();
    if log.next() == 1 {
        trail.push(own(clock, "log.open", log.id(), Outcome::Success));
    }
    if !sealer.was_clean() {
        let end = format!("record {}", log.next() - 1);
        tracing::warn!(end, "the last run ended without a stop: recorded as a gap");
        let why = Outcome::Failed("no-stop-recorded");
        trail.push(own(clock, "log.gap", &end, why));
    }
    if let Some(adopted) = sealer.adopted(Actor::host()) {
        let records = &adopted.target;
        tracing::warn!(
            records,
            "found behind the last checkpoint, sealed as found: nothing shows who wrote them"
        );
        trail.push(adopted);
    }
    Ok(store.append(&trail).await?)
}

/// Seal what there is, and no more: the store is closed.
pub(super) async fn seal(sealer: Sealer) {
    let (stop, stopped) = oneshot::channel();
    drop(stop);
    sealer.run(stopped).await;
}

fn own(clock: &dyn Clock, action: &'static str, target: &str, outcome: Outcome) -> Record {
    Record::plain(clock.now(), Actor::host(), action, target, outcome)
}
