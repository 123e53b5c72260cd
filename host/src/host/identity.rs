//! The host's identities, its own and its components': opened at the start, followed while
//! it runs.

use std::sync::Arc;

use super::journal::record;
use super::settings::{key_exchange, material_files, trust_domain};
use crate::audit::{Actor, Outcome};
use crate::capabilities::Services;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::identity::current::{Change, keep};
use crate::identity::tls::server_config_with;
use crate::identity::{
    CurrentTls, FileSource, Identity, KeyExchange, Material, Source, SourceError, WorkloadApiSource,
};
use crate::telemetry::metrics::{Counter, Gauge, Registry};

/// The audit action of new material.
const ACTION: &str = "identity.renew";

/// An identity that is in force, with the source that will renew it.
pub(super) struct HostIdentity {
    pub identity: Identity,
    pub tls: CurrentTls,
    pub owner: Owner,
    source: Box<dyn Source>,
    key_exchange: KeyExchange,
    clock: Arc<dyn Clock>,
}

/// Whose identity it is, for records, alarms and metrics.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    name: &'static str,
    /// The SPIFFE id that it began with.
    id: String,
    /// Material that was put in force.
    renewed: Counter,
    /// Material that was refused, or taken back by the issuer.
    failed: Counter,
    /// The end of the certificate, seconds since the Unix epoch.
    not_after: Gauge,
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
        Ok(Self {
            owner: Owner::new("host", &material),
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
            owner,
            source,
            key_exchange,
            clock,
        } = self;
        let tls_of = |material: &Material| -> Result<_, SourceError> {
            Ok(server_config_with(
                material,
                Arc::clone(&clock),
                key_exchange,
            )?)
        };
        keep(source, identity, tls, tls_of, |change| {
            owner.clone().tell(Arc::clone(&services), change)
        })
        .await;
    }
}

// === impl Owner ===

impl Owner {
    /// The owner of this material: `host`, or a component's name.
    pub fn new(name: &'static str, material: &Material) -> Self {
        let owner = Self {
            name,
            id: material.svid().id.to_string(),
            renewed: Counter::default(),
            failed: Counter::default(),
            not_after: Gauge::default(),
        };
        owner.not_after.set(material.svid().not_after / 1000);
        owner
    }

    /// The series of this identity.
    pub fn register(&self, metrics: &Registry) {
        let labels = [("identity", self.name)];
        metrics.counter(
            "zeropass_identity_renewals_total",
            "New certificates, keys, roots or revocation lists that were put in force.",
            &labels,
            &self.renewed,
        );
        metrics.counter(
            "zeropass_identity_failures_total",
            "Alarm: new identity material that was refused, or an identity that was withdrawn.",
            &labels,
            &self.failed,
        );
        metrics.gauge(
            "zeropass_identity_not_after_seconds",
            "The end of the certificate, Unix time; 0 without an identity.",
            &labels,
            &self.not_after,
        );
    }

    /// The alarm, the count and the record.
    pub async fn tell(self, services: Arc<Services>, change: Change) {
        let owner = self.name;
        let (target, outcome) = match change {
            Change::Renewed(material) => {
                let svid = material.svid();
                tracing::info!(owner, id = %svid.id, not_after = svid.not_after, "new identity material is in force");
                self.renewed.add(1);
                self.not_after.set(svid.not_after / 1000);
                (svid.id.to_string(), Outcome::Success)
            }
            Change::Refused { error, judged } => {
                let roots = if judged { "new" } else { "old" };
                tracing::error!(owner, %error, roots, "new identity material is refused: the old certificate stays in use; peers are judged by these roots and lists");
                self.failed.add(1);
                (self.id, Outcome::Failed(error.code()))
            }
            Change::Withdrawn(error) => {
                tracing::error!(owner, %error, "there is no identity any more: nobody is served or called under it");
                self.failed.add(1);
                self.not_after.set(0);
                (self.id, Outcome::Failed(error.code()))
            }
        };
        if let Err(error) = record(&services, Actor::host(), ACTION, &target, outcome).await {
            tracing::error!(%error, "a change of identity could not be recorded");
        }
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
            let files = material_files(config, certificate, key, client_ca)?;
            Box::new(FileSource::new(files, clock))
        }
    })
}
