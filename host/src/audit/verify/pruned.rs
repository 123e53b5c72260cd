//! Places that retention has cut, and what vouches for them.
//!
//! Leaves in the database's own table of what was cut prove that a record was there, not
//! that it may be gone: whoever owns the database can put them there. So a beginning of a log
//! may be cut as far as a record of an operator says, and only if all of this holds:
//!
//! - the record is sealed, and its signer has committed it ([`Witness::adopted`]);
//! - the first checkpoint over what is cut is a year older than the checkpoint that
//!   sealed the record, and than now.
//!
//! Nothing hangs on the time that the record itself names: for a forged one, that would be
//! the forger's.

use std::collections::BTreeMap;

use super::{Bad, PAGE, Verdict, Witness};
use crate::audit::Entry;
use crate::audit::note::Checkpoint;
use crate::audit::retention::{PRUNE, YEAR, is_operators, pruned_by, sealed_at, sealed_since};
use crate::audit::source::{Source, SourceError};
use crate::clock::Timestamp;

/// Find what is cut without leave. `operators` are verdicts on their logs, before this. It is
/// `now`.
pub(super) async fn judge_pruned(
    source: &dyn Source,
    witness: &Witness,
    now: Timestamp,
    operators: &[Verdict],
    verdicts: &mut [Verdict],
) -> Result<(), SourceError> {
    if verdicts.iter().all(|verdict| verdict.pruned == 0) {
        return Ok(());
    }
    let allowed = allowed(source, witness, now, operators).await?;
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.pruned > 0) {
        let allowed = allowed.get(&verdict.log).copied().unwrap_or(0);
        if verdict.pruned > allowed {
            verdict.bad = Some(Bad::Record {
                seq: allowed + 1,
                what: "is gone, and no audit.prune record that operators sealed, a year after it was sealed, says that it may be".into(),
            });
        }
    }
    Ok(())
}

/// How far each log may be cut.
async fn allowed(
    source: &dyn Source,
    witness: &Witness,
    now: Timestamp,
    operators: &[Verdict],
) -> Result<BTreeMap<String, u64>, SourceError> {
    let mut allowed = BTreeMap::<String, u64>::new();
    for verdict in operators.iter().filter(|verdict| vouches(verdict)) {
        let mut after = 0;
        while after < verdict.sealed {
            let entries = source.entries(&verdict.log, after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after = last.seq();
            for entry in entries {
                let Entry::Record(record) = entry else {
                    continue;
                };
                if record.action != PRUNE
                    || record.seq > verdict.sealed
                    || witness.adopted(&verdict.log, record.seq)
                {
                    continue;
                }
                let Some((log, last)) = pruned_by(&record.target) else {
                    continue;
                };
                let said = sealed_at(witness.checkpoints(&verdict.log), record.seq);
                let old = said.is_some_and(|said| {
                    a_year_before(witness.checkpoints(log), last, said.min(now))
                });
                if old {
                    let so_far = allowed.entry(log.to_owned()).or_default();
                    *so_far = last.max(*so_far);
                }
            }
        }
    }
    Ok(allowed)
}

/// Whether the first `last` records have been sealed for a year at `moment`.
fn a_year_before(checkpoints: &[Checkpoint], last: u64, moment: Timestamp) -> bool {
    sealed_since(checkpoints, last).is_some_and(|since| since.saturating_add(YEAR) <= moment)
}

/// Whether the sealed part of the log is what was sealed.
fn vouches(verdict: &Verdict) -> bool {
    is_operators(&verdict.log) && matches!(verdict.bad, None | Some(Bad::CutTail { .. }))
}
