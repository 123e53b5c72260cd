//! The requests that are under way on this host, and their trails.
//!
//! Where a request comes back to its own host over a link, both ends write the same log. What
//! the other end owes for its call can then be made durable with what the request itself
//! owes: its answer leaves behind both.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Trail;

/// Trails of requests by the requests' ids. Nobody outside this host knows the id of a
/// request that has not been answered, but for the hosts that its calls went to.
#[derive(Debug, Default)]
pub struct Requests(Mutex<HashMap<String, Trail>>);

/// A request that is under way, until this is dropped. Its trail is to be made durable after
/// that, before its answer leaves.
#[derive(Debug)]
pub struct UnderWay<'a> {
    requests: &'a Requests,
    id: &'a str,
}

// === impl Requests ===

impl Requests {
    /// The request of this id is under way from now on.
    pub fn begin<'a>(&'a self, id: &'a str, trail: &Trail) -> UnderWay<'a> {
        self.trails().insert(id.to_owned(), trail.clone());
        UnderWay { requests: self, id }
    }

    /// Hand records over to the request that they are of. False, and nothing is done, where
    /// it is not under way on this host, or they are not all of one.
    pub fn take_over(&self, records: &Trail) -> bool {
        let trails = self.trails();
        let records_of_it = records.drain();
        let id = records_of_it
            .first()
            .map(|record| record.actor.origin.request_id.as_str());
        let alike = |id| {
            let mut all = records_of_it.iter();
            all.all(|record| record.actor.origin.request_id == id)
        };
        match id.filter(|id| alike(*id)).and_then(|id| trails.get(id)) {
            Some(trail) => {
                records_of_it.into_iter().for_each(|one| trail.push(one));
                true
            }
            None => {
                records.restore(records_of_it);
                false
            }
        }
    }

    fn trails(&self) -> MutexGuard<'_, HashMap<String, Trail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl UnderWay ===

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.requests.trails().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Outcome, Record};

    /// A record of a request of its own.
    fn record() -> Record {
        Record::plain(1, Actor::host(), "lifecycle.list", "-", Outcome::Success)
    }

    fn trail(records: &[Record]) -> Trail {
        let trail = Trail::new();
        records.iter().for_each(|record| trail.push(record.clone()));
        trail
    }

    #[test]
    fn records_go_to_their_request_as_long_as_it_is_under_way() {
        let (requests, one) = (Requests::default(), record());
        let (own, owed) = (trail(&[record()]), trail(std::slice::from_ref(&one)));
        let id = one.actor.origin.request_id.clone();
        assert!(!requests.take_over(&owed), "not begun");
        let under_way = requests.begin(&id, &own);
        assert!(requests.take_over(&owed));
        assert!(owed.is_empty());
        drop(under_way);
        let owed = trail(std::slice::from_ref(&one));
        assert!(!requests.take_over(&owed), "over");
        assert_eq!(owed.drain(), [one.clone()]);
        assert_eq!(own.drain()[1..], [one]);
    }

    #[test]
    fn records_of_several_requests_stay_where_they_are() {
        let (requests, one, other) = (Requests::default(), record(), record());
        let own = Trail::new();
        let id = one.actor.origin.request_id.clone();
        let _under_way = requests.begin(&id, &own);
        let owed = trail(&[one.clone(), other.clone()]);
        assert!(!requests.take_over(&owed));
        assert_eq!(owed.drain(), [one, other]);
        assert!(!requests.take_over(&owed), "none at all");
        assert!(own.is_empty());
    }
}
