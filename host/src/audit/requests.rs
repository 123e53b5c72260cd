//! The requests that are under way on this host, and their trails.
//!
//! Where a request comes back to its own host over a link, both ends write the same log. What
//! the other end owes for its call, and what it was promised, can then be made durable with what
//! the request itself owes: its answer leaves behind both.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Trail;

/// Trails of requests by the requests' ids, on a host whose calls go to itself alone: nobody
/// else knows the id of a request before it is answered. On any other host (the default)
/// nothing ever counts as under way.
#[derive(Debug, Default)]
pub struct Requests(Option<Mutex<HashMap<String, Trail>>>);

/// A request that is under way, until this is dropped. Its trail is to be made durable after
/// that, before its answer leaves.
#[derive(Debug)]
pub struct UnderWay<'a> {
    requests: &'a Requests,
    id: &'a str,
}

// === impl Requests ===

impl Requests {
    /// Of a host whose calls all come back to it.
    pub fn of_own_link() -> Self {
        Self(Some(Mutex::default()))
    }

    /// The request of this id is under way from now on.
    pub fn begin<'a>(&'a self, id: &'a str, trail: &Trail) -> UnderWay<'a> {
        if let Some(mut trails) = self.trails() {
            trails.insert(id.to_owned(), trail.clone());
        }
        UnderWay { requests: self, id }
    }

    /// Hand records and promises over to the request that they are of. False, and nothing is
    /// done, where it is not under way on this host, or they are not all of one.
    pub fn take_over(&self, owed: &Trail) -> bool {
        let Some(trails) = self.trails() else {
            return false;
        };
        let origin = owed.request();
        match origin.and_then(|origin| trails.get(&origin.request_id)) {
            Some(trail) => {
                owed.hand_over(trail);
                true
            }
            None => false,
        }
    }

    fn trails(&self) -> Option<MutexGuard<'_, HashMap<String, Trail>>> {
        let trails = self.0.as_ref()?;
        Some(trails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl UnderWay ===

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(mut trails) = self.requests.trails() {
            trails.remove(self.id);
        }
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
        let (requests, one) = (Requests::of_own_link(), record());
        let (own, owed) = (trail(&[record()]), trail(std::slice::from_ref(&one)));
        let id = one.actor.origin.request_id.clone();
        assert!(!requests.take_over(&owed), "not begun");
        let under_way = requests.begin(&id, &own);
        assert!(requests.take_over(&owed));
        assert!(owed.is_empty());
        drop(under_way);
        let owed = trail(std::slice::from_ref(&one));
        assert!(!requests.take_over(&owed), "over");
        assert_eq!(owed.drain(), std::slice::from_ref(&one));
        assert_eq!(own.drain()[1..], [one]);
    }

    /// All that a call changed was promised, and its records are with the store.
    #[test]
    fn promises_alone_go_to_their_request_too() {
        let (requests, one) = (Requests::of_own_link(), record());
        let (own, owed) = (Trail::that_withholds(), Trail::that_withholds());
        let id = one.actor.origin.request_id.clone();
        let _under_way = requests.begin(&id, &own);
        let promise = owed.promise(&one.actor.origin);
        assert!(requests.take_over(&owed));
        assert!(owed.is_empty());
        assert!(!own.promises_kept());
        promise.keep();
        assert!(own.promises_kept());
    }

    #[test]
    fn records_of_several_requests_stay_where_they_are() {
        let (requests, one, other) = (Requests::of_own_link(), record(), record());
        let own = Trail::new();
        let id = one.actor.origin.request_id.clone();
        let _under_way = requests.begin(&id, &own);
        let owed = trail(&[one.clone(), other.clone()]);
        assert!(!requests.take_over(&owed));
        assert_eq!(owed.drain(), [one, other]);
        assert!(!requests.take_over(&owed), "none at all");
        assert!(own.is_empty());
    }

    /// Its calls go to other hosts, which learn the ids of its requests and could use them.
    #[test]
    fn host_that_calls_others_leaves_no_records_to_its_requests() {
        let (requests, one) = (Requests::default(), record());
        let (own, owed) = (Trail::new(), trail(std::slice::from_ref(&one)));
        let id = one.actor.origin.request_id.clone();
        let _under_way = requests.begin(&id, &own);
        assert!(!requests.take_over(&owed));
        assert_eq!(owed.drain(), [one]);
        assert!(own.is_empty());
    }
}
