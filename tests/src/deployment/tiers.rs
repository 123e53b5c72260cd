//! A front tier and back tiers, every host a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;

use super::material::write_private;
use super::{Builder, Client, Deployment, Installation};

/// How long the tiers may take to find each other. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hosts that do not run yet: one in front, one or several behind it.
pub struct Tiers {
    /// auth-service, with an audit log and no other store.
    pub front: Installation,
    /// passkey-manager and the store. The first one's authority is everybody's.
    pub backs: Vec<Installation>,
    service: SocketAddr,
    links: Vec<SocketAddr>,
}

// === impl Tiers ===

impl Tiers {
    /// One back tier with a store in SQLite.
    pub fn one() -> Self {
        Self::lay_out(1, |builder| builder)
    }

    /// So many back tiers, each changed by `change`, which gives them their store.
    pub fn lay_out(backs: usize, change: impl Fn(Builder) -> Builder) -> Self {
        Self::lay_out_with(backs, change, |builder| builder)
    }

    /// The same, with a front that is changed as well.
    pub fn lay_out_with(
        backs: usize,
        change: impl Fn(Builder) -> Builder,
        change_front: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let service = free_port();
        let links: Vec<_> = (0..backs).map(|_| free_port()).collect();
        let mut installed: Vec<Installation> = Vec::new();
        for (number, link) in links.iter().enumerate() {
            let mut builder = change(Deployment::builder().back())
                .set("link", "listen", &format!("\"{link}\""))
                .set("audit", "log", &format!("\"back-{number}\""));
            if let Some(first) = installed.first() {
                builder = builder
                    .certificates_of(&first.pki())
                    .keys_in(first.folder().join("keys"));
            }
            let back = builder.install();
            if installed.is_empty() {
                let mut key = [0; 32];
                aws_lc_rs::rand::fill(&mut key).expect("randomness");
                write_private(&back.folder().join("keys/pseudonym.key"), &key);
            }
            installed.push(back);
        }
        let front = change_front(Deployment::builder().front(&links))
            .certificates_of(&installed[0].pki())
            .set("service", "listen", &format!("\"{service}\""))
            .install();
        Self {
            front,
            backs: installed,
            service,
            links,
        }
    }

    /// One more front before the same backs, and where it listens.
    pub fn another_front(
        &self,
        change: impl FnOnce(Builder) -> Builder,
    ) -> (Installation, SocketAddr) {
        let service = free_port();
        let front = change(Deployment::builder().front(&self.links))
            .certificates_of(&self.backs[0].pki())
            .keys_in(self.front.folder().join("keys"))
            .set("service", "listen", &format!("\"{service}\""))
            .install();
        (front, service)
    }

    /// The port of the front's service listener.
    pub fn service_port(&self) -> u16 {
        self.service.port()
    }

    /// The ports of the backs' link listeners.
    pub fn link_ports(&self) -> Vec<u16> {
        self.links.iter().map(SocketAddr::port).collect()
    }

    /// A client of the front, once it answers.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn client(&self) -> Client {
        self.client_at(self.service).await
    }

    /// A client of the front at this address, once it answers.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn client_at(&self, front: SocketAddr) -> Client {
        let client = self.backs[0].client_at(front);
        let started = Instant::now();
        loop {
            let begin = client
                .request(http::Method::POST, "/v1/authentications")
                .json(&json!({}));
            match begin.send().await {
                Ok(answer) if answer.status() == 201 => return client,
                other => assert!(started.elapsed() < PATIENCE, "{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl std::fmt::Debug for Tiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tiers")
            .field("service", &self.service)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

pub(super) fn free_port() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("a free port")
}
