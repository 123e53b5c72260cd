//! The host's identity: opened at the start, followed while it runs.

use std::sync::Arc;

use super::journal::record;
use super::settings::{key_exchange, trust_domain};
use crate::audit::{Actor, Outcome};
use crate::capabilities::Services;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::identity::current::{Change, keep};
use crate::identity::tls::server_config_with;
use crate::identity::{
    CurrentTls, FileSource, Identity, KeyExchange, Material, MaterialFiles, Source,
    WorkloadApiSource,
};
use crate::telemetry::metrics::{Counter, Gauge, Registry};

/// The audit action of new material.
const ACTION: &str = "identity.renew";

/// An identity that is in force, with the source that will renew it.
pub(super) struct HostIdentity {
    pub identity: Identity,
    pub tls: CurrentTls,
    pub counts: IdentityCounts,
    source: Box<dyn Source>,
    key_exchange: KeyExchange,
    clock: Arc<dyn Clock>,
}

/// What became of new material.
#[derive(Debug, Clone, Default)]
pub(super) struct IdentityCounts {
    /// Put in force.
    pub renewed: Counter,
    /// Refused, or taken back by the issuer.
    pub failed: Counter,
    /// The end of the host's own certificate, seconds since the Unix epoch.
    pub not_after: Gauge,
}

// === impl HostIdentity ===

impl HostIdentity {
    /// The identity that the configuration names.
    ///
    /// # Errors
    /// There is none that can be used; the message names the file and the mend.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let mut source = source(config, &clock)?;
        let material = source.next().await?;
        let key_exchange = key_exchange(&config.service);
        let tls = server_config_with(&material, Arc::clone(&clock), key_exchange)?;
        let counts = IdentityCounts::default();
        counts.not_after.set(material.svid().not_after / 1000);
        Ok(Self {
            counts,
            identity: Identity::new(material),
            tls: CurrentTls::new(tls),
            source,
            key_exchange,
            clock,
        })
    }

    /// Follow the source for ever, with a record of each change.
    pub async fn keep(self, services: Arc<Services>) {
        let Self {
            identity,
            tls,
            counts,
            source,
            key_exchange,
            clock,
        } = self;
        let tls_of =
            |material: &Material| server_config_with(material, Arc::clone(&clock), key_exchange);
        keep(source, identity, tls, tls_of, |change| {
            counts.count(&change);
            tell(Arc::clone(&services), change)
        })
        .await;
    }
}

// === impl IdentityCounts ===

impl IdentityCounts {
    /// The series of these counts.
    pub fn register(&self, metrics: &Registry) {
        metrics.counter(
            "zeropass_identity_renewals_total",
            "New certificates, keys, roots or revocation lists that were put in force.",
            &[],
            &self.renewed,
        );
        metrics.counter(
            "zeropass_identity_failures_total",
            "Alarm: new identity material that was refused, or an identity that was withdrawn.",
            &[],
            &self.failed,
        );
        metrics.gauge(
            "zeropass_identity_not_after_seconds",
            "The end of the host's own certificate, Unix time; 0 without an identity.",
            &[],
            &self.not_after,
        );
    }

    fn count(&self, change: &Change) {
        match change {
            Change::Renewed(material) => {
                self.renewed.add(1);
                self.not_after.set(material.svid().not_after / 1000);
            }
            Change::Refused(_) => self.failed.add(1),
            Change::Withdrawn(_) => {
                self.failed.add(1);
                self.not_after.set(0);
            }
        }
    }
}

/// The alarm, and the record.
pub(super) async fn tell(services: Arc<Services>, change: Change) {
    let (target, outcome) = match change {
        Change::Renewed(material) => {
            let svid = material.svid();
            tracing::info!(id = %svid.id, not_after = svid.not_after, "new identity material is in force");
            (svid.id.to_string(), Outcome::Success)
        }
        Change::Refused(error) => {
            tracing::error!(%error, "new identity material is refused: the old stays in use");
            ("-".to_owned(), Outcome::Failed(error.code()))
        }
        Change::Withdrawn(error) => {
            tracing::error!(%error, "the host has no identity any more: nobody is served");
            ("-".to_owned(), Outcome::Failed(error.code()))
        }
    };
    if let Err(error) = record(&services, Actor::host(), ACTION, &target, outcome).await {
        tracing::error!(%error, "a change of identity could not be recorded");
    }
}

fn source(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Box<dyn Source>> {
    let clock = Arc::clone(clock);
    Ok(match &config.service.identity {
        config::IdentitySource::WorkloadApi { socket } => Box::new(WorkloadApiSource::new(
            socket.clone(),
            config.service.crl.clone(),
            trust_domain(config)?,
            clock,
        )),
        config::IdentitySource::Files {
            certificate,
            key,
            client_ca,
        } => {
            let files = MaterialFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                roots: client_ca.clone(),
                crls: config.service.crl.clone(),
                trust_domains: vec![trust_domain(config)?],
            };
            Box::new(FileSource::new(files, clock))
        }
    })
}
