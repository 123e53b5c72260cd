//! Logs that end earlier than they did because a backup was restored.

use std::collections::BTreeMap;

use super::{Bad, PAGE, Verdict};
use crate::audit::Entry;
use crate::audit::source::{Source, SourceError};

/// A log that ends where a recorded restore says so was not cut by a stranger.
pub(super) async fn excuse_restored(
    source: &dyn Source,
    verdicts: &mut [Verdict],
) -> Result<(), SourceError> {
    if !verdicts
        .iter()
        .any(|verdict| matches!(verdict.bad, Some(Bad::CutTail { .. })))
    {
        return Ok(());
    }
    let mut restored = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.bad.is_none()) {
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
