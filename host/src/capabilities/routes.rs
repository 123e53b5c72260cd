//! Who gets the canary, decided once for each request and component.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether another component has failed the one that called it.
    let_down: AtomicBool,
}

/// The places that a weight of 100 per cent would have.
const PLACES: u16 = 10_000;

/// Passkey-manager's order of the places, so that its canary does not get the callers that
/// auth-service's has: each place times this, which has no factor of [`PLACES`] and lies
/// near the golden section of it, so that neighbours come to lie far apart; and a shift.
const SPREAD: (u32, u32) = (6_181, 3_333);

/// A call of another component, which ends in an answer or lets its caller down.
pub struct Awaiting<'a>(Option<&'a Routes>);

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
            let_down: AtomicBool::new(false),
        }))
    }

    /// Where the request stands among all callers, 0 to 9,999.
    pub fn place(&self) -> u16 {
        self.0.place
    }

    /// Whether a canary of this component and this weight, in per cent, gets the request.
    pub(crate) fn chosen_for(&self, component: &str, weight: u8) -> bool {
        let (factor, shift) = match component {
            "passkey-manager" => SPREAD,
            _ => (1, 0),
        };
        let place = (u32::from(self.0.place) * factor + shift) % u32::from(PLACES);
        place < u32::from(weight.min(100)) * u32::from(PLACES / 100)
    }

    /// Another component is called in this request. Unless it is told that it has
    /// answered, it did not do its part, so an error of the caller's is not its own: that
    /// is so as well when the request is dropped meanwhile.
    pub fn awaiting(&self) -> Awaiting<'_> {
        Awaiting(Some(self))
    }

    /// Whether another component has not done its part.
    pub fn was_let_down(&self) -> bool {
        self.0.let_down.load(Ordering::Relaxed)
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

// === impl Awaiting ===

impl Awaiting<'_> {
    /// It has done its part.
    pub fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        if let Some(routes) = self.0 {
            routes.0.let_down.store(true, Ordering::Relaxed);
        }
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

    const COMPONENTS: [&str; 2] = ["auth-service", "passkey-manager"];

    #[test]
    fn weight_is_the_share_of_callers() {
        for weight in [1_u8, 10, 50, 99] {
            for component in COMPONENTS {
                let chosen = (0..20_000)
                    .map(|person| Routes::of("spiffe://a/b", &person.to_string()))
                    .filter(|routes| routes.chosen_for(component, weight))
                    .count();
                let expected = usize::from(weight) * 200;
                assert!(
                    chosen.abs_diff(expected) < 400,
                    "{component}: {chosen} instead of {expected}"
                );
            }
        }
    }

    #[test]
    fn canaries_of_two_components_get_callers_that_have_nothing_to_do_with_each_other() {
        for (one, other) in [(10_u8, 10_u8), (10, 50), (50, 50), (5, 90)] {
            let both = (0..PLACES)
                .map(Routes::at)
                .filter(|routes| {
                    routes.chosen_for(COMPONENTS[0], one) && routes.chosen_for(COMPONENTS[1], other)
                })
                .count();
            let expected = usize::from(one) * usize::from(other);
            assert!(
                both.abs_diff(expected) < 40,
                "{one} and {other}: {both} instead of {expected}"
            );
        }
    }

    #[test]
    fn caller_sticks_to_its_side_and_keeps_it_when_the_weight_grows() {
        for person in 0..1_000 {
            let routes = || Routes::of("spiffe://a/b", &person.to_string());
            for component in COMPONENTS {
                let chosen = |weight| routes().chosen_for(component, weight);
                assert_eq!(chosen(30), chosen(30));
                assert!(!chosen(10) || chosen(30));
            }
        }
    }

    #[test]
    fn place_tells_another_host_the_side() {
        for person in 0..100 {
            let here = Routes::of("spiffe://a/b", &person.to_string());
            let there = Routes::at(here.place());
            for component in COMPONENTS {
                assert!((1..100).all(|weight| {
                    here.chosen_for(component, weight) == there.chosen_for(component, weight)
                }));
            }
        }
        assert!(!Routes::at(u16::MAX).chosen_for(COMPONENTS[0], 99));
    }

    #[test]
    fn nobody_gets_a_canary_without_weight() {
        for component in COMPONENTS {
            assert!((0..PLACES).all(|place| !Routes::at(place).chosen_for(component, 0)));
        }
    }

    #[test]
    fn call_that_is_not_answered_lets_its_caller_down() {
        let routes = Routes::default();
        routes.awaiting().answered();
        assert!(!routes.was_let_down());
        drop(routes.awaiting());
        assert!(routes.was_let_down());
    }

    #[test]
    fn slot_decides_once_for_a_request() {
        let routes = Routes::of("a", "b");
        assert_eq!(routes.once(1, || 7), 7);
        assert_eq!(routes.clone().once(1, || 8), 7);
        assert_eq!(routes.once(2, || 9), 9);
    }
}
