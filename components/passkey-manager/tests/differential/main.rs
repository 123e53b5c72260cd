//! Ceremonies, whole and mutated, judged by this component and by webauthn-rs-core.
//! Where the two differ, the difference must be of a kind that is named in `kinds`;
//! neither side may let through what the other refuses for a reason that nobody has
//! thought about.
//!
//! The mutations are drawn from a fixed seed; keys are new in every run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

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

/// So many of registrations and of sign-ins each, unless the environment asks for more.
fn mutations() -> usize {
    let asked = std::env::var("ZEROPASS_DIFFERENTIAL_ROUNDS");
    asked.map_or(60_000, |rounds| rounds.parse().unwrap())
}

/// How many differences of each kind were seen, and the first one of those that have no
/// name, by the two verdicts.
#[derive(Debug, Default)]
struct Counts {
    named: BTreeMap<&'static str, usize>,
    nameless: BTreeMap<String, String>,
}

// === impl Counts ===

impl Counts {
    /// Count two verdicts on one ceremony, whose statement was of this format. `shown` is for people, should they differ in a
    /// way that has no name.
    fn add(
        &mut self,
        format: &str,
        ours: &Result<(), Rejection>,
        theirs: &Result<(), String>,
        shown: impl FnOnce() -> String,
    ) {
        match kinds::of(format, ours, theirs) {
            Some(kind) => *self.named.entry(kind).or_default() += 1,
            None => {
                let ours = ours.as_ref().map_err(|no| (no.code, &no.detail));
                let verdicts = format!("{format}: here {ours:?}, there {theirs:?}");
                self.nameless.entry(verdicts).or_insert_with(shown);
            }
        }
    }

    /// The mutations are fine enough to get past the first check.
    #[track_caller]
    fn finish(&self) {
        println!("{:#?}", self.named);
        assert!(self.nameless.is_empty(), "{:#?}", self.nameless);
        for kind in ["both accept", "both refuse"] {
            assert!(self.named.contains_key(kind), "{kind}");
        }
    }
}
