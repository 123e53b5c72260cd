//! `zeropass audit verify`.

use std::io::Write;

use clap::Args;

use super::within::{Opened, Within, progress};
use crate::audit::verify::{Verdict, verify, verify_log};
use crate::clock::{Clock as _, SystemClock};

/// Options of the command.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    within: Within,
    /// This log alone.
    #[arg(long, value_name = "ID")]
    log: Option<String>,
    /// The verdicts as JSON, one object for each log.
    #[arg(long)]
    json: bool,
}

// === impl Verify ===

impl Verify {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        let Opened { source, witness } = self.within.open().await?;
        let mut records = 0;
        for log in source.logs().await? {
            records += source.head(&log).await?;
        }
        let bar = progress("verifying", records);
        let mut count = |read| bar.inc(read);
        let now = SystemClock.now();
        let verdicts = match &self.log {
            Some(log) => vec![verify_log(&*source, &witness, log, now, &mut count).await?],
            None => verify(&*source, &witness, now, &mut count).await?,
        };
        bar.finish_and_clear();
        let good = !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.bad.is_none());
        for verdict in &verdicts {
            if self.json {
                writeln!(out, "{}", serde_json::to_string(verdict)?)?;
            } else {
                tell(verdict, out)?;
            }
        }
        if verdicts.is_empty() {
            writeln!(out, "FAIL: there is no log, and no checkpoint of one")?;
        }
        Ok(good)
    }
}

fn tell(verdict: &Verdict, out: &mut dyn Write) -> std::io::Result<()> {
    let Verdict {
        log,
        records,
        pruned,
        checkpoints,
        sealed,
        bad,
        remarks,
    } = verdict;
    write!(
        out,
        "{}  {log}: ",
        if bad.is_some() { "FAIL" } else { "OK  " }
    )?;
    match bad {
        Some(bad) => writeln!(out, "{bad}")?,
        None => {
            write!(
                out,
                "{records} records, {sealed} sealed by {checkpoints} checkpoints"
            )?;
            if *pruned > 0 {
                write!(out, ", {pruned} pruned")?;
            }
            writeln!(out)?;
        }
    }
    for remark in remarks {
        writeln!(out, "      {remark}")?;
    }
    Ok(())
}
