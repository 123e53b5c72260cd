//! The real host and the real demo, as `cargo xtask dev` runs them, but on free ports
//! and in a folder of their own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use zeropass::registry::signing_key;

use super::child::Child;
use super::environment::Environment;
use super::{Seen, create_folder, poll};
use crate::signing::sign_into;

/// A port was free a moment ago; someone else may take it. Then new ones are tried.
const ATTEMPTS: u32 = 3;

/// Both programs. Dropped, they are stopped and their folder is removed.
#[derive(Debug)]
pub struct Service {
    relying_party: Child,
    host: Child,
    origin: String,
    // Last: a folder goes after those who write to it.
    _folder: TempDir,
}

/// The ports of one attempt.
struct Ports {
    service: u16,
    health: u16,
    demo: u16,
}

// === impl Service ===

impl Service {
    /// Starts both and waits until they answer.
    ///
    /// # Errors
    /// One can't be started or ends early; the message has its last words.
    pub async fn start(environment: &Environment, cache: &Path) -> Result<Self> {
        create_folder(cache)?;
        let mut attempt = 1;
        loop {
            match Self::attempt(environment, cache).await {
                Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains("in use") => {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(environment: &Environment, cache: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix("zeropass-browser-").context("no temporary folder")?;
        let ports = Ports::free()?;
        let config = folder.path().join("zeropass.toml");
        std::fs::write(&config, configuration(environment, cache, &ports))
            .context("can't write the configuration")?;

        let pki = folder.path().join("pki");
        let made = Command::new(&environment.zeropass)
            .args(["pki", "init", "--dir"])
            .arg(&pki)
            .stdin(Stdio::null())
            .output()
            .context("can't start zeropass pki init")?;
        ensure!(
            made.status.success(),
            "zeropass pki init: {}",
            String::from_utf8_lossy(&made.stderr)
        );

        let key = signing_key::development(&pki)?;
        for (name, file) in [
            ("auth-service", &environment.auth_service),
            ("passkey-manager", &environment.passkey_manager),
        ] {
            sign_into(folder.path(), &key, name, "1.0.0", file)?;
        }

        let mut serve = Command::new(&environment.zeropass);
        serve.args(["serve", "--config"]).arg(&config);
        let mut host = Child::start("zeropass", &mut serve, folder.path())?;
        wait_for_answer(&mut host, ports.health, "/readyz").await?;

        let origin = format!("http://localhost:{}", ports.demo);
        let mut demo = Command::new(&environment.relying_party);
        demo.args(["--listen", &format!("127.0.0.1:{}", ports.demo)])
            .args([
                "--zeropass",
                &format!("https://localhost:{}", ports.service),
            ])
            .args(["--origin", &origin])
            .arg("--ca")
            .arg(pki.join("ca.pem"))
            .arg("--cert")
            .arg(pki.join("relying-party.pem"))
            .arg("--key")
            .arg(pki.join("relying-party.key"));
        let mut relying_party = Child::start("relying-party", &mut demo, folder.path())?;
        wait_for_answer(&mut relying_party, ports.demo, "/").await?;
        Ok(Self {
            relying_party,
            host,
            origin,
            _folder: folder,
        })
    }

    /// What the browser opens, for example `http://localhost:8080`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The process ids of the two.
    pub fn processes(&self) -> [u32; 2] {
        [self.host.id(), self.relying_party.id()]
    }

    /// Stops zeropass, so that the demo is alone.
    pub fn stop_host(&mut self) {
        self.host.stop();
    }

    /// All that the two have logged.
    pub fn logs(&self) -> String {
        self.host.said() + &self.relying_party.said()
    }

    pub(super) fn last_words(&self) -> String {
        format!(
            "{}\n{}",
            self.host.last_words(),
            self.relying_party.last_words()
        )
    }
}

// === impl Ports ===

impl Ports {
    fn free() -> Result<Self> {
        // Held together, so that they differ.
        let listeners = [bind()?, bind()?, bind()?];
        let [service, health, demo] = &listeners;
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        Ok(Self {
            service: port(service)?,
            health: port(health)?,
            demo: port(demo)?,
        })
    }
}

fn bind() -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")
}

fn configuration(environment: &Environment, cache: &Path, ports: &Ports) -> String {
    // A JSON string of plain letters is a TOML string too.
    let path = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let Ports {
        service,
        health,
        demo,
    } = ports;
    format!(
        r#"
[service]
listen = "127.0.0.1:{service}"
certificate = "pki/host.pem"
key = "pki/host.key"
client-ca = "pki/ca.pem"
trust-domain = "zeropass.internal"

[health]
listen = "127.0.0.1:{health}"

[store]
sqlite = "zeropass.db"

[policy]
folder = {policies}
signers = "pki/signers"

[keys]
folder = "keys"

[cache]
folder = {cache}

[components.auth-service]
file = {auth_service}
signature = "auth-service.minisig"

[components.passkey-manager]
file = {passkey_manager}
signature = "passkey-manager.minisig"

[link]
listen = "127.0.0.1:0"

[link.auth-service]
certificate = "pki/auth-service.pem"
key = "pki/auth-service.key"

[link.passkey-manager]
certificate = "pki/passkey-manager.pem"
key = "pki/passkey-manager.key"

[[relying-party]]
id = "localhost"
name = "zeropass demo"
origins = ["http://localhost:{demo}"]
workloads = ["spiffe://zeropass.internal/workload/relying-party"]
"#,
        policies = path(&environment.policies),
        cache = path(cache),
        auth_service = path(&environment.auth_service),
        passkey_manager = path(&environment.passkey_manager),
    )
}

async fn wait_for_answer(child: &mut Child, port: u16, path: &str) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let what = format!("200 from http://{address}{path}");
    poll(&what, || {
        let ended = child.check();
        async move {
            ended?;
            Ok(match status(address, path).await {
                Ok(line) if line.contains(" 200 ") => Seen::Done(()),
                Ok(line) => Seen::NotYet(line),
                Err(error) => Seen::NotYet(error.to_string()),
            })
        }
    })
    .await
}

/// The status line of an answer.
async fn status(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
