//! Rollouts: which revision of a component serves whom, and how that changes.
//!
//! - [`slot`]: where calls find their revision and report how it went. Who gets the canary
//!   is decided once for each request, by its [`Routes`].
//! - [`watch`]: one call, whose end is reported whatever becomes of it.
//! - [`judge`], [`rules`]: when a canary is promoted or rolled back, and when a
//!   revision that crash-loops is taken out.
//! - [`lane`]: one component's slot, and what is linked and ready.
//! - [`plan`]: what a rollout becomes.
//! - [`order`], [`control`], [`change`]: what operators do with it.
//! - [`follow`]: what other hosts and the judge do with it. [`news`]: whether this host
//!   goes along with the others. [`predecessor`]: what is kept ready to return to.
//! - [`start`]: what serves first.
//!
//! The state is the store's, shared by all hosts of a deployment and counted by an
//! epoch. A host that can't reach it goes on with what it has.
//!
//! [`Routes`]: crate::capabilities::Routes

mod change;
mod control;
mod error;
mod follow;
pub mod judge;
mod lane;
mod news;
mod order;
mod place;
pub mod plan;
mod predecessor;
pub mod rules;
mod slot;
#[cfg(test)]
mod slot_tests;
mod start;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::policy::Gate;
use crate::store::rollouts::HostReport;
use crate::store::{self, Store};

pub use error::RolloutError;
pub use lane::{Extract, Lane, Running, Track};
pub use order::{Change, Order, Overview, Pushed, Wish};
pub use place::{Place, Routing};
pub use rules::{Rules, Sticky};
pub use slot::{Decision, Slot};
pub use start::StartError;
pub use watch::Watch;

/// The rollouts of all components of a host.
pub struct Rollouts {
    lanes: Vec<Arc<Followed>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    gate: Arc<Gate>,
    /// How this host calls itself.
    host: String,
}

/// A lane and how far it has come.
struct Followed {
    lane: Arc<dyn Lane>,
    /// The epoch of policy that what runs was last held against. Nobody waits for a turn
    /// with that.
    policy: std::sync::Mutex<u64>,
    /// Held by whoever changes something.
    turn: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// The epoch that is in place here.
    epoch: u64,
    /// The signatures of what that names, as they were then.
    signatures: Vec<String>,
    /// A state that was not admitted.
    refused: Option<Tried>,
    /// Why not, for reports.
    problem: String,
    /// A predecessor that was not admitted.
    not_ready: Option<Tried>,
    /// The epoch of policy that what runs was last held against in a turn.
    policy: u64,
    /// Whether the store could not be reached at the last look.
    cut_off: bool,
    reported: Option<HostReport>,
}

/// Something of a state that was tried in vain.
struct Tried {
    /// Its epoch, and that of policy.
    of: (u64, u64),
    /// Where that may well have passed: after how long to try again, and when.
    again: Option<(Duration, Instant)>,
}

/// After how long a host tries again what may well have passed, at first,
const AGAIN: Duration = Duration::from_secs(1);
/// and at last.
const AGAIN_AT_MOST: Duration = Duration::from_secs(60);

// === impl Rollouts ===

impl Rollouts {
    /// Rollouts in this store, of no component yet. `host` is how this host calls
    /// itself in reports and history.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        gate: Arc<Gate>,
        host: String,
    ) -> Self {
        Self {
            lanes: Vec::new(),
            store,
            clock,
            gate,
            host,
        }
    }

    /// The names of the components, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lanes.iter().map(|followed| followed.lane.name())
    }

    /// How this host calls itself.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What each component runs here.
    pub fn running(&self) -> Vec<(&'static str, Running)> {
        self.lanes
            .iter()
            .map(|followed| (followed.lane.name(), followed.lane.running()))
            .collect()
    }

    /// Whether every component has a revision that may run.
    pub fn serve(&self) -> bool {
        !self
            .lanes
            .iter()
            .any(|followed| followed.lane.is_withdrawn())
    }

    /// Go where the shared state is, and do what policy says, now instead of at the next look.
    pub async fn look(&self) {
        for followed in &self.lanes {
            self.catch_up(followed).await;
        }
    }

    fn store(&self) -> Result<&dyn store::Rollouts, RolloutError> {
        self.store.rollouts().ok_or(RolloutError::Store)
    }

    fn services_store(&self) -> &dyn Store {
        &*self.store
    }
}

// === impl Tried ===

impl Tried {
    /// What was tried of these epochs is not admitted, after `before` was not.
    fn after(before: Option<Self>, of: (u64, u64), error: &RolloutError) -> Self {
        let before = before.filter(|tried| tried.of == of);
        let again = error.is_transient().then(|| {
            let waited = before.and_then(|tried| tried.again);
            let wait = waited.map_or(AGAIN, |(wait, _)| (wait * 2).min(AGAIN_AT_MOST));
            (wait, Instant::now() + wait)
        });
        Self { of, again }
    }

    /// Whether to try it again, of these epochs.
    fn is_due(&self, of: (u64, u64)) -> bool {
        self.of != of || self.again.is_some_and(|(_, at)| Instant::now() >= at)
    }
}

impl fmt::Debug for Rollouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollouts")
            .field("host", &self.host)
            .field("components", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
