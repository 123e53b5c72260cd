//! The whole host, put together from its configuration.
//!
//! Everything that can be wrong is found before the first listener opens: keys,
//! certificates, policies, store and components are loaded and checked in that
//! order, and the first that can't be used ends the start with its own message
//! ([`start`]). What runs from there to the end of the drain is in [`serve`].

mod admin;
mod audit;
mod authenticators;
mod check;
mod components;
mod files;
mod identity;
mod journal;
mod link;
mod lockout;
mod metadata;
mod metrics;
mod policy;
mod serve;
mod settings;
mod start;
pub(crate) mod store;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;

pub use self::check::problems;
use self::identity::HostIdentity;
use self::link::Link;
pub use self::policy::{ReloadError, reload_policy};
use crate::audit::{Actor, Outcome, Sealer};
use crate::capabilities::Services;
use crate::identity::Identity;
use crate::registry::rollout::Rollouts;
use crate::server::Listener;
use crate::server::admin::AdminDoor;
use crate::server::front_door::FrontDoor;
use crate::server::health::Health;
use crate::server::records::ConnectionRecords;
use crate::telemetry::metrics::Registry;

/// A host that is ready to serve.
pub struct Host {
    services: Arc<Services>,
    identity: HostIdentity,
    hangups: Signal,
    policy_folder: PathBuf,
    metrics: Arc<Registry>,
    rollouts: Arc<Rollouts>,
    follow: Duration,
    sealer: Sealer,
    listener: Option<Listener<FrontDoor>>,
    admin: Option<Listener<AdminDoor>>,
    link: Link,
    connections: Vec<ConnectionRecords>,
    health: Option<Health>,
    metadata: Option<metadata::Watch>,
    drain_deadline: Duration,
}

// === impl Host ===

impl Host {
    /// Where the service listener listens, or the link listener of a host that has no
    /// other.
    ///
    /// # Errors
    /// The system does not know the socket any more.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        match &self.listener {
            Some(listener) => listener.local_address(),
            None => self
                .link
                .local_address()?
                .ok_or_else(|| std::io::ErrorKind::NotConnected.into()),
        }
    }

    /// Where the admin listener listens, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_address().ok()
    }

    /// The rollouts of the components.
    pub fn rollouts(&self) -> &Arc<Rollouts> {
        &self.rollouts
    }

    /// Where the link listener listens; none where the link is in-process.
    ///
    /// # Errors
    /// The system does not know the socket any more.
    pub fn link_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.link.local_address()
    }

    /// What the components' calls reach, for tests that look at the store.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Who the host is; renewed while it serves.
    pub fn identity(&self) -> Identity {
        self.identity.identity.clone()
    }

    /// Who the components are that speak to each other over mTLS here, by their names;
    /// renewed while the host serves.
    pub fn component_identities(&self) -> Vec<(&'static str, Identity)> {
        self.link.health().identities
    }

    /// The host's metrics, to be rendered when somebody asks.
    pub fn metrics(&self) -> &Arc<Registry> {
        &self.metrics
    }
}

/// Record something that the host itself did.
async fn lifecycle(services: &Services, action: &'static str) -> anyhow::Result<()> {
    Ok(journal::record(services, Actor::host(), action, "host", Outcome::Success).await?)
}
