//! The records of one request that are not yet durable, and the changes that it has been
//! promised.
//!
//! Cloning shares the trail. Whoever commits next drains it, so that records
//! stay in the order in which they were made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Origin, Record};

/// Records on their way to the store.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    withholds: bool,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    records: Vec<Record>,
    promises: Vec<Promise>,
}

/// A change that was made, and whose caller went on before it was committed. Broken for good
/// where nobody keeps it.
#[derive(Debug, Clone)]
pub struct Promise {
    origin: Arc<Origin>,
    kept: Arc<AtomicBool>,
}

// === impl Trail ===

impl Trail {
    /// An empty trail.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty trail of somebody who answers with success only after the store has appended
    /// the trail: changes can be promised to it.
    pub fn that_withholds() -> Self {
        Self(Arc::new(Inner {
            withholds: true,
            owed: Mutex::default(),
        }))
    }

    /// Whether changes can be promised.
    pub fn withholds(&self) -> bool {
        self.0.withholds
    }

    /// Add a record.
    pub fn push(&self, record: Record) {
        self.owed().records.push(record);
    }

    /// Take all records, oldest first. The taker owes them to the store.
    pub fn drain(&self) -> Vec<Record> {
        std::mem::take(&mut self.owed().records)
    }

    /// Give records back that could not be made durable, in front of those that
    /// have come since.
    pub fn restore(&self, mut records: Vec<Record>) {
        let mut owed = self.owed();
        records.append(&mut owed.records);
        owed.records = records;
    }

    /// Promise a change of this request.
    pub fn promise(&self, origin: &Arc<Origin>) -> Promise {
        let promise = Promise {
            origin: Arc::clone(origin),
            kept: Arc::default(),
        };
        self.owed().promises.push(promise.clone());
        promise
    }

    /// Whether every promise was kept. One that was not stays.
    pub fn promises_kept(&self) -> bool {
        let mut owed = self.owed();
        let kept = |promise: &Promise| promise.kept.load(Ordering::Acquire);
        owed.promises.retain(|promise| !kept(promise));
        owed.promises.is_empty()
    }

    /// The request that all of it is of; none where there is nothing, or it is of several.
    pub fn request(&self) -> Option<Arc<Origin>> {
        let owed = self.owed();
        let records = owed.records.iter().map(|record| &record.actor.origin);
        let mut origins = records.chain(owed.promises.iter().map(|promise| &promise.origin));
        let first = origins.next()?;
        let same = |origin: &Arc<Origin>| origin.request_id == first.request_id;
        origins.all(same).then(|| Arc::clone(first))
    }

    /// Leave everything to another trail, behind what is there.
    pub fn hand_over(&self, to: &Self) {
        let Owed { records, promises } = std::mem::take(&mut *self.owed());
        let mut owed = to.owed();
        owed.records.extend(records);
        owed.promises.extend(promises);
    }

    /// Whether every record has been taken and every promise was kept.
    pub fn is_empty(&self) -> bool {
        let owed = self.owed();
        owed.records.is_empty() && owed.promises.is_empty()
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.0.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Promise ===

impl Promise {
    /// The change is durable.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Outcome};

    fn record() -> Record {
        Record::plain(1, Actor::host(), "ceremonies.put", "-", Outcome::Success)
    }

    #[test]
    fn trail_is_settled_when_every_promise_was_kept() {
        let trail = Trail::that_withholds();
        let origin = record().actor.origin;
        assert!(trail.is_empty() && trail.promises_kept());
        let (kept, broken) = (trail.promise(&origin), trail.promise(&origin));
        assert!(!trail.is_empty());
        kept.keep();
        assert!(!trail.promises_kept(), "one is open");
        drop(broken);
        assert!(!trail.promises_kept(), "and nobody keeps it any more");
        assert!(!trail.is_empty());
    }

    #[test]
    fn what_is_handed_over_comes_behind_what_is_there_and_with_its_promises() {
        let (first, second) = (record(), record());
        let (one, other) = (Trail::new(), Trail::that_withholds());
        one.push(first.clone());
        other.push(second.clone());
        let promise = other.promise(&second.actor.origin);
        other.hand_over(&one);
        assert!(other.is_empty() && other.promises_kept());
        assert!(!one.promises_kept());
        promise.keep();
        assert!(one.promises_kept());
        assert_eq!(one.drain(), [first, second]);
    }

    #[test]
    fn request_is_that_of_all_records_and_promises() {
        let (one, other) = (record(), record());
        let origin = Arc::clone(&one.actor.origin);
        let trail = Trail::that_withholds();
        assert_eq!(trail.request(), None);
        trail.promise(&origin);
        assert_eq!(trail.request().as_ref(), Some(&origin));
        trail.push(one);
        assert_eq!(trail.request(), Some(origin));
        trail.promise(&other.actor.origin);
        assert_eq!(trail.request(), None);
    }
}
