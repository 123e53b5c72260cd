//! `zeropass-bench`: what zeropass costs, each figure beside what it is compared with.
//!
//! `cargo xtask bench` builds and starts it. Everything that a row compares is
//! measured in the same run and in turns, so that a machine that is slow for a
//! while is slow for both. Figures are medians with the smallest and the largest
//! sample. What can't be measured fails the command, as does a missed target; no
//! figure is made up.
//!
//! - [`rows`]: one file for each row.
//! - [`sample`]: warm-up, turns, medians.
//! - [`report`]: the table and the JSON.
//! - [`subject`], [`authenticator`]: the relying party, user and passkey of all rows.
//! - [`alone`], [`native`], [`bare`]: passkey-manager alone in a sandbox, natively,
//!   and in a host without a database.
//! - [`site`], [`process`], [`client`], [`load`]: real servers as processes of their
//!   own, and the sign-ins sent to them.
//! - [`operator`]: who pushes and activates revisions on them.
//! - [`postgres`]: a database server for the rows that compare it with SQLite.
//! - [`twin`]: the same server without a sandbox.

mod alone;
mod authenticator;
mod bare;
mod client;
mod empty_store;
mod load;
mod native;
mod operator;
mod postgres;
mod process;
mod report;
mod rows;
mod sample;
mod site;
mod subject;
mod twin;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use tikv_jemallocator::Jemalloc;

use crate::report::Report;
use crate::rows::Places;

/// The host's: what is compared with it has the same.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures zeropass.
#[derive(Debug, Parser)]
struct Arguments {
    /// Write the rows there as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run one row, or one group of rows.
    #[arg(long, value_name = "ROW")]
    only: Option<String>,
    /// Serve as the twin without a sandbox; how the bench starts itself.
    #[arg(long, value_name = "CONFIG", hide = true)]
    twin: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("zeropass-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let Some(config) = &arguments.twin {
        runtime.block_on(twin::serve(config))?;
        return Ok(ExitCode::SUCCESS);
    }
    let groups = rows::chosen(arguments.only.as_deref())?;
    let places = Arc::new(Places::from_environment()?);
    let mut report = Report::default();
    for group in groups {
        eprintln!("zeropass-bench: {} ...", group.id());
        match runtime.block_on(group.measure(&places)) {
            Ok(rows) => report.add(rows, arguments.only.as_deref()),
            Err(error) => report.fail(group.id(), &error),
        }
    }
    print!("{report}");
    if let Some(file) = &arguments.json {
        std::fs::write(file, report.json()?)
            .with_context(|| format!("--json {}", file.display()))?;
    }
    Ok(if report.failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
