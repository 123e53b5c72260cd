//! Places that retention has cut, and what vouches for them.
//!
//! Leaves in the database's own table of what was cut prove that a record was there, not
//! that it may be gone: whoever owns the database can put them there. So a beginning of a log
//! may be cut as far as a sealed record of an operator says, and only if the first
//! checkpoint over it is a year older than that record ([`crate::audit::retention`]).

use std::collections::BTreeMap;

use super::{Bad, PAGE, Verdict, Witness};
use crate::audit::Entry;
use crate::audit::retention::{PRUNE, YEAR, is_operators, pruned_by, sealed_since};
use crate::audit::source::{Source, SourceError};

/// Find what is cut without leave. `operators` are verdicts on their logs, before this.
pub(super) async fn judge_pruned(
    source: &dyn Source,
    witness: &Witness,
    operators: &[Verdict],
    verdicts: &mut [Verdict],
) -> Result<(), SourceError> {
    if verdicts.iter().all(|verdict| verdict.pruned == 0) {
        return Ok(());
    }
    let allowed = allowed(source, witness, operators).await?;
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.pruned > 0) {
        let allowed = allowed.get(&verdict.log).copied().unwrap_or(0);
        if verdict.pruned > allowed {
            verdict.bad = Some(Bad::Record {
                seq: allowed + 1,
                what: "is gone, and no sealed audit.prune record of operators, a year after it was sealed, says that it may be".into(),
            });
        }
    }
    Ok(())
}

/// How far each log may be cut.
async fn allowed(
    source: &dyn Source,
    witness: &Witness,
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
                if record.action != PRUNE || record.seq > verdict.sealed {
                    continue;
                }
                let Some((log, last)) = pruned_by(&record.target) else {
                    continue;
                };
                let since = sealed_since(witness.checkpoints(log), last);
                if since.is_some_and(|since| since.saturating_add(YEAR) <= record.time) {
                    let so_far = allowed.entry(log.to_owned()).or_default();
                    *so_far = last.max(*so_far);
                }
            }
        }
    }
    Ok(allowed)
}

/// Whether the sealed part of the log is what was sealed.
fn vouches(verdict: &Verdict) -> bool {
    is_operators(&verdict.log) && matches!(verdict.bad, None | Some(Bad::CutTail { .. }))
}
