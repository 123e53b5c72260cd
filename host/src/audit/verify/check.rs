//! One log is compared, record by record, with what vouches for it.

use super::{Bad, Verdict, Witness};
use crate::audit::Leaf;
use crate::audit::merkle::{Frontier, Hash};
use crate::audit::note::Checkpoint;

/// Stretches of records that a remark names.
const NAMED: usize = 3;

/// One log, record by record.
pub(super) struct Check<'a> {
    checkpoints: &'a [Checkpoint],
    leaves: &'a [Hash],
    pub(super) verdict: Verdict,
    /// Over what the source has.
    found: Frontier,
    /// Over what was exported, once that differs.
    exported: Option<(Frontier, Bad)>,
    /// The next checkpoint.
    next: usize,
    /// The size of the last checkpoint that was right.
    right: u64,
    last_time: u64,
    backwards: Option<u64>,
    /// A place is cut that stands behind one that was not.
    pub(super) overtaken: bool,
}

// === impl Check ===

impl<'a> Check<'a> {
    pub(super) fn new(witness: &'a Witness, log: &str) -> Self {
        Self {
            checkpoints: witness.checkpoints(log),
            leaves: witness.leaves(log),
            verdict: Verdict {
                log: log.to_owned(),
                records: 0,
                pruned: 0,
                checkpoints: 0,
                sealed: 0,
                bad: None,
                remarks: Vec::new(),
            },
            found: Frontier::default(),
            exported: None,
            next: 0,
            right: 0,
            last_time: 0,
            backwards: None,
            overtaken: false,
        }
    }

    pub(super) fn leaf(&mut self, entry: Leaf) {
        let place = self.found.size() + 1;
        if entry.seq() != place {
            let what = if entry.seq() < place {
                "is there twice"
            } else {
                "is missing"
            };
            return self.bad_record(place.min(entry.seq()), what.into());
        }
        let leaf = match entry {
            Leaf::Record { seq, time, leaf } => {
                // Records are in the order of commits; minutes are a clock set back.
                const MINUTE: u64 = 60_000;
                if time.saturating_add(MINUTE) < self.last_time {
                    self.backwards.get_or_insert(seq);
                }
                self.last_time = self.last_time.max(time);
                leaf
            }
            Leaf::Pruned { seq, leaf } => {
                if self.verdict.pruned + 1 != seq {
                    self.overtaken = true;
                    let what = "is gone, and records before it are there";
                    return self.bad_record(seq, what.into());
                }
                self.verdict.pruned = seq;
                leaf
            }
            Leaf::Unreadable { seq, why } => return self.bad_record(seq, why),
        };
        self.found.push(leaf);
        self.verdict.records = place;
        let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let Some(exported) = self.leaves.get(index) {
            if self.exported.is_none() && *exported != leaf {
                let mut before = Frontier::default();
                let same = self.leaves.get(..index).unwrap_or_default();
                same.iter().for_each(|leaf| before.push(*leaf));
                let what = "is not what was sealed".into();
                self.exported = Some((before, Bad::Record { seq: place, what }));
            }
            if let Some((frontier, _)) = &mut self.exported {
                frontier.push(*exported);
            }
        }
        self.compare_roots();
    }

    /// A record that is wrong whatever the roots say, unless one before it is.
    fn bad_record(&mut self, seq: u64, what: String) {
        let earlier = self.exported.take().map(|(_, bad)| bad);
        self.verdict.bad = earlier.or(Some(Bad::Record { seq, what }));
    }

    /// Compare with all checkpoints of the present size.
    pub(super) fn compare_roots(&mut self) {
        while let Some(checkpoint) = self.checkpoints.get(self.next)
            && checkpoint.size == self.found.size()
        {
            self.next += 1;
            let root = self.found.root();
            if let Some((frontier, bad)) = self.exported.take() {
                if frontier.size() == checkpoint.size && frontier.root() == checkpoint.root {
                    self.verdict.bad = Some(bad);
                    return;
                }
                // The leaves are wrong; whether the records are, the root says.
                self.leaves = &[];
                let remark = "the exported leaves were altered or are incomplete";
                self.verdict.remarks.push(remark.into());
            }
            if root != checkpoint.root {
                self.verdict.bad = Some(Bad::Range {
                    from: self.right + 1,
                    to: checkpoint.size,
                });
                return;
            }
            self.right = checkpoint.size;
            self.verdict.checkpoints += 1;
            self.verdict.sealed = checkpoint.size;
        }
    }

    pub(super) fn finish(mut self) -> Verdict {
        let has = self.found.size();
        if self.verdict.bad.is_none() {
            let sealed = self.checkpoints.last().map_or(0, |last| last.size);
            let had = sealed.max(self.leaves.len() as u64);
            self.verdict.bad = match self.exported.take() {
                Some((_, bad)) => Some(bad),
                None if has < had => Some(Bad::CutTail { has, had }),
                None => None,
            };
        }
        if let Some(seq) = self.backwards {
            self.verdict.remarks.push(format!(
                "the clock was set back by more than a minute before record {seq}; the order of records is that of their places"
            ));
        }
        if let Some(remark) = self.adopted() {
            self.verdict.remarks.push(remark);
        }
        let behind = has.saturating_sub(self.verdict.sealed.max(self.leaves.len() as u64));
        if self.verdict.bad.is_none() && behind > 0 {
            self.verdict.remarks.push(format!(
                "{behind} records behind the last checkpoint: nothing vouches for them yet"
            ));
        }
        self.verdict
    }

    /// What was sealed without its signer knowing who wrote it.
    fn adopted(&self) -> Option<String> {
        let sealed = self
            .checkpoints
            .iter()
            .filter(|one| one.size <= self.verdict.sealed);
        let stretches: Vec<String> = sealed
            .filter_map(|one| Some(format!("{} to {}", one.adopted?, one.size)))
            .collect();
        let named = stretches.get(..NAMED).unwrap_or(&stretches).join(", ");
        let more = match stretches.len().checked_sub(NAMED) {
            Some(more) if more > 0 => format!(" and {more} stretches more"),
            _ => String::new(),
        };
        (!stretches.is_empty()).then(|| {
            format!(
                "records {named}{more} were found when the log was continued: nothing shows who wrote them"
            )
        })
    }
}
