//! A host as a process of its own: the real binary, which can be killed.
//!
//! The binary is looked for in the folder that `ZEROPASS_BINARIES` names, by default
//! the target folder's `debug`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::Value;
use tempfile::TempDir;
use zeropass::identity::pki::Ca;

use super::Certificate;
use super::certificates::{client_config, of_path, workload};
use super::client::{Client, Protocol};
use super::files::binary_file;

/// How long a start may take; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of a deployment whose host runs as a process, or does not run.
pub struct Installation {
    folder: TempDir,
    ca: Ca,
    certificate: Certificate,
}

/// A running host. It is killed with its value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: String,
}

// === impl Installation ===

impl Installation {
    pub(super) fn new(folder: TempDir, ca: Ca) -> Self {
        let certificate = Certificate::of(&ca, &workload(super::WORKLOAD));
        Self {
            folder,
            ca,
            certificate,
        }
    }

    /// The folder of the configuration, the keys and the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("zeropass.toml")
    }

    /// `zeropass serve`, until it says that it serves.
    ///
    /// # Panics
    /// It ends instead; the message has its last words.
    pub fn serve(&self) -> Process {
        self.try_serve(|_| {})
            .unwrap_or_else(|log| panic!("the host does not start: {log}"))
    }

    /// As [`Installation::serve`], with a look at the command first.
    ///
    /// # Errors
    /// What the host wrote before it ended.
    pub fn try_serve(&self, change: impl FnOnce(&mut Command)) -> Result<Process, String> {
        let mut command = Command::new(binary_file("zeropass"));
        change(&mut command);
        command.args(["serve", "--config"]).arg(self.config());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let lines = BufReader::new(child.stderr.take().expect("its standard error"));
        let (told, heard) = mpsc::channel();
        // Reads to the end, so that the host never waits for its log.
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        let mut log = Vec::new();
        while let Ok(line) = heard.recv_timeout(PATIENCE) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "serving" {
                let address = event["address"].as_str().and_then(|text| text.parse().ok());
                let address = address.expect("the address where it serves");
                let log = log.join("\n");
                return Ok(Process {
                    child,
                    address,
                    log,
                });
            }
            log.push(line);
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(log.join("\n"))
    }

    /// The relying party's client of a running host.
    pub fn client(&self, process: &Process) -> Client {
        self.client_at(process.address)
    }

    /// The relying party's client of a host at this address with a certificate of this
    /// installation's authority.
    pub fn client_at(&self, address: SocketAddr) -> Client {
        let tls = client_config(&self.ca, Some(&self.certificate));
        Client::new(&format!("https://{address}"), tls, Protocol::Any)
    }

    /// An operator's client of the admin listener at this address, with a proper
    /// certificate of this SPIFFE path.
    pub fn admin_client(&self, address: SocketAddr, path: &str) -> Client {
        let certificate = Certificate::of(&self.ca, &of_path(path));
        let tls = client_config(&self.ca, Some(&certificate));
        Client::new(&format!("https://{address}"), tls, Protocol::Any)
    }

    /// A new proper certificate for this workload.
    pub fn certificate(&self, name: &str) -> Certificate {
        Certificate::of(&self.ca, &workload(name))
    }

    /// TLS as a client with this certificate. ALPN is left open.
    pub fn client_config(&self, certificate: &Certificate) -> ClientConfig {
        client_config(&self.ca, Some(certificate))
    }

    /// The folder of the certificates.
    pub fn pki(&self) -> PathBuf {
        self.folder.path().join("pki")
    }

    /// Run another command of the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(binary_file("zeropass"))
            .args(arguments)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .output()
            .expect("the binary can be started")
    }
}

// === impl Process ===

impl Process {
    /// SIGKILL, and wait until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }

    /// SIGTERM, and wait until it has drained; whether it says that all went well.
    pub fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(
            told.is_ok_and(|status| status.success()),
            "a process of ours"
        );
        self.child.wait().expect("a process of ours").success()
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it said before it served, a JSON object on each line.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// What the process has in memory, KiB (`VmRSS`, proc_pid_status(5)).
    ///
    /// # Panics
    /// It is gone.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("a process of ours");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .and_then(|number| number.parse().ok())
            .expect("proc says it so")
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already after `kill` and `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
