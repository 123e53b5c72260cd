//! One call under watch: how it went is reported once, whatever becomes of it.
//!
//! Guarantees: a call whose caller goes away is judged, too, by the time for which it had
//! an instance. It counts as an error once that is longer than anybody has to wait, and
//! before only as slow, where it was. Who goes away before it has an instance, or at once,
//! says nothing about the revision.

use std::time::{Duration, Instant};

use super::judge::Ended;
use super::place::Place;
use super::slot::Slot;
use crate::capabilities::Routes;
use crate::registry::Begun;

/// What a call may take without anybody having a reason to give up on it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call that is under way.
pub struct Watch<'a, P: Send + Sync + 'static> {
    slot: &'a Slot<P>,
    place: Place<P>,
    routes: &'a Routes,
    started: Instant,
    begun: Begun,
    /// What it was waiting for may be to blame.
    calls_others: bool,
    reported: bool,
}

// === impl Watch ===

impl<'a, P: Send + Sync + 'static> Watch<'a, P> {
    /// A call of the revision that serves this request.
    pub(super) fn new(slot: &'a Slot<P>, routes: &'a Routes) -> Self {
        Self {
            place: slot.route(routes),
            slot,
            routes,
            started: Instant::now(),
            begun: Begun::default(),
            calls_others: false,
            reported: false,
        }
    }

    /// It calls other components, which may be what it is waiting for.
    #[must_use]
    pub fn of_caller(mut self) -> Self {
        self.calls_others = true;
        self
    }

    /// The revision in its place.
    pub fn place(&self) -> &Place<P> {
        &self.place
    }

    /// Where the call says that it has begun.
    pub fn begun(&self) -> &Begun {
        &self.begun
    }

    /// It has ended. Overload is nobody's fault and does not count.
    pub fn ended(mut self, ended: Option<Ended>) {
        self.reported = true;
        if let Some(ended) = ended {
            self.slot
                .observe(&self.place, ended, self.started.elapsed());
        }
    }
}

impl<P: Send + Sync + 'static> Drop for Watch<'_, P> {
    fn drop(&mut self) {
        let Some(begun) = self.begun.when().filter(|_| !self.reported) else {
            return;
        };
        let taken = begun.elapsed();
        let excused = self.calls_others && self.routes.was_let_down();
        let ended = if taken >= PATIENCE && !excused {
            Ended::Error
        } else {
            Ended::Abandoned
        };
        self.slot.observe(&self.place, ended, taken);
    }
}
