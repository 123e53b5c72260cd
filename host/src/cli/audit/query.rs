//! `zeropass audit query`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::dates::told;
use super::filter::Filter;
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
    /// The log to look in; all without.
    #[arg(long, value_name = "ID")]
    log: Option<String>,
    /// JSON Lines: `{"log": ..., "record": {...}}`.
    #[arg(long)]
    json: bool,
}

const HEAD: [&str; 9] = [
    "TIME",
    "LOG",
    "SEQ",
    "ACTOR",
    "ACTION",
    "RELYING PARTY",
    "TARGET",
    "OUTCOME",
    "ORIGIN",
];

// === impl Query ===

impl Query {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let action = ("audit.query", self.filter.told());
        let search = self.search(&config, out);
        super::recorded(&config, &[action], "query-failed", search).await
    }

    async fn search(&self, config: &Config, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let source = super::history(config).await?;
        let mut rows = vec![HEAD.map(str::to_owned)];
        for log in source.logs().await? {
            if self.log.as_ref().is_some_and(|wanted| *wanted != log) {
                continue;
            }
            let mut after = 0;
            loop {
                let entries = source.entries(&log, after, 4096).await?;
                let Some(last) = entries.last() else { break };
                after = last.seq();
                for entry in entries {
                    match entry {
                        Entry::Record(record) if !self.filter.accepts(&record) => {}
                        Entry::Record(record) if self.json => {
                            let line = serde_json::json!({"log": log, "record": record});
                            writeln!(out, "{line}")?;
                        }
                        Entry::Record(record) => rows.push(row(&log, &record)),
                        Entry::Pruned { .. } => {}
                        Entry::Unreadable { seq, why } => anyhow::bail!(
                            "log {log}, record {seq}: {why}; run `zeropass audit verify`"
                        ),
                    }
                }
            }
        }
        if !self.json {
            write_table(&rows, out)?;
        }
        Ok(())
    }
}

fn row(log: &str, record: &StoredRecord) -> [String; 9] {
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

fn write_table(rows: &[[String; 9]], out: &mut dyn Write) -> std::io::Result<()> {
    let mut widths = [0; 9];
    for row in rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = text.chars().count().max(*width);
        }
    }
    for row in rows {
        let mut line = String::new();
        for (text, width) in row.iter().zip(widths) {
            line.push_str(&format!("{text:width$}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
