//! Stopping without losing a request that was accepted.
//!
//! The contract has two sides.
//!
//! - The one who stops holds the [`Trigger`] and calls [`Trigger::drain`]. It
//!   returns when all blockers are gone, or after the deadline.
//! - Whoever has work to finish holds a [`Blocker`], taken from a [`Watcher`]
//!   **before** the work begins: a listener for as long as it accepts, a
//!   connection from its acceptance to its end. A listener takes a connection's
//!   blocker while it still holds its own, so there is no moment in which an
//!   accepted connection is unknown to the trigger.
//!
//! Three phases, and never a step back: *running*; *draining*, in which
//! listeners stop accepting, HTTP/2 peers get GOAWAY and HTTP/1.1 answers say
//! `connection: close`; and *forced*, in which what is left is dropped.
//!
//! Watchers don't hold up a drain. One trigger serves any number of listeners.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long the forced may take to let go, after which they are counted as lost.
const LETTING_GO: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Forced,
}

/// Starts the drain and waits for its end.
#[derive(Debug)]
pub struct Trigger {
    phase: watch::Sender<Phase>,
    blockers: watch::Receiver<usize>,
}

/// Learns of the drain; clones are cheap.
#[derive(Debug, Clone)]
pub struct Watcher {
    phase: watch::Receiver<Phase>,
    blockers: watch::Sender<usize>,
}

/// Work that a drain waits for, as long as this value lives.
#[derive(Debug)]
pub struct Blocker(watch::Sender<usize>);

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All work was finished.
    Clean,
    /// The deadline came while this many blockers were left; they were dropped.
    Forced(usize),
}

/// The signals that ask the host to stop: SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// A trigger and its watcher.
pub fn channel() -> (Trigger, Watcher) {
    let (phase, watched) = watch::channel(Phase::Running);
    let (count, blockers) = watch::channel(0);
    (
        Trigger { phase, blockers },
        Watcher {
            phase: watched,
            blockers: count,
        },
    )
}

/// Wait for a first signal, then drain; a second signal ends the wait at once.
pub async fn on_signal(trigger: Trigger, mut signals: Signals, deadline: Duration) -> Drained {
    let name = signals.next().await;
    tracing::info!(
        signal = name,
        deadline_ms = deadline.as_millis(),
        "draining"
    );
    trigger
        .drain_until(async {
            tokio::select! {
                () = tokio::time::sleep(deadline) => (),
                _ = signals.next() => (),
            }
        })
        .await
}

// === impl Trigger ===

impl Trigger {
    /// Start the drain and wait until all is finished or `deadline` has passed.
    pub async fn drain(self, deadline: Duration) -> Drained {
        self.drain_until(tokio::time::sleep(deadline)).await
    }

    /// Start the drain and wait until all is finished or `end` is ready.
    pub async fn drain_until(mut self, end: impl Future<Output = ()>) -> Drained {
        self.phase.send_replace(Phase::Draining);
        tokio::select! {
            biased;
            () = all_gone(&mut self.blockers) => return Drained::Clean,
            () = end => (),
        }
        let left = *self.blockers.borrow();
        self.phase.send_replace(Phase::Forced);
        if tokio::time::timeout(LETTING_GO, all_gone(&mut self.blockers))
            .await
            .is_err()
        {
            tracing::warn!(
                left = *self.blockers.borrow(),
                "work did not let go after a forced drain"
            );
        }
        Drained::Forced(left)
    }
}

async fn all_gone(blockers: &mut watch::Receiver<usize>) {
    // An error means that no watcher and no blocker exists any more.
    let _ = blockers.wait_for(|count| *count == 0).await;
}

// === impl Watcher ===

impl Watcher {
    /// Ready as soon as the drain has started. A trigger that is dropped
    /// without draining counts as forced.
    pub async fn started(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Ready when the deadline of the drain has passed.
    pub async fn forced(&self) {
        self.reached(Phase::Forced).await;
    }

    /// Whether the drain has started.
    pub fn has_started(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining || self.phase.has_changed().is_err()
    }

    /// Make the drain wait for as long as the blocker lives.
    pub fn block(&self) -> Blocker {
        self.blockers.send_modify(|count| *count += 1);
        Blocker(self.blockers.clone())
    }

    async fn reached(&self, phase: Phase) {
        let mut watched = self.phase.clone();
        let _ = watched.wait_for(|now| *now >= phase).await;
    }
}

// === impl Blocker ===

impl Drop for Blocker {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

// === impl Drained ===

impl Drained {
    /// Two drains as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Clean, other) => other,
            (one, Self::Clean) => one,
            (Self::Forced(one), Self::Forced(other)) => Self::Forced(one + other),
        }
    }
}

// === impl Signals ===

impl Signals {
    /// Start to listen; from now on neither signal ends the process by itself.
    ///
    /// # Errors
    /// The system refuses to install a signal handler.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::pending;

    use super::*;

    #[tokio::test]
    async fn drain_without_work_is_clean_at_once() {
        let (trigger, watcher) = channel();
        assert!(!watcher.has_started());
        assert_eq!(trigger.drain_until(pending()).await, Drained::Clean);
        assert!(watcher.has_started());
    }

    #[tokio::test]
    async fn drain_waits_for_every_blocker() {
        let (trigger, watcher) = channel();
        let (first, second) = (watcher.block(), watcher.block());
        let mut drain = Box::pin(trigger.drain_until(pending()));
        assert_eq!(drain.as_mut().now_or_never(), None);
        watcher.started().await;
        drop(first);
        assert_eq!(drain.as_mut().now_or_never(), None);
        drop(second);
        assert_eq!(drain.await, Drained::Clean);
    }

    #[tokio::test]
    async fn drain_forces_what_is_left_at_the_deadline() {
        let (trigger, watcher) = channel();
        let blocker = watcher.block();
        let worker = tokio::spawn(async move {
            watcher.forced().await;
            drop(blocker);
        });
        assert_eq!(
            trigger.drain(Duration::from_millis(10)).await,
            Drained::Forced(1)
        );
        worker.await.unwrap();
    }

    #[tokio::test]
    async fn lost_trigger_forces() {
        let (trigger, watcher) = channel();
        assert_eq!(watcher.forced().now_or_never(), None);
        drop(trigger);
        watcher.forced().await;
    }
}
