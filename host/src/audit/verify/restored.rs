//! Logs that end earlier than they did because a backup was restored.
//!
//! What says so is a sealed record in a log of operators which its signer has committed. A
//! record that was found when the log was continued may be the work of whoever cut the tail.

use std::collections::BTreeMap;

use super::{Bad, PAGE, Verdict, Witness};
use crate::audit::Entry;
use crate::audit::retention::is_operators;
use crate::audit::source::{Source, SourceError};

/// A log that ends where a recorded restore says so was not cut by a stranger.
pub(super) async fn excuse_restored(
    source: &dyn Source,
    witness: &Witness,
    verdicts: &mut [Verdict],
) -> Result<(), SourceError> {
    if !verdicts
        .iter()
        .any(|verdict| matches!(verdict.bad, Some(Bad::CutTail { .. })))
    {
        return Ok(());
    }
    let mut restored = BTreeMap::new();
    let good = |verdict: &&Verdict| is_operators(&verdict.log) && verdict.bad.is_none();
    for verdict in verdicts.iter().filter(good) {
        let mut after = 0;
        loop {
            let entries = source.entries(&verdict.log, after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after = last.seq();
            for entry in entries {
                // Only what a checkpoint covers is a witness.
                if let Entry::Record(record) = entry
                    && record.action == RESTORE
                    && record.seq <= verdict.sealed
                    && !witness.adopted(&verdict.log, record.seq)
                {
                    let place = format!("record {} of log {}", record.seq, verdict.log);
                    restored.insert(record.target, place);
                }
            }
        }
    }
    for verdict in verdicts {
        if let Some(Bad::CutTail { has, had }) = &verdict.bad
            && let Some(place) = restored.get(&restore_target(&verdict.log, *has))
        {
            verdict.remarks.push(format!(
                "ends at {has} of {had} records since a backup was restored: {place}"
            ));
            verdict.bad = None;
        }
    }
    Ok(())
}

/// The action of the record that a restore leaves.
pub const RESTORE: &str = "store.restore";

/// How that record names the log that it cut.
pub fn restore_target(log: &str, has: u64) -> String {
    format!("{log} ends at {has}")
}
