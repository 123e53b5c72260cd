//! What an identity may ask of all hosts of a front tier together: a question of the host
//! itself, not a call of a component.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Wire;
use crate::store;

/// Take so many requests of what an identity may send.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TakeCells {
    /// Its SPIFFE id.
    pub identity: String,
    /// Nanoseconds in which one request is earned.
    pub interval: u64,
    /// The most requests at once.
    pub burst: u32,
    /// How many are wanted.
    pub cells: u32,
}

/// What was given.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Taken {
    /// So many.
    pub cells: u32,
    /// Nanoseconds until there is another one.
    pub wait: u64,
}

// === impl TakeCells ===

impl TakeCells {
    /// The limit that it is taken under.
    pub fn limit(&self) -> store::RateLimit {
        store::RateLimit {
            interval: self.interval,
            burst: self.burst,
        }
    }
}

// === impl Taken ===

impl Wire<store::Taken> for Taken {
    fn of(native: store::Taken) -> Self {
        Self {
            cells: native.cells,
            wait: u64::try_from(native.wait.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    fn native(self) -> store::Taken {
        store::Taken {
            cells: self.cells,
            wait: Duration::from_nanos(self.wait),
        }
    }
}
