//! The sealer: turns what the store has committed into signed checkpoints.
//!
//! One task for each host. It takes leaves from the [`Log`] when a batch is waiting or
//! an interval has passed, appends them to its tree, signs the root and exports both
//! to the second place. Until that has succeeded nobody counts on it.
//!
//! When it can't do its duty (the second place can't be written, or does not answer for
//! [`Schedule::patience`]; the log has a record that this host did not write) it closes the log: calls are answered
//! `busy`, the host is not ready, and the alarm counter rises. It tries again every
//! [`RETRY`] and opens the log when it has caught up. One export is under way at a time, on a
//! thread of its own: a second place that hangs holds up nothing but the sealer, and not even
//! that at the end of the host.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::merkle::{Frontier, Hash};
use super::note::Checkpoint;
use super::resume::{ResumeError, Resumed, WINDOW, resume};
use super::sink::SinkError;
use super::{Actor, Log, Outcome, Record, SealKey, Sink, Source};
use crate::clock::Clock;
use crate::telemetry::metrics::{Counter, Gauge};

/// From a failure to the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// When a checkpoint is due although no batch is waiting.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The longest that a record waits for its checkpoint.
    pub interval: Duration,
    /// The longest that an export may take before the log is closed.
    pub patience: Duration,
}

/// [`Schedule::patience`] of a host.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What the sealer counts.
#[derive(Debug, Clone, Default)]
pub struct SealCounts {
    /// Checkpoints exported.
    pub checkpoints: Counter,
    /// Checkpoints that could not be.
    pub failures: Counter,
    /// How many records the last checkpoint covers.
    pub sealed: Gauge,
    /// When it was signed, milliseconds since the Unix epoch.
    pub time: Gauge,
}

/// Why there is no sealer.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The log can't be continued.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The second place can't be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The second place can't be written, for now.
    #[error("{path} does not answer; is its medium there?")]
    Silent {
        /// The file of checkpoints.
        path: PathBuf,
    },
    /// The store would go on at a place that is not behind the last record.
    #[error(
        "audit log {log} has {records} records, but the database would go on behind {head}: it was altered; keep it for an inquiry, and look with `zeropass audit verify`"
    )]
    Places {
        /// The log.
        log: String,
        /// How many there are.
        records: u64,
        /// What the database says.
        head: u64,
    },
}

/// An export under way, and what will have come of it.
type Exporting = oneshot::Receiver<Result<(), SinkError>>;

/// See the module.
pub struct Sealer {
    log: Arc<Log>,
    key: SealKey,
    sink: Sink,
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    counts: SealCounts,
    tree: Frontier,
    /// Leaves behind the tree, not exported yet.
    pending: Vec<Hash>,
    /// The places that were behind the last checkpoint at the start.
    adopted: Option<RangeInclusive<u64>>,
    /// There was a hole when it was last looked.
    hole: bool,
    /// An export hangs, and nobody waits for it any more: nothing can follow.
    abandoned: bool,
    clean: bool,
}

// === impl Sealer ===

impl Sealer {
    /// Check the log and its second place, and export a first checkpoint. Nothing may
    /// be committed to the log meanwhile.
    ///
    /// # Errors
    /// [`SealError`]: the host must not start.
    pub async fn start(
        log: Arc<Log>,
        key: SealKey,
        sink: Sink,
        source: &dyn Source,
        clock: Arc<dyn Clock>,
        schedule: Schedule,
    ) -> Result<Self, SealError> {
        let Resumed {
            exported,
            pending,
            sealed,
            adopted,
            clean,
        } = resume(&key, &sink, source, WINDOW, clock.now()).await?;
        let records = exported.size() + pending.len() as u64;
        let head = log.next().saturating_sub(1);
        if head != records {
            let log = key.log_id().to_owned();
            return Err(SealError::Places { log, records, head });
        }
        let whole = sealed == Some(records);
        let mut sealer = Self {
            log,
            key,
            sink,
            clock,
            schedule,
            counts: SealCounts::default(),
            tree: exported,
            pending,
            adopted: adopted.map(|first| first..=records),
            hole: false,
            abandoned: false,
            clean,
        };
        sealer.counts.sealed.set(sealed.unwrap_or(0));
        if !whole {
            // Also proves that the second place can be written. One checkpoint over all that was
            // found: no later one says of it that it was.
            sealer.export(adopted, None).await?;
        }
        Ok(sealer)
    }

    /// Whether the log's last host has recorded its stop.
    pub fn was_clean(&self) -> bool {
        self.clean
    }

    /// What a log should say of records that were found behind its last checkpoint, for
    /// those who read it: nothing shows who wrote them. For verifiers the checkpoint says it.
    pub fn adopted(&self, actor: Actor) -> Option<Record> {
        let (first, last) = self.adopted.clone()?.into_inner();
        let target = format!("records {first} to {last}");
        let outcome = Outcome::Failed("records-adopted");
        let now = self.clock.now();
        Some(Record::plain(now, actor, "log.gap", target, outcome))
    }

    /// What is counted.
    pub fn counts(&self) -> &SealCounts {
        &self.counts
    }

    /// Seal until `stop` is told or gone; then once more.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        loop {
            let pause = if self.log.accepts() {
                self.schedule.interval
            } else {
                RETRY
            };
            tokio::select! {
                biased;
                _ = &mut stop => break,
                () = self.log.batch_waiting() => {}
                () = tokio::time::sleep(pause) => {}
            }
            self.seal(Some(&mut stop)).await;
            if self.abandoned {
                return;
            }
        }
        self.seal(None).await;
    }

    /// Export what is there, and open or close the log by what came of it.
    async fn seal(&mut self, stop: Option<&mut oneshot::Receiver<()>>) {
        self.pending.extend(self.log.take_leaves());
        // A group may be committed and not yet told; twice in a row it is a hole.
        let hole = self.log.has_hole();
        if hole && self.hole {
            self.counts.failures.add(1);
            tracing::error!(
                log = self.log.id(),
                place = self.log.next(),
                "the audit log has a record that this host did not write: stop it and run `zeropass audit verify`"
            );
            self.log.refuse(true);
            return;
        }
        self.hole = hole;
        if self.pending.is_empty() && self.log.accepts() {
            return;
        }
        match self.export(None, stop).await {
            Ok(()) => {
                if !self.log.accepts() {
                    tracing::info!(log = self.log.id(), "checkpoints are exported again");
                }
                self.log.refuse(false);
            }
            Err(error) => {
                self.counts.failures.add(1);
                tracing::error!(%error, "a checkpoint could not be exported: calls are answered busy");
                self.log.refuse(true);
            }
        }
    }

    /// Sign and export what is pending. While it takes too long the log is closed, until
    /// `stop` is told; at once when there is nothing to wait for.
    async fn export(
        &mut self,
        adopted: Option<u64>,
        stop: Option<&mut oneshot::Receiver<()>>,
    ) -> Result<(), SealError> {
        let mut tree = self.tree.clone();
        self.pending.iter().for_each(|leaf| tree.push(*leaf));
        let checkpoint = Checkpoint {
            origin: self.key.log_id().to_owned(),
            size: tree.size(),
            root: tree.root(),
            time: self.clock.now(),
            adopted,
        };
        let note = self.key.sign(&checkpoint);
        let mut exporting = self.begin(note)?;
        let patience = self.schedule.patience;
        let done = match tokio::time::timeout(patience, &mut exporting).await {
            Ok(done) => done,
            Err(_elapsed) => {
                self.counts.failures.add(1);
                let file = self.sink.checkpoints().display().to_string();
                tracing::error!(
                    file,
                    "the second place does not answer: calls are answered busy"
                );
                self.log.refuse(true);
                let done = match stop {
                    Some(stop) => tokio::select! {
                        done = &mut exporting => Some(done),
                        _ = stop => None,
                    },
                    None => None,
                };
                let Some(done) = done else {
                    self.abandoned = true;
                    return Err(self.silent());
                };
                done
            }
        };
        // A thread that is gone has told nothing.
        done.map_err(|_| self.silent())??;
        self.pending.clear();
        self.tree = tree;
        self.counts.checkpoints.add(1);
        self.counts.sealed.set(checkpoint.size);
        self.counts.time.set(checkpoint.time);
        Ok(())
    }

    /// On a thread that nobody waits for when the host ends. The leaves stay pending.
    fn begin(&self, note: String) -> Result<Exporting, SealError> {
        let (done, exporting) = oneshot::channel();
        let (sink, first) = (self.sink.clone(), self.tree.size());
        let leaves = self.pending.clone();
        let export = move || {
            let _ = done.send(sink.export(first, &leaves, &note));
        };
        let thread = std::thread::Builder::new().name("audit-export".into());
        thread.spawn(export).map_err(|source| SinkError::Io {
            path: self.sink.checkpoints().to_owned(),
            source,
        })?;
        Ok(exporting)
    }

    fn silent(&self) -> SealError {
        SealError::Silent {
            path: self.sink.checkpoints().to_owned(),
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("key", &self.key)
            .field("size", &self.tree.size())
            .finish_non_exhaustive()
    }
}
