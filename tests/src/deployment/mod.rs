//! A whole zeropass in the test's own process: the real host on a free loopback
//! port, with its own certificates, keys, store and configuration in a folder that
//! vanishes with it.
//!
//! ```no_run
//! # async fn example() {
//! use zeropass_tests::deployment::Deployment;
//! let deployment = Deployment::start().await;
//! let client = deployment.client("relying-party");
//! let answer = client.get("/.well-known/jwks.json").await;
//! assert_eq!(answer.status(), 200);
//! # }
//! ```
//!
//! Nothing is replaced: requests go through TLS, the front door, the built
//! components and SQLite. The components must have been built; [`component_file`]
//! says where they are looked for. Compiled code is shared between all deployments
//! of one target folder, so that only the first of them compiles.
//!
//! A test that starts a deployment runs on a multi-threaded runtime:
//! `#[tokio::test(flavor = "multi_thread")]`.
//!
//! It is a kit for tests: what can't be set up panics and says why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test that uses it"
)]

pub mod agent;
pub mod attack;
pub mod audit;
mod builder;
pub mod certificates;
pub mod client;
mod files;
mod load;
mod material;
pub mod person;
mod process;
mod relying_party;
pub mod rotation;
pub mod stream;
mod system;
mod tiers;
mod toml;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zeropass::audit::{Actor, Origin};
use zeropass::capabilities::Services;
use zeropass::config::Config;
use zeropass::host::{Host, ReloadError, reload_policy};
use zeropass::identity::Identity;
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass::registry::SigningKey;
use zeropass::registry::rollout::Rollouts;
use zeropass::server::drain::Drained;
use zeropass::telemetry::metrics::Registry;

pub use self::builder::Builder;
pub use self::certificates::Certificate;
pub use self::client::{Answer, Client, Protocol};
pub use self::files::{binary_file, component_file, copied_policies, guest_file};
pub use self::load::Load;
pub use self::person::Person;
pub use self::process::{Installation, Process};
pub use self::relying_party::RelyingParty;
pub use self::stream::Stream;
pub use self::system::Connections;
pub use self::tiers::Tiers;

/// The trust domain of every deployment.
pub const TRUST_DOMAIN: &str = "zeropass.internal";

/// The id of the relying party that [`Deployment::start`] has.
pub const RP_ID: &str = "example.com";

/// The origin of the relying party that [`Deployment::start`] has.
pub const ORIGIN: &str = "https://example.com";

/// The workload that [`Deployment::start`] serves, as [`Deployment::client`] takes it.
pub const WORKLOAD: &str = "relying-party";

/// A running host with everything that belongs to it.
///
/// Dropping it asks the host to drain and does not wait; [`Deployment::stop`] waits.
pub struct Deployment {
    running: Running,
    ca: Ca,
    key: Arc<SigningKey>,
    folder: TempDir,
}

/// A host that was started.
struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    rollouts: Arc<Rollouts>,
    link_address: Option<SocketAddr>,
    services: Arc<Services>,
    metrics: Arc<Registry>,
    identity: Identity,
    components: Vec<(&'static str, Identity)>,
    policies: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Drained>,
}

// === impl Running ===

impl Running {
    async fn start(config: &Path) -> anyhow::Result<Self> {
        let config = Config::load(config)?;
        let host = Host::start(&config).await?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            address: host.local_address()?,
            admin: host.admin_address(),
            link_address: host.link_address()?,
            rollouts: Arc::clone(host.rollouts()),
            services: Arc::clone(host.services()),
            identity: host.identity(),
            components: host.component_identities(),
            metrics: Arc::clone(host.metrics()),
            policies: config.policy.folder.clone(),
            stop: Some(stop),
            serving: tokio::spawn(host.serve_until(async {
                let _ = stopped.await;
            })),
        })
    }
}

// === impl Deployment ===

impl Deployment {
    /// One relying party, [`RP_ID`], with one workload, [`WORKLOAD`], and default
    /// limits.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A deployment of another kind.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Where the service listener listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where the link listener listens.
    ///
    /// # Panics
    /// The link is in-process.
    pub fn link_address(&self) -> SocketAddr {
        self.running.link_address.expect("the link is over mTLS")
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.running.address)
    }

    /// The folder of the configuration (`zeropass.toml`), the certificates (`pki/`)
    /// and the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that holds `ca.pem`, and `NAME.pem` and `NAME.key` of the host and
    /// of every configured workload.
    pub fn pki(&self) -> std::path::PathBuf {
        self.folder.path().join("pki")
    }

    /// The socket that answers `/livez` and `/readyz`.
    pub fn health_socket(&self) -> std::path::PathBuf {
        self.folder.path().join("health.sock")
    }

    /// A client with a proper certificate for this workload; whether policy knows
    /// the workload is another matter. Speaks what ALPN chooses, HTTP/2 first.
    pub fn client(&self, workload: &str) -> Client {
        self.client_with(Some(&self.certificate(workload)), Protocol::Any)
    }

    /// A client that offers only this protocol.
    pub fn client_speaking(&self, workload: &str, protocol: Protocol) -> Client {
        self.client_with(Some(&self.certificate(workload)), protocol)
    }

    /// A client with this certificate, or with none.
    pub fn client_with(&self, certificate: Option<&Certificate>, protocol: Protocol) -> Client {
        Client::new(&self.url(), self.client_config(certificate), protocol)
    }

    /// A client of another listener than the service's, with TLS of its own making.
    pub fn client_at(&self, address: SocketAddr, tls: ClientConfig, protocol: Protocol) -> Client {
        Client::new(&format!("https://{address}"), tls, protocol)
    }

    /// A client with this certificate that trusts hosts of these CAs. Speaks HTTP/2.
    pub fn client_trusting(&self, cas: &[&Ca], certificate: &Certificate) -> Client {
        let tls = certificates::client_config_of(cas, Some(certificate));
        Client::new(&self.url(), tls, Protocol::Http2)
    }

    /// TLS as a client with this certificate, or with none, for tests that speak it
    /// by themselves. ALPN is left open.
    pub fn client_config(&self, certificate: Option<&Certificate>) -> ClientConfig {
        certificates::client_config(&self.ca, certificate)
    }

    /// A new proper certificate for this workload.
    pub fn certificate(&self, workload: &str) -> Certificate {
        self.issue(&certificates::workload(workload))
    }

    /// A certificate of this deployment's CA that says what the request says.
    pub fn issue(&self, request: &IssueRequest) -> Certificate {
        Certificate::of(&self.ca, request)
    }

    /// `https://127.0.0.1:PORT` of the admin listener.
    ///
    /// # Panics
    /// It has none: ask for one with [`Builder::admin`].
    pub fn admin_url(&self) -> String {
        format!("https://{}", self.running.admin.expect("an admin listener"))
    }

    /// A client of the admin listener with a proper certificate of this SPIFFE path.
    ///
    /// # Panics
    /// There is no admin listener.
    pub fn admin_client(&self, path: &str) -> Client {
        let certificate = self.issue(&certificates::of_path(path));
        Client::new(
            &self.admin_url(),
            self.client_config(Some(&certificate)),
            Protocol::Any,
        )
    }

    /// The rollouts of the components.
    pub fn rollouts(&self) -> &Arc<Rollouts> {
        &self.running.rollouts
    }

    /// The key that policy trusts with both components.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Stop the host, and start it again on what it has left behind. Its addresses
    /// are new ones.
    ///
    /// # Panics
    /// It does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again()
            .await
            .unwrap_or_else(|error| panic!("the host does not start again: {error:#}"));
    }

    /// Start a host that was stopped, or see why it can't be.
    ///
    /// # Errors
    /// What [`Host::start`] says.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.running = Running::start(&self.folder.path().join("zeropass.toml")).await?;
        Ok(())
    }

    /// The deployment's certificate authority.
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The host's insides, to look at what no answer shows.
    pub fn services(&self) -> &Arc<Services> {
        &self.running.services
    }

    /// Who the host is, renewed while it serves.
    pub fn identity(&self) -> &Identity {
        &self.running.identity
    }

    /// The identities of the host and of the components that it runs over mTLS, by the names
    /// of their files.
    pub fn identities(&self) -> Vec<(&'static str, Identity)> {
        let host = ("host", self.running.identity.clone());
        let components = self.running.components.iter().cloned();
        std::iter::once(host).chain(components).collect()
    }

    /// The host's metrics.
    pub fn metrics(&self) -> &Registry {
        &self.running.metrics
    }

    /// Put `text` in the place of a file in the folder of certificates, as a whole.
    pub fn replace(&self, name: &str, text: &str) {
        let next = self.pki().join(format!(".{name}.next"));
        std::fs::write(&next, text).expect("a file can be written");
        std::fs::rename(next, self.pki().join(name)).expect("a file can be replaced");
    }

    /// The folder of policies that the host has loaded.
    pub fn policies(&self) -> &Path {
        &self.running.policies
    }

    /// Read those again, for an operator who is none of the admin listener's: the new epoch.
    /// The record's request is `by-hand`.
    ///
    /// # Errors
    /// What the host says of them.
    pub async fn reload_policy(&self) -> Result<u64, ReloadError> {
        let origin = Origin {
            request_id: "by-hand".to_owned(),
            workload: format!("spiffe://{TRUST_DOMAIN}/operator/dev"),
            address: "local".to_owned(),
        };
        let actor = Actor {
            origin: Arc::new(origin),
            component: None,
        };
        reload_policy(self.services(), self.policies(), actor).await
    }

    /// Ask the host to drain, and go on. Requests that it has accepted are answered.
    pub fn begin_drain(&mut self) {
        if let Some(stop) = self.running.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Drain the host and wait for the end. The folder stays; the host's insides are
    /// closed.
    ///
    /// # Panics
    /// It has been stopped before.
    pub async fn stop(&mut self) -> Drained {
        self.begin_drain();
        (&mut self.running.serving)
            .await
            .expect("the host does not panic")
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.begin_drain();
    }
}

impl std::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployment")
            .field("address", &self.running.address)
            .finish_non_exhaustive()
    }
}
