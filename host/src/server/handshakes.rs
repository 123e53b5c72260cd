//! Handshakes under way: so many at a time, and a new one displaces the oldest.
//!
//! Whoever has not shown a certificate yet costs nothing but a place here. A flood of
//! silent sockets fills the places; it can't hold them, for each newcomer takes
//! that of the one who has dawdled longest. A proper client needs milliseconds and
//! is through before its turn to be displaced comes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Handshakes {
    most: usize,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    /// Oldest first.
    places: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// A place, as long as this value lives.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    queue: Arc<Mutex<Queue>>,
    displaced: oneshot::Receiver<()>,
}

// === impl Handshakes ===

impl Handshakes {
    /// All places are free.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            queue: Arc::default(),
        }
    }

    /// A place, always.
    pub(super) fn enter(&self) -> Place {
        let (displace, displaced) = oneshot::channel();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.places.len() >= self.most {
            // Dropping the sender tells as well as sending.
            queue.places.pop_front();
        }
        let number = queue.next;
        queue.next += 1;
        queue.places.push_back((number, displace));
        Place {
            number,
            queue: Arc::clone(&self.queue),
            displaced,
        }
    }
}

// === impl Place ===

impl Place {
    /// Ready when somebody newer has taken the place.
    pub(super) async fn displaced(&mut self) {
        let _ = (&mut self.displaced).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.places.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn newcomer_displaces_the_oldest_who_is_still_there() {
        let places = Handshakes::new(2);
        let mut first = places.enter();
        let done = places.enter();
        drop(done);
        let mut second = places.enter();
        assert!(first.displaced().now_or_never().is_none());
        let mut third = places.enter();
        assert!(first.displaced().now_or_never().is_some());
        assert!(second.displaced().now_or_never().is_none());
        drop(first);
        let _fourth = places.enter();
        assert!(second.displaced().now_or_never().is_some());
        assert!(third.displaced().now_or_never().is_none());
    }
}
