//! The audit log of this host: its key, its second place, its sealer.

use std::sync::Arc;

use crate::audit::{
    Actor, Log, Origin, Outcome, Record, Schedule, SealKey, Sealer, Sink, Source, Turn,
};
use crate::clock::Clock;
use crate::config::Config;

/// The key and the log of this host.
pub(super) fn open(config: &Config) -> anyhow::Result<(SealKey, Arc<Log>)> {
    let key = SealKey::open(&config.keys.folder, &config.audit.log, Turn::Now)?;
    let log = Log::new(key.log_id(), config.audit.checkpoint_records);
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
    };
    Ok(Sealer::start(log, key, sink, source, clock, schedule).await?)
}

/// A record of something that the host itself did.
pub(super) fn own(
    clock: &dyn Clock,
    action: &'static str,
    target: &str,
    outcome: Outcome,
) -> Record {
    Record {
        time: clock.now(),
        actor: Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: "host".into(),
                address: "local".into(),
            }),
            component: None,
        },
        action,
        relying_party: "-".into(),
        target: target.to_owned(),
        outcome,
        policies: Arc::from([]),
    }
}
