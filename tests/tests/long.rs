//! Tests that take minutes: `cargo xtask test --long` runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod crash;
#[path = "long/rollout.rs"]
mod rollout;
#[path = "long/transport.rs"]
mod transport;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Ten times the kills of the ordinary suite.
#[tokio::test(flavor = "multi_thread")]
async fn host_killed_200_times_loses_nothing_that_it_acknowledged() {
    crash::survive(200, crash::seed(), None).await;
}

/// In a module of this name, so that `--skip postgres` leaves it out where there is none.
mod postgres {
    use zeropass_tests::postgres::Database;

    use super::crash;

    #[tokio::test(flavor = "multi_thread")]
    async fn host_killed_200_times_loses_nothing_that_it_acknowledged() {
        let database = Database::start().await;
        crash::survive(200, crash::seed(), Some(&database)).await;
    }
}

/// The commands of the README, word for word; only the programs and the folder of
/// the built components are put in their places.
#[test]
fn component_runs_under_the_stock_wasmtime_command_line() {
    let tool = |variable: &str| {
        std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run cargo xtask test --long"))
    };
    let (wasmtime, wac) = (tool("ZEROPASS_WASMTIME"), tool("ZEROPASS_WAC"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("tests/standalone/README.md")).unwrap();
    let commands = block(&readme, "sh");
    let expected = block(&readme, "text");
    let components = std::env::var_os("ZEROPASS_COMPONENTS").map_or_else(
        || root.join("target/wasm32-wasip2/component"),
        PathBuf::from,
    );
    // <target>/wasm32-wasip2/component
    let target = components.ancestors().nth(2).unwrap().to_str().unwrap();
    let commands = commands
        .replace("\nwac compose ", &format!("\n'{wac}' compose "))
        .replace("\nwasmtime run ", &format!("\n'{wasmtime}' run "))
        .replace("=target/", &format!("={target}/"))
        .replace(" target/", &format!(" {target}/"));
    assert!(
        commands.contains(&wac) && commands.contains(&wasmtime),
        "{commands}"
    );

    let output = Command::new("sh")
        .args(["-e", "-c", &commands])
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{errors}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{errors}"
    );
}

/// The one fenced block of a kind.
fn block(readme: &str, kind: &str) -> String {
    let fence = format!("```{kind}\n");
    let (_, rest) = readme.split_once(&fence).expect("a fenced block");
    let (block, rest) = rest.split_once("```").expect("its end");
    assert!(!rest.contains(&fence), "two blocks of {kind}");
    block.to_owned()
}
