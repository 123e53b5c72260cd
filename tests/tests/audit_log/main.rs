//! The audit log of a whole host: complete, sealed, and closed when it can't be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod commands;
mod complete;
#[path = "../crash/mod.rs"]
mod crash;
mod fail_closed;
mod refusals;
mod retention;

use zeropass_tests::deployment::{ORIGIN, Person};

/// The ordinary share of the kills; the long tests have ten times as many.
#[tokio::test(flavor = "multi_thread")]
async fn killed_host_loses_nothing_that_it_acknowledged() {
    crash::survive(20, crash::seed(), None).await;
}

fn person() -> Person {
    Person::at(ORIGIN)
}

/// Each place: pages of a database keep remains of rows that were moved.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut replaced = bytes.to_vec();
    let (mut at, mut count) = (0, 0);
    while let Some(found) = replaced.get(at..at + old.len()) {
        if found == old {
            replaced[at..at + old.len()].copy_from_slice(new);
            count += 1;
        }
        at += 1;
    }
    assert!(count > 0, "nothing to replace");
    replaced
}
