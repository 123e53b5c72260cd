//! `cargo xtask dev`: from a fresh clone to a running system, and from Ctrl-C to
//! nothing running.
//!
//! What can be refused is refused first, before minutes of building: a missing
//! compiler, a busy port, a folder that can't be written. Everything in the state
//! folder is made once and reused, so a second start takes seconds.

mod config;
mod http;
mod preflight;
mod server;
mod snapshot;
mod watch;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use self::config::Addresses;
use self::server::Server;
use self::watch::{Operator, Watch};
use crate::progress::Progress;
use crate::stop::{Interrupted, Stop};
use crate::workspace::Workspace;
use crate::{build, process, tether, toolchain};

/// The longest time from a started program to its first good answer. The first
/// start compiles the components.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Builds and runs all of it until Ctrl-C. Must be called on the main thread (see [`tether`]).
pub fn run(workspace: &Workspace, stop: &Stop, dir: Option<PathBuf>) -> Result<ExitCode> {
    let progress = Progress::start();
    let state = match dir {
        Some(dir) => std::path::absolute(dir).context("--dir")?,
        None => workspace.root().join(".zeropass"),
    };
    let config = state.join("zeropass.toml");

    toolchain::c_tools()?;
    preflight::writable(&state)?;
    config::write_if_missing(&config, &config::text(workspace, &state))?;
    let addresses = Addresses::read(&config)?;
    for (port, mend) in addresses.ports(&config) {
        preflight::free(port, &mend)?;
    }
    toolchain::wasm_target(&progress, stop)?;

    progress.line("building the host and the demo relying party ...");
    build::binaries(workspace, stop, "dev", &["zeropass", "relying-party"])?;
    progress.line("building the components ...");
    build::components(workspace, stop)?;
    config::warn_of_other_components(&config, workspace)?;

    progress.line("preparing the development PKI ...");
    let zeropass = workspace.binary("dev", "zeropass");
    let pki = state.join("pki");
    process::output(
        Command::new(&zeropass)
            .args(["pki", "init", "--dir"])
            .arg(&pki),
    )?;

    progress.line("signing the components ...");
    for name in build::COMPONENTS {
        watch::sign(&zeropass, &pki, name, &workspace.component(name))?;
    }

    progress.line("starting the host ...");
    let mut serve = tether::tethered(&zeropass)?;
    serve
        .args(["serve", "--config"])
        .arg(&config)
        .current_dir(workspace.root());
    let mut host = Server::start("zeropass", serve, &state.join("zeropass.log"))?;
    let health = addresses.health;
    host.wait_until(stop, READY_WITHIN, "/readyz answers 200", || {
        http::status(health, "/readyz") == Some(200)
    })?;

    progress.line("starting the demo relying party ...");
    let demo = addresses.relying_party;
    let mut command = tether::tethered(&workspace.binary("dev", "relying-party"))?;
    command.current_dir(workspace.root());
    command.args(["--listen", &demo.to_string()]);
    command.args([
        "--zeropass",
        &format!("https://localhost:{}", addresses.service.port()),
    ]);
    command.arg("--ca").arg(pki.join("ca.pem"));
    command.arg("--cert").arg(pki.join("relying-party.pem"));
    command.arg("--key").arg(pki.join("relying-party.key"));
    command.args(["--origin", &addresses.origin]);
    let mut relying_party =
        Server::start("relying-party", command, &state.join("relying-party.log"))?;
    relying_party.wait_until(stop, READY_WITHIN, "it answers", || {
        http::status(demo, "/").is_some()
    })?;

    progress.line("ready");
    println!("{}", block(&addresses, &zeropass, &state, &config, &pki));
    let mut watch = match addresses.admin {
        Some(admin) => Some(Watch::start(
            workspace,
            Operator {
                program: zeropass,
                pki,
                admin,
            },
        )?),
        None => None,
    };
    until_end(stop, &mut host, &mut relying_party, watch.as_mut())
}

/// Waits for Ctrl-C, which is a success, or for one of the two to end, which is not, and
/// swaps what is saved meanwhile.
fn until_end(
    stop: &Stop,
    host: &mut Server,
    relying_party: &mut Server,
    mut watch: Option<&mut Watch<'_>>,
) -> Result<ExitCode> {
    let outcome = loop {
        if stop.requested() {
            break Ok(ExitCode::SUCCESS);
        }
        if let Err(ended) = host.check().and_then(|()| relying_party.check()) {
            break Err(ended);
        }
        match watch.as_mut().map_or(Ok(()), |watch| watch.look(stop)) {
            Err(error) if !error.is::<Interrupted>() => break Err(error),
            _ => {}
        }
        thread::sleep(process::TICK);
    };
    eprintln!("stopping ...");
    process::stop_all(&mut [relying_party.group(), host.group()]);
    outcome
}

fn block(
    addresses: &Addresses,
    zeropass: &Path,
    state: &Path,
    config: &Path,
    pki: &Path,
) -> String {
    let Addresses {
        service,
        health,
        origin,
        admin,
        ..
    } = addresses;
    let (admin, swaps) = match admin {
        Some(admin) => (
            format!("https://{admin}  (operators' certificates)"),
            "Save a file in components/ or wit/, and the next request has it.",
        ),
        None => (
            "none: the configuration has no [admin]".to_owned(),
            "Saved components are swapped in only with an [admin] section.",
        ),
    };
    let (config, pki, state) = (config.display(), pki.display(), state.display());
    let zeropass = zeropass.display();
    format!(
        "
  Open {origin}

  service listener   https://{service}  (mutual TLS: clients show a certificate)
  admin listener     {admin}
  health listener    http://{health}/readyz
  PKI                {pki}  (ca.pem, relying-party.pem and .key)
  configuration      {config}
  logs               {state}/zeropass.log, relying-party.log

  What the host runs, and how to change it (docs/rollouts.md):
    export ZEROPASS_CA={pki}/ca.pem ZEROPASS_CERT={pki}/operator.pem ZEROPASS_KEY={pki}/operator.key
    {zeropass} component list

  {swaps}
  Ctrl-C stops all of it.
"
    )
}
