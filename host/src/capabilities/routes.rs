//! Who gets the canary, decided once for each request and component.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// The decisions of one request: its key, and the revision that each component had
/// when the request first came to it. Clones share them.
#[derive(Clone)]
pub struct Routes(Arc<Inner>);

struct Inner {
    /// 0 to 9,999: one of a hundred hundredths of a per cent.
    place: u16,
    chosen: Mutex<Vec<(u64, Arc<dyn Any + Send + Sync>)>>,
}

/// The places that a weight of 100 per cent would have.
const PLACES: u16 = 10_000;

// === impl Routes ===

impl Routes {
    /// For a caller: the same `workload` and `key` always get the same side of a
    /// canary of the same weight, and keep it when the weight grows.
    pub fn of(workload: &str, key: &str) -> Self {
        let mut bytes = workload.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(key.as_bytes());
        let hash = digest(&SHA256, &bytes);
        let place = hash
            .as_ref()
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Self::at(u16::try_from(place % u64::from(PLACES)).unwrap_or_default())
    }

    /// For a request that has its place already, 0 to 9,999; a greater one counts as the
    /// last.
    pub fn at(place: u16) -> Self {
        Self(Arc::new(Inner {
            place: place.min(PLACES - 1),
            chosen: Mutex::default(),
        }))
    }

    /// Where the request stands among all callers, 0 to 9,999.
    pub fn place(&self) -> u16 {
        self.0.place
    }

    /// Whether a canary of this weight, in per cent, gets the request.
    pub(crate) fn chosen_for(&self, weight: u8) -> bool {
        self.0.place < u16::from(weight.min(100)) * (PLACES / 100)
    }

    /// What slot `slot` decided for this request before, or decides now.
    pub(crate) fn once<T: Clone + Send + Sync + 'static>(
        &self,
        slot: u64,
        decide: impl FnOnce() -> T,
    ) -> T {
        let mut chosen = self.0.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = chosen
            .iter()
            .find(|(of, _)| *of == slot)
            .and_then(|(_, decision)| decision.downcast_ref::<T>());
        if let Some(decision) = before {
            return decision.clone();
        }
        let decision = decide();
        chosen.push((slot, Arc::new(decision.clone())));
        decision
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::of("", "")
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_is_the_share_of_callers() {
        for weight in [1_u8, 10, 50, 99] {
            let chosen = (0..20_000)
                .filter(|person| Routes::of("spiffe://a/b", &person.to_string()).chosen_for(weight))
                .count();
            let expected = usize::from(weight) * 200;
            assert!(
                chosen.abs_diff(expected) < 400,
                "{chosen} instead of {expected}"
            );
        }
    }

    #[test]
    fn caller_sticks_to_its_side_and_keeps_it_when_the_weight_grows() {
        for person in 0..1_000 {
            let routes = || Routes::of("spiffe://a/b", &person.to_string());
            assert_eq!(routes().chosen_for(30), routes().chosen_for(30));
            assert!(!routes().chosen_for(10) || routes().chosen_for(30));
        }
    }

    #[test]
    fn place_tells_another_host_the_side() {
        for person in 0..100 {
            let here = Routes::of("spiffe://a/b", &person.to_string());
            let there = Routes::at(here.place());
            assert!((1..100).all(|weight| here.chosen_for(weight) == there.chosen_for(weight)));
        }
        assert!(!Routes::at(u16::MAX).chosen_for(99));
    }

    #[test]
    fn nobody_gets_a_canary_without_weight() {
        assert!((0..1_000).all(|person| !Routes::of("a", &person.to_string()).chosen_for(0)));
    }

    #[test]
    fn slot_decides_once_for_a_request() {
        let routes = Routes::of("a", "b");
        assert_eq!(routes.once(1, || 7), 7);
        assert_eq!(routes.clone().once(1, || 8), 7);
        assert_eq!(routes.once(2, || 9), 9);
    }
}
