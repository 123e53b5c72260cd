//! Debian's `docker-registry` with TLS and a password, on a free loopback port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failure of the test that uses it"
)]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::identity::pki::{Ca, IssueRequest};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The registry's own file of passwords: one user, `publisher`.
const HTPASSWD: &str = "publisher:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n";

/// A registry, stopped when dropped.
#[derive(Debug)]
pub struct OciRegistry {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

// === impl OciRegistry ===

impl OciRegistry {
    /// Start it.
    ///
    /// # Panics
    /// It is not installed, or does not answer.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let now = SystemClock.now();
        let ca = Ca::new(&"registry.internal".parse().unwrap(), now).unwrap();
        let mut request = IssueRequest::workload("spiffe://registry.internal/registry", now);
        request.ips = vec![Ipv4Addr::LOCALHOST.into()];
        let issued = ca.issue(&request).unwrap();
        // Free a moment ago; if somebody takes it, the registry says so and ends.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let at = folder.path().display();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {at}/data\nhttp:\n  addr: {address}\n  tls:\n    certificate: {at}/tls.pem\n    key: {at}/tls.key\nauth:\n  htpasswd:\n    realm: test\n    path: {at}/htpasswd\n"
        );
        let credentials = format!(
            "{{\"auths\": {{\"{address}\": {{\"username\": \"publisher\", \"password\": \"correct horse\"}}}}}}"
        );
        for (name, text) in [
            ("ca.pem", ca.pem()),
            ("tls.pem", &issued.certificate),
            ("tls.key", &issued.key),
            ("htpasswd", HTPASSWD),
            ("auth.json", &credentials),
            ("config.yml", &config),
        ] {
            std::fs::write(file(name), text).unwrap();
        }
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(file("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "the registry ended at its start");
            assert!(Instant::now() < until, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            child,
            address,
            folder,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Credentials that it takes.
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("auth.json")
    }

    /// Where it keeps the blob of this SHA-256.
    ///
    /// # Panics
    /// The digest has less than two digits.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self
            .folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256");
        let (first, _) = digest.split_at(2);
        blobs.join(first).join(digest).join("data")
    }

    /// Publish a file and its `.minisig` as `team/NAME:TAG` with our own command; the
    /// reference by digest.
    ///
    /// # Panics
    /// It can't be published.
    pub fn publish(&self, file: &Path, name: &str, tag: &str) -> String {
        let text = |path: &Path| path.to_str().expect("a path that is text").to_owned();
        let (file, ca, credentials) = (text(file), text(&self.ca()), text(&self.credentials()));
        let reference = format!("oci://{}/team/{name}:{tag}", self.address);
        let words = [
            "zeropass",
            "component",
            "publish",
            &file,
            &reference,
            "--registry-ca",
            &ca,
            "--credentials",
            &credentials,
        ];
        let mut out = Vec::new();
        let well = zeropass::cli::execute(&words, &mut out).expect("a command");
        let said = String::from_utf8(out).expect("text");
        assert!(well, "{said}");
        let published = said.strip_prefix("published ").expect("what it did");
        published.trim_end().to_owned()
    }

    /// Go away.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}
