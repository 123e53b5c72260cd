//! Verifying a log, offline: from its records, its checkpoints, its public key and,
//! where they are at hand, its exported leaves. Nothing in the database is trusted.
//!
//! What is proven of a good log: its first `sealed` records are, byte for byte and
//! in this order, those that the holder of the key sealed; none is missing, none was
//! put between. Records behind the last checkpoint and the last exported leaf are
//! only counted: nothing vouches for them yet.
//!
//! Records that retention has cut are missed unless they are the beginning of the log and
//! a sealed record of operators says that they may go, a year after they were sealed.
//!
//! A sealed record may be one that its signer found when it continued the log. Its checkpoint
//! tells; such a record is as it was then, but nothing shows who wrote it. It is
//! counted in a remark, and lets no other record be gone.
//!
//! With the leaves, the first bad record is named by its place even when the
//! database is consistent in itself. Without them a checkpoint's root only says that
//! one of the records since the checkpoint before is bad.

mod check;
mod pruned;
mod restored;
mod verdict;
mod witness;

use self::check::Check;
use self::pruned::judge_pruned;
use self::restored::excuse_restored;
use super::retention::is_operators;
use super::source::{Source, SourceError, grows};
use crate::clock::Timestamp;

pub use self::restored::{RESTORE, restore_target};
pub use self::verdict::{Bad, Verdict};
pub use self::witness::Witness;

/// Entries that are read at a time: their text stays in the processor's cache.
const PAGE: u32 = 512;

/// The log of records from before logs were sealed.
pub const UNSEALED: &str = "unsealed";

/// Told how many records more have been verified.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

/// Verify every log that `source` has or `witness` knows of. It is `now`.
///
/// # Errors
/// The source can't be read. What is wrong with its content is in the verdicts.
pub async fn verify(
    source: &dyn Source,
    witness: &Witness,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Vec<Verdict>, SourceError> {
    let mut logs = source.logs().await?;
    logs.extend(witness.logs().map(str::to_owned));
    logs.sort();
    logs.dedup();
    let mut verdicts = Vec::new();
    for log in logs {
        verdicts.push(look(source, witness, &log, progress).await?);
    }
    judge(source, witness, now, &mut verdicts).await?;
    Ok(verdicts)
}

/// Verify one log. Logs of operators are looked at too when it was cut at one of its ends.
///
/// # Errors
/// As [`verify`].
pub async fn verify_log(
    source: &dyn Source,
    witness: &Witness,
    log: &str,
    now: Timestamp,
    progress: Progress<'_>,
) -> Result<Verdict, SourceError> {
    let mut verdict = look(source, witness, log, progress).await?;
    if verdict.pruned == 0 && !matches!(verdict.bad, Some(Bad::CutTail { .. })) {
        return Ok(verdict);
    }
    let mut verdicts = Vec::new();
    for other in source.logs().await? {
        if is_operators(&other) && other != log {
            verdicts.push(look(source, witness, &other, &mut |_| {}).await?);
        }
    }
    verdicts.push(verdict.clone());
    judge(source, witness, now, &mut verdicts).await?;
    if let Some(judged) = verdicts.pop() {
        verdict = judged;
    }
    Ok(verdict)
}

/// What the logs of operators among these say of the ends of all of them.
async fn judge(
    source: &dyn Source,
    witness: &Witness,
    now: Timestamp,
    verdicts: &mut [Verdict],
) -> Result<(), SourceError> {
    let operators = verdicts.to_vec();
    judge_pruned(source, witness, now, &operators, verdicts).await?;
    excuse_restored(source, witness, verdicts).await
}

/// Compare one log with what vouches for its records.
async fn look(
    source: &dyn Source,
    witness: &Witness,
    log: &str,
    progress: Progress<'_>,
) -> Result<Verdict, SourceError> {
    let mut check = Check::new(witness, log);
    if log == UNSEALED {
        let head = source.head(log).await?;
        check.verdict.records = head;
        let remark = "records from before logs were sealed: nothing vouches for them";
        check.verdict.remarks.push(remark.into());
        return Ok(check.verdict);
    }
    if let Some(bad) = witness.lacks(log) {
        check.verdict.records = source.head(log).await?;
        check.verdict.bad = Some(bad);
        return Ok(check.verdict);
    }
    let mut cut = None;
    loop {
        read(source, log, &mut check, progress).await?;
        if !check.overtaken || !grows(cut, check.verdict.pruned) {
            return Ok(check.finish());
        }
        cut = Some(check.verdict.pruned);
        check = Check::new(witness, log);
    }
}

/// Up to the end of the log, or what is wrong with it.
async fn read(
    source: &dyn Source,
    log: &str,
    check: &mut Check<'_>,
    progress: Progress<'_>,
) -> Result<(), SourceError> {
    let mut after = 0;
    check.compare_roots();
    while check.verdict.bad.is_none() {
        let leaves = source.leaves(log, after, PAGE).await?;
        if leaves.is_empty() {
            break;
        }
        let read = leaves.len() as u64;
        for leaf in leaves {
            after = leaf.seq();
            check.leaf(leaf);
            if check.verdict.bad.is_some() {
                break;
            }
        }
        progress(read);
    }
    Ok(())
}
