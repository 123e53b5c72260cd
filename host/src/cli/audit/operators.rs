//! The log of the operators: what is done to the store and its log from the command
//! line. It has its own key and its own tree beside the hosts' logs, so that a
//! command can leave its record while a host runs.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::audit::{Actor, Log, Outcome, Record, Schedule, SealKey, Sealer, Sink, Trail, Turn};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::host::store;

/// The name of the log; no host's log may have it.
pub(in crate::cli) const OPERATORS: &str = "operators";

/// Write down what the caller is about to do, durable and sealed when this returns.
///
/// # Errors
/// It can't be; then it must not be done.
pub(in crate::cli) async fn note(
    config: &Config,
    actions: &[(&'static str, String)],
) -> anyhow::Result<()> {
    let key = SealKey::open(&config.keys.folder, OPERATORS, Turn::Wait)?;
    let log = Arc::new(Log::new(key.log_id(), usize::MAX));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // No session is made here: their length does not matter.
    let opened = store::open(&config.store, 1, Arc::clone(&clock), Arc::clone(&log));
    let (store, history) = opened.await?;
    let sink = Sink::new(&config.audit.checkpoints, key.log_id());
    // It is told to stop before it runs: it seals once.
    let schedule = Schedule {
        interval: Duration::from_secs(1),
    };
    let started = Sealer::start(Arc::clone(&log), key, sink, &*history, clock, schedule);
    let sealer = started.await?;
    let trail = Trail::new();
    if log.next() == 1 {
        trail.push(record("log.open", log.id()));
    }
    for (action, target) in actions {
        trail.push(record(action, target));
    }
    let appended = store.append(&trail).await;
    store.close().await;
    let (stop, stopped) = oneshot::channel();
    drop(stop);
    sealer.run(stopped).await;
    appended?;
    anyhow::ensure!(
        log.accepts(),
        "{}: the checkpoint of this command could not be exported, so it was not run",
        config.audit.checkpoints.display()
    );
    Ok(())
}

fn record(action: &'static str, target: &str) -> Record {
    let actor = Actor::local(format!("operator:{}", user()));
    Record {
        // What lets an operator in is the machine's: who may read the keys.
        policies: Arc::from(["machine".to_owned()]),
        ..Record::plain(SystemClock.now(), actor, action, target, Outcome::Success)
    }
}

/// The system's number of who runs this command.
fn user() -> String {
    match std::fs::metadata("/proc/self") {
        Ok(own) => format!("uid-{}", own.uid()),
        Err(_) => "unknown".into(),
    }
}
