//! `zeropass audit query`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::dates::told;
use super::filter::Filter;
use super::table::{COLUMNS, Table};
use crate::audit::{Entry, StoredRecord};
use crate::config::Config;

/// Options of the command.
#[derive(Debug, Args)]
pub struct Query {
    /// The configuration of the host.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    filter: Filter,
    /// JSON Lines: `{"log": ..., "record": {...}}`.
    #[arg(long)]
    json: bool,
}

// === impl Query ===

impl Query {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        self.filter.check()?;
        let action = ("audit.query", self.filter.told());
        let search = self.search(&config, out);
        super::recorded(&config, &[action], "query-failed", search).await
    }

    async fn search(&self, config: &Config, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let source = super::history(config).await?;
        let logs = super::within::logs(&*source, self.filter.log.as_deref()).await?;
        let mut table = Table::default();
        let (mut found, mut action_found) = (false, false);
        for log in logs {
            let mut after = 0;
            loop {
                let entries = source.entries(&log, after, 4096).await?;
                let Some(last) = entries.last() else { break };
                after = last.seq();
                for entry in entries {
                    match entry {
                        Entry::Record(record) => {
                            action_found |= self.filter.is_of_action(&record);
                            if !self.filter.accepts(&record) {
                                continue;
                            }
                            found = true;
                            if self.json {
                                let line = serde_json::json!({"log": log, "record": record});
                                writeln!(out, "{line}")?;
                            } else {
                                table.row(row(&log, &record), out)?;
                            }
                        }
                        Entry::Pruned { .. } => {}
                        Entry::Unreadable { seq, why } => anyhow::bail!(
                            "log {log}, record {seq}: {why}; run `zeropass audit verify`"
                        ),
                    }
                }
            }
        }
        if !self.json {
            table.finish(out)?;
        }
        if !found {
            // Beside the answer, for which an empty one is good too.
            eprintln!("{}", self.filter.nothing(action_found));
        }
        Ok(())
    }
}

fn row(log: &str, record: &StoredRecord) -> [String; COLUMNS] {
    let actor = if record.component_name == "-" {
        record.workload.clone()
    } else {
        format!("{} for {}", record.component_name, record.workload)
    };
    [
        told(record.time),
        log.to_owned(),
        record.seq.to_string(),
        actor,
        record.action.clone(),
        record.relying_party.clone(),
        record.target.clone(),
        record.outcome.clone(),
        format!("{} {}", record.address, record.request_id),
    ]
    .map(|text| plain(&text))
}

/// A record may repeat what a guest said: nothing of it may steer a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}
