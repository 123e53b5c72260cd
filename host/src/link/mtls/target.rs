//! One host at the other end: its connection, and what is known of its health.
//!
//! A task of its own makes the connection, and another one when it ends. The peer is
//! judged by what is in force now for as long as the connection stands: who is revoked
//! or distrusted is cut off at once, with the calls that run there. When the own
//! material changes, the old connection serves until there is a new one, though not
//! for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use rustls::ClientConfig;
use tokio::sync::watch;

use super::connection::{Connection, Fault};
use super::dial::{Dialer, Dialled};
use crate::identity::standing::{EXPIRED, Standing};

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection of before serves when material has changed and no new
/// connection can be made with it.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// How long a connection that is replaced may finish what it carries: no call has a
/// longer deadline. It ends by itself when it carries nothing any more.
const REPLACED_GRACE: Duration = Duration::from_secs(600);

/// After the peer's certificate ended: answers begun in time may still come.
const EXPIRED_GRACE: Duration = Duration::from_secs(1);

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
    /// A connection is being made, and no two attempts have failed since the last one.
    Dialling,
    /// There is one.
    Up(Connection),
    /// The last two attempts failed, or more.
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

    /// Calls are made over this connection from now on.
    pub fn stands(&self, connection: Connection) {
        self.state.send_replace(State::Up(connection));
    }

    /// This connection takes no more calls: another one is being made from now on.
    pub fn give_up(&self, number: u64) {
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
        loop {
            let down = || drop(self.state.send_replace(State::Down));
            let mut next = Some(self.dialled(&dialer, down).await);
            while let Some(dialled) = next {
                tracing::info!(target = self.address, "link: connected");
                let connection = dialled.connection.clone();
                self.stands(connection);
                next = self.hold(dialled, &dialer).await;
            }
        }
    }

    /// Try until there is a connection, and call `failed` after each attempt that brought
    /// none, but for the first: a single one may have met a host that is busy, and the next
    /// follows at once, so that calls can wait for it.
    async fn dialled(&self, dialer: &Dialer, failed: impl Fn()) -> Dialled {
        let mut pause = FIRST_PAUSE;
        let mut told = None;
        let mut first = true;
        loop {
            // Before the look, so that no change between the two is missed.
            let mut changes = dialer.tls.changes();
            match dialer.dial(&self.address).await {
                Ok(dialled) => return dialled,
                Err(error) => {
                    // Attempts go on and on: what they come to is told once.
                    if told != Some(error.code) {
                        told = Some(error.code);
                        tracing::warn!(target = self.address, %error, "link: no connection");
                        if let Some(code) = error.code {
                            dialer.refused(&self.address, code);
                        }
                    }
                    if !std::mem::take(&mut first) {
                        failed();
                    }
                }
            }
            if tokio::time::timeout(pause, changes.changed())
                .await
                .is_err()
            {
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }

    /// Another connection, once the material has changed that this one was made with;
    /// none when there is none in time.
    async fn replacement(
        &self,
        dialer: &Dialer,
        generation: u64,
        standing: &Standing<ClientConfig>,
    ) -> Option<Dialled> {
        let mut changes = dialer.tls.changes();
        // The dialer holds the sender: there is no error to come.
        let _ = changes.wait_for(|present| *present != generation).await;
        if standing.check().is_err() {
            // Others who wait for the change may hear of it a little later. The old
            // connection ends first.
            return std::future::pending().await;
        }
        let dialled = self.dialled(dialer, || {});
        tokio::time::timeout(REPLACED_WITHIN, dialled).await.ok()
    }

    /// Stay with a connection for as long as it is of use; then the one in its place, if
    /// there is one already.
    async fn hold(&self, mut held: Dialled, dialer: &Arc<Dialer>) -> Option<Dialled> {
        let number = held.connection.number;
        let standing = Arc::clone(held.connection.standing());
        let (next, grace) = tokio::select! {
            biased;
            code = standing.lost(RECHECK) => {
                self.give_up(number);
                dialer.ended(&self.address, &held.peer, code);
                match code {
                    EXPIRED => (None, EXPIRED_GRACE),
                    _ => {
                        held.driver.abort();
                        return None;
                    }
                }
            }
            _ = &mut held.driver => {
                self.give_up(number);
                return None;
            }
            () = self.given_up(number) => (None, REPLACED_GRACE),
            next = self.replacement(dialer, held.generation, &standing) => (next, REPLACED_GRACE),
        };
        if next.is_none() {
            self.give_up(number);
        }
        retire(held, grace, self.address.clone(), Arc::clone(dialer));
        next
    }
}

/// Let a connection finish what it carries, then end it; at once, should its peer lose
/// its standing meanwhile.
fn retire(held: Dialled, grace: Duration, address: String, dialer: Arc<Dialer>) {
    let Dialled {
        connection,
        mut driver,
        peer,
        ..
    } = held;
    let standing = Arc::clone(connection.standing());
    // Nobody else has it but the calls that run: with the last of them it ends.
    drop(connection);
    tokio::spawn(async move {
        tokio::select! {
            biased;
            _ = &mut driver => return,
            code = standing.lost(RECHECK), if grace != EXPIRED_GRACE => {
                dialer.ended(&address, &peer, code);
            }
            () = tokio::time::sleep(grace) => {}
        }
        driver.abort();
    });
}

// === impl InFlight ===

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
