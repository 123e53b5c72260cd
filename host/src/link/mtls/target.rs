//! One host at the other end: its connection, and what is known of its health.
//!
//! A task of its own makes the connection and replaces it when it ends, when the
//! configuration changes and when the peer's certificate ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::{Connection, Fault};
use super::dial::{Dialer, Dialled};
use crate::clock::{Clock, Timestamp};

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection that is replaced may finish what it carries.
const REPLACED_GRACE: Duration = Duration::from_secs(2);

/// How long a host that let a call run into its deadline is the last choice.
const SUSPICION: Duration = Duration::from_secs(1);

/// How often the clock is asked whether a certificate still holds.
const RECHECK: Duration = Duration::from_secs(1);

/// A host at the other end of the link.
pub(super) struct Target {
    address: String,
    state: watch::Sender<State>,
    in_flight: AtomicUsize,
    suspect_until: Mutex<Option<Instant>>,
}

/// What a target is doing.
#[derive(Clone)]
pub(super) enum State {
    /// A connection is being made, and there was no failure since the last one.
    Dialling,
    /// There is one.
    Up(Connection),
    /// The last attempt failed.
    Down,
}

/// Counts a call for as long as it lives.
struct InFlight<'a>(&'a AtomicUsize);

// === impl Target ===

impl Target {
    pub fn new(address: String) -> Self {
        Self {
            address,
            state: watch::Sender::new(State::Dialling),
            in_flight: AtomicUsize::new(0),
            suspect_until: Mutex::new(None),
        }
    }

    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Ready when no first connection is being made any more.
    pub async fn settled(&self) {
        let mut state = self.state.subscribe();
        // `self` holds the sender: there is no error to come.
        let _ = state
            .wait_for(|state| !matches!(state, State::Dialling))
            .await;
    }

    /// What to compare when choosing: the less, the better.
    pub fn load(&self) -> (bool, usize) {
        let suspect = self
            .suspect_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|until| Instant::now() < until);
        (suspect, self.in_flight.load(Ordering::Relaxed))
    }

    /// It let a call run into its deadline.
    pub fn suspect(&self) {
        *self
            .suspect_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SUSPICION);
    }

    /// This connection is of no more use: make another one.
    fn give_up(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let ours = matches!(state, State::Up(connection) if connection.number == number);
            if ours {
                *state = State::Dialling;
            }
            ours
        });
    }

    async fn given_up(&self, number: u64) {
        let mut state = self.state.subscribe();
        let _ = state
            .wait_for(
                |state| !matches!(state, State::Up(connection) if connection.number == number),
            )
            .await;
    }

    /// One request and its answer.
    pub async fn exchange(
        &self,
        connection: Connection,
        request: Request<()>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Fault> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let _in_flight = InFlight(&self.in_flight);
        let exchanged = connection.exchange(request, body).await;
        if let Err(fault) = exchanged
            && (fault == Fault::Unbegun || !connection.takes_requests())
        {
            tracing::debug!(target = self.address, "link: a connection is given up");
            self.give_up(connection.number);
        }
        exchanged
    }

    /// Keep a connection, for ever.
    pub async fn keep(self: Arc<Self>, dialer: Arc<Dialer>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut tls = dialer.tls.watch();
            let Some(config) = tls.borrow_and_update().clone() else {
                self.state.send_replace(State::Down);
                if tls.changed().await.is_err() {
                    return;
                }
                continue;
            };
            match dialer.dial(&self.address, config).await {
                Ok(Dialled {
                    connection,
                    mut driver,
                }) => {
                    pause = FIRST_PAUSE;
                    let (number, not_after) = (connection.number, connection.not_after());
                    tracing::info!(target = self.address, "link: connected");
                    self.state.send_replace(State::Up(connection));
                    tokio::select! {
                        _ = &mut driver => self.give_up(number),
                        () = self.given_up(number) => retire(driver),
                        // The old one serves until there is a new one.
                        _ = tls.changed() => retire(driver),
                        () = expiry(&*dialer.clock, not_after) => {
                            self.give_up(number);
                            retire(driver);
                        }
                    }
                }
                Err(error) => {
                    if !matches!(self.state(), State::Down) {
                        tracing::warn!(target = self.address, %error, "link: no connection");
                    }
                    self.state.send_replace(State::Down);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }
}

/// Let a connection finish what it carries, then end it.
fn retire(driver: JoinHandle<()>) {
    tokio::spawn(async move {
        let abort = driver.abort_handle();
        if tokio::time::timeout(REPLACED_GRACE, driver).await.is_err() {
            abort.abort();
        }
    });
}

async fn expiry(clock: &dyn Clock, not_after: Timestamp) {
    while let Some(left) = not_after.checked_sub(clock.now()) {
        let left = Duration::from_millis(left.saturating_add(1));
        tokio::time::sleep(left.min(RECHECK)).await;
    }
}

// === impl InFlight ===

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
