//! The hosts at the other end, and the choice of one for a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::select_all;

use super::connection::Connection;
use super::target::{State, Target};

/// All hosts that a call may be made to.
pub(super) struct Hosts {
    targets: Vec<Arc<Target>>,
    /// Where the next search begins, so that equals take turns.
    turn: AtomicUsize,
    connect_timeout: Duration,
}

// === impl Hosts ===

impl Hosts {
    /// These, of which a choice waits for one as long as a connection may take.
    pub fn new(targets: Vec<Arc<Target>>, connect_timeout: Duration) -> Self {
        Self {
            targets,
            turn: AtomicUsize::new(0),
            connect_timeout,
        }
    }

    /// How many there are, whether they are up or not.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// The best connection that was not tried; waits for one that is being made.
    pub async fn choose(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        let wait = async {
            loop {
                if let Some(found) = self.best(tried) {
                    return Some(found);
                }
                let dialling: Vec<_> = self
                    .targets
                    .iter()
                    .filter(|target| matches!(target.state(), State::Dialling))
                    .map(|target| Box::pin(target.settled()))
                    .collect();
                if dialling.is_empty() {
                    return None;
                }
                select_all(dialling).await;
            }
        };
        tokio::time::timeout(self.connect_timeout, wait)
            .await
            .ok()
            .flatten()
    }

    /// Of the connections that stand: not suspect before suspect, few calls before many.
    pub fn best(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.targets.len().max(1);
        let (before, from) = self.targets.split_at_checked(turn)?;
        from.iter()
            .chain(before)
            .filter_map(|target| {
                let State::Up(connection) = target.state() else {
                    return None;
                };
                if !connection.takes_requests() {
                    // The other end has said goodbye (GOAWAY), and may linger with calls
                    // that it still answers: the next connection is not to wait for them.
                    target.give_up(connection.number);
                    return None;
                }
                let fit =
                    !tried.contains(&connection.number) && connection.standing().check().is_ok();
                fit.then(|| (Arc::clone(target), connection))
            })
            .min_by_key(|(target, _)| target.load())
    }
}
