//! Ceremonies, whole and mutated, judged by this component and by webauthn-rs-core.
//! Where the two differ, the difference must be of a kind that is named in `kinds`;
//! neither side may let through what the other refuses for a reason that nobody has
//! thought about.
//!
//! The mutations are drawn from a fixed seed; keys are new in every run.
#![allow(missing_docs)]

mod assertions;
mod kinds;
#[path = "../ceremonies/kit/mod.rs"]
#[allow(dead_code, unused_imports)]
mod kit;
mod library;
mod memory;
mod random;
mod registrations;

use std::collections::BTreeMap;

use passkey_manager::bindings::Rejection;

/// How many differences of each kind were seen.
#[derive(Debug, Default)]
struct Counts(BTreeMap<&'static str, usize>);

// === impl Counts ===

impl Counts {
    /// Count two verdicts on one ceremony. `shown` is for people, should they differ in a
    /// way that has no name.
    #[track_caller]
    fn add(
        &mut self,
        ours: &Result<(), Rejection>,
        theirs: &Result<(), String>,
        shown: impl FnOnce() -> String,
    ) {
        let kind = kinds::of(ours, theirs).unwrap_or_else(|| {
            let ours = ours.as_ref().map_err(|no| (no.code, &no.detail));
            panic!("here {ours:?}, there {theirs:?}\n{}", shown())
        });
        *self.0.entry(kind).or_default() += 1;
    }

    /// The mutations are fine enough to get past the first check.
    #[track_caller]
    fn finish(&self) {
        println!("{self:#?}");
        for kind in ["both accept", "both refuse"] {
            assert!(self.0.contains_key(kind), "{kind}");
        }
    }
}
