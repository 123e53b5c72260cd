//! The log of the operators: what is done to the store and its log from the command
//! line. It has its own key and its own tree beside the hosts' logs, so that a
//! command can leave its record while a host runs.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::audit::retention::OPERATORS;
use crate::audit::{
    Actor, Log, Outcome, PATIENCE, Record, Schedule, SealKey, Sealer, Sink, Trail, Turn,
};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::host::store;

/// What is done, and to what.
pub(in crate::cli) type Action = (&'static str, String);

/// Write down what the caller is about to do, durable and sealed when this returns.
///
/// # Errors
/// It can't be; then it must not be done.
pub(in crate::cli) async fn note(config: &Config, actions: &[Action]) -> anyhow::Result<()> {
    note_in(config, &config.store, actions, Outcome::Success).await
}

/// Write down what is done, do it, and write down too that it failed, as `failed:` and
/// the code.
///
/// # Errors
/// It can't be written down, and was not done; or what became of it.
pub(in crate::cli) async fn recorded<T>(
    config: &Config,
    actions: &[Action],
    code: &'static str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    recorded_in(config, &config.store, actions, code, work).await
}

/// As [`recorded`], in a store that is not the configured one.
///
/// # Errors
/// As [`recorded`].
pub(in crate::cli) async fn recorded_in<T>(
    config: &Config,
    store: &config::Store,
    actions: &[Action],
    code: &'static str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    note_in(config, store, actions, Outcome::Success).await?;
    let done = work.await;
    if done.is_err()
        && let Err(error) = note_in(config, store, actions, Outcome::Failed(code)).await
    {
        tracing::error!(%error, code, "the failure of this command could not be recorded");
    }
    done
}

async fn note_in(
    config: &Config,
    place: &config::Store,
    actions: &[Action],
    outcome: Outcome,
) -> anyhow::Result<()> {
    let key = SealKey::open(&config.keys.folder, OPERATORS, Turn::Wait)?;
    let log = Arc::new(Log::new(&key, usize::MAX));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opened = store::open_as_it_is(place, Arc::clone(&clock), Arc::clone(&log));
    let (store, history) = opened.await?;
    let sink = Sink::new(&config.audit.checkpoints, key.log_id());
    // It is told to stop before it runs: it seals once.
    let schedule = Schedule {
        interval: Duration::from_secs(1),
        patience: PATIENCE,
    };
    let started = Sealer::start(Arc::clone(&log), key, sink, &*history, clock, schedule);
    let sealer = started.await?;
    let trail = Trail::new();
    if log.next() == 1 {
        trail.push(record("log.open", log.id(), Outcome::Success));
    }
    let who = Actor::local(format!("operator:{}", user()));
    if let Some(adopted) = sealer.adopted(who) {
        let records = &adopted.target;
        tracing::warn!(
            log = log.id(),
            records,
            "found behind the last checkpoint, sealed as found: nothing shows who wrote them"
        );
        trail.push(adopted);
    }
    for (action, target) in actions {
        trail.push(record(action, target, outcome.clone()));
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

fn record(action: &'static str, target: &str, outcome: Outcome) -> Record {
    let actor = Actor::local(format!("operator:{}", user()));
    Record {
        // What lets an operator in is the machine's: who may read the keys.
        policies: Arc::from(["machine".to_owned()]),
        ..Record::plain(SystemClock.now(), actor, action, target, outcome)
    }
}

/// The system's number of who runs this command.
fn user() -> String {
    match std::fs::metadata("/proc/self") {
        Ok(own) => format!("uid-{}", own.uid()),
        Err(_) => "unknown".into(),
    }
}
