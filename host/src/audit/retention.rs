//! What retention may cut, and what vouches for it afterwards.
//!
//! A record goes when it is a year old by the signed checkpoints: the times in the
//! records themselves are only what the database says. Before it goes, a record in the log of
//! the operators says so, which is sealed there ([`PRUNE`], [`prune_target`]) by who has
//! committed it. A place that is empty without both was emptied by somebody else.
//!
//! The record is sealed before anything is cut. A command that dies between the two has cut
//! nothing, and its record, which the next command finds, lets nothing be cut: the cut is
//! repeated, and with it its record.

use super::note::Checkpoint;
use crate::clock::Timestamp;

/// 365 days, in milliseconds (PCI DSS v4.0.1 requirement 10.5.1: twelve months).
pub const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;

/// The name of the log of what is done from the command line; no host's log may have it.
pub const OPERATORS: &str = "operators";

/// The action of the record that a cut leaves.
pub const PRUNE: &str = "audit.prune";

/// How that record names what it cuts: the beginning of a log.
pub fn prune_target(log: &str, last: u64) -> String {
    format!("{log} up to {last}")
}

/// The log and its last place that is cut, of what [`prune_target`] made.
pub fn pruned_by(target: &str) -> Option<(&str, u64)> {
    let (log, last) = target.split_once(" up to ")?;
    Some((log, last.parse().ok()?))
}

/// Whether a log of this id is one of operators'.
pub fn is_operators(log: &str) -> bool {
    log.rsplit_once('-')
        .is_some_and(|(name, _)| name == OPERATORS)
}

/// Since when the first `size` records have been sealed; none when no checkpoint covers
/// them. `checkpoints` are in their order; a clock that was set back makes nothing older.
pub fn sealed_since(checkpoints: &[Checkpoint], size: u64) -> Option<Timestamp> {
    let first = checkpoints.iter().position(|one| one.size >= size)?;
    checkpoints.iter().take(first + 1).map(|one| one.time).max()
}

/// When the record at the place `seq` was sealed, by the clock of its signer; none when it
/// was not. `checkpoints` are in their order.
pub fn sealed_at(checkpoints: &[Checkpoint], seq: u64) -> Option<Timestamp> {
    let first = checkpoints.iter().find(|one| one.size >= seq)?;
    Some(first.time)
}

/// How many records have been sealed for a year.
pub fn sealed_for_a_year(checkpoints: &[Checkpoint], now: Timestamp) -> u64 {
    checkpoints
        .iter()
        .take_while(|one| one.time.saturating_add(YEAR) <= now)
        .last()
        .map_or(0, |one| one.size)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::Hash;
    use super::*;

    fn checkpoints(of: &[(u64, Timestamp)]) -> Vec<Checkpoint> {
        let one = |&(size, time)| Checkpoint {
            origin: "host".into(),
            size,
            root: Hash::default(),
            time,
            adopted: None,
        };
        of.iter().map(one).collect()
    }

    #[test]
    fn records_are_as_old_as_the_first_checkpoint_that_covers_them() {
        let some = checkpoints(&[(0, 5), (10, 10), (20, 20), (30, 15), (30, 40)]);
        for (size, since) in [
            (1, Some(10)),
            (10, Some(10)),
            (11, Some(20)),
            (21, Some(20)),
            (30, Some(20)),
            (31, None),
        ] {
            assert_eq!(sealed_since(&some, size), since, "{size}");
        }
        assert_eq!(sealed_at(&some, 20), Some(20));
        assert_eq!(sealed_at(&some, 21), Some(15));
        assert_eq!(sealed_at(&some, 31), None);
        for (now, size) in [(9, 0), (10, 10), (19, 10), (20, 30), (40, 30)] {
            assert_eq!(sealed_for_a_year(&some, YEAR + now), size, "{now}");
        }
        assert_eq!(sealed_for_a_year(&[], u64::MAX), 0);
    }

    #[test]
    fn record_of_a_cut_names_log_and_place() {
        let target = prune_target("host-1f2e3d4c", 42);
        assert_eq!(pruned_by(&target), Some(("host-1f2e3d4c", 42)));
        for odd in ["", "host up to", "host up to x", "store"] {
            assert_eq!(pruned_by(odd), None, "{odd}");
        }
        assert!(is_operators("operators-1f2e3d4c"));
        for host in ["operators", "operators-b-1f2e3d4c", "host-1f2e3d4c"] {
            assert!(!is_operators(host), "{host}");
        }
    }
}
