//! The registry itself, as a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zeropass::clock::{Clock, SystemClock};
use zeropass::identity::pki::{Ca, IssueRequest};

use crate::Desk;

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user of the registry that wants one.
const HTPASSWD: &str = "publisher:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n";

/// A registry, stopped when dropped.
pub(super) struct Registry {
    child: Child,
    pub(super) address: SocketAddr,
    folder: PathBuf,
}

impl Registry {
    pub(super) fn start(desk: &Desk, protected: bool) -> Self {
        let folder = desk.path("registry");
        std::fs::create_dir(&folder).unwrap();
        let now = SystemClock.now();
        let ca = Ca::new(&"registry.internal".parse().unwrap(), now).unwrap();
        let mut request = IssueRequest::workload("spiffe://registry.internal/registry", now);
        request.ips = vec![Ipv4Addr::LOCALHOST.into()];
        let issued = ca.issue(&request).unwrap();
        std::fs::write(desk.path("registry-ca.pem"), ca.pem()).unwrap();
        std::fs::write(folder.join("tls.pem"), issued.certificate).unwrap();
        std::fs::write(folder.join("tls.key"), issued.key).unwrap();
        std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        // Free a moment ago; if somebody takes it, the registry says so and ends.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let at = folder.display();
        let mut text = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {at}/data\nhttp:\n  addr: {address}\n  tls:\n    certificate: {at}/tls.pem\n    key: {at}/tls.key\n"
        );
        if protected {
            text += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {at}/htpasswd\n");
        }
        let config = folder.join("config.yml");
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the registry ended at its start"
            );
            assert!(Instant::now() < until, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            child,
            address,
            folder,
        }
    }

    /// Where the registry keeps the blob of this digest.
    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
