//! `zeropass audit prove`: what convinces somebody who has a checkpoint and not the log.

use std::io::Write;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::within::{Opened, Within};
use crate::audit::merkle::{
    Hash, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use crate::audit::note::Checkpoint;
use crate::audit::{Entry, Source, StoredRecord};

/// Options of the command.
#[derive(Debug, Args)]
pub struct Prove {
    #[command(flatten)]
    within: Within,
    /// The log.
    #[arg(long, value_name = "ID")]
    log: String,
    /// The record whose inclusion is proven, by its place.
    #[arg(
        long,
        value_name = "SEQ",
        conflicts_with = "from",
        required_unless_present = "from"
    )]
    record: Option<u64>,
    /// The size of the earlier checkpoint, for a proof of consistency.
    #[arg(long, value_name = "SIZE")]
    from: Option<u64>,
    /// The size of the checkpoint that is proven to; without, the last one whose records are
    /// all there.
    #[arg(long, value_name = "SIZE")]
    to: Option<u64>,
}

/// A checkpoint, as the proofs name it.
#[derive(Serialize)]
struct Head {
    size: u64,
    root: Hash,
}

/// RFC 9162 section 2.1.3.
#[derive(Serialize)]
struct Inclusion {
    log: String,
    checkpoint: Head,
    /// From 0, one less than the record's `seq`.
    index: u64,
    leaf: Hash,
    path: Vec<Hash>,
    /// None when retention has cut it.
    record: Option<Box<StoredRecord>>,
}

/// RFC 9162 section 2.1.4.
#[derive(Serialize)]
struct Consistency {
    log: String,
    from: Head,
    to: Head,
    path: Vec<Hash>,
}

// === impl Prove ===

impl Prove {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        match self.within.own()? {
            Some(config) => {
                let action = ("audit.prove", self.told());
                let work = self.prove(out);
                super::recorded(&config, &[action], "prove-failed", work).await
            }
            None => self.prove(out).await,
        }
    }

    /// What is shown of which log.
    fn told(&self) -> String {
        match (self.record, self.from) {
            (Some(record), _) => format!("{} record {record}", self.log),
            (None, from) => format!("{} from {}", self.log, from.unwrap_or(0)),
        }
    }

    async fn prove(&self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let Opened { source, witness } = self.within.open().await?;
        let checkpoints = witness.checkpoints(&self.log);
        let of_size = |size: u64| {
            let found = checkpoints.iter().find(|one| one.size == size);
            found.with_context(|| {
                let sizes: Vec<String> = checkpoints
                    .iter()
                    .rev()
                    .take(8)
                    .map(|one| one.size.to_string())
                    .collect();
                format!(
                    "log {} has no checkpoint of {size} records; the last ones have {}",
                    self.log,
                    sizes.join(", ")
                )
            })
        };
        let to = match self.to {
            Some(size) => of_size(size)?,
            None => {
                // Behind a restored backup are checkpoints of what it did not have.
                let head = source.head(&self.log).await?;
                let there = checkpoints.iter().rev().find(|one| one.size <= head);
                there.with_context(|| {
                    format!(
                        "log {} has no genuine checkpoint of its {head} records",
                        self.log
                    )
                })?
            }
        };
        let size = usize::try_from(to.size)?;
        let (leaves, record) = leaves(&*source, &self.log, to.size, self.record).await?;
        let fits = "the log is not what the checkpoint sealed; run `zeropass audit verify`";
        let json = match (self.record, self.from) {
            (Some(seq), _) => {
                anyhow::ensure!(
                    (1..=to.size).contains(&seq),
                    "record {seq} is not among the {size} of the checkpoint"
                );
                let index = seq - 1;
                let at = usize::try_from(index)?;
                let (leaf, path) = leaves
                    .get(at)
                    .zip(inclusion_proof(&leaves, at))
                    .context(fits)?;
                let good = verify_inclusion(leaf, index, to.size, &path, &to.root);
                anyhow::ensure!(good, fits);
                serde_json::to_string_pretty(&Inclusion {
                    log: self.log.clone(),
                    checkpoint: head(to),
                    index,
                    leaf: *leaf,
                    path,
                    record,
                })?
            }
            (None, Some(from)) => {
                let from = of_size(from)?;
                let path = consistency_proof(&leaves, usize::try_from(from.size)?).context(fits)?;
                let good = verify_consistency((from.size, &from.root), (to.size, &to.root), &path);
                anyhow::ensure!(good, fits);
                serde_json::to_string_pretty(&Consistency {
                    log: self.log.clone(),
                    from: head(from),
                    to: head(to),
                    path,
                })?
            }
            (None, None) => anyhow::bail!("say what to prove: --record SEQ, or --from SIZE"),
        };
        writeln!(out, "{json}")?;
        Ok(())
    }
}

fn head(checkpoint: &Checkpoint) -> Head {
    Head {
        size: checkpoint.size,
        root: checkpoint.root,
    }
}

/// The first `size` leaves as the source has them, and the record at one place.
async fn leaves(
    source: &dyn Source,
    log: &str,
    size: u64,
    wanted: Option<u64>,
) -> anyhow::Result<(Vec<Hash>, Option<Box<StoredRecord>>)> {
    let (mut leaves, mut found, mut after) = (Vec::new(), None, 0);
    while after < size {
        let entries = source.entries(log, after, 4096).await?;
        let Some(last) = entries.last() else { break };
        after = last.seq();
        for entry in entries {
            let seq = entry.seq();
            anyhow::ensure!(
                seq == leaves.len() as u64 + 1,
                "record {} is missing; run `zeropass audit verify`",
                leaves.len() + 1
            );
            if seq > size {
                break;
            }
            match entry {
                Entry::Record(record) => {
                    leaves.push(record.leaf());
                    if wanted == Some(seq) {
                        found = Some(record);
                    }
                }
                Entry::Pruned { leaf, .. } => leaves.push(leaf),
                Entry::Unreadable { seq, why } => {
                    anyhow::bail!("record {seq}: {why}; run `zeropass audit verify`")
                }
            }
        }
    }
    Ok((leaves, found))
}
