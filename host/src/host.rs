//! The whole host, put together from its configuration.
//!
//! Everything that can be wrong is found before the first listener opens: keys,
//! certificates, policies, store and components are loaded and checked in that
//! order, and the first that can't be used ends the start with its own message.

mod admin;
mod audit;
mod authenticators;
mod components;
mod files;
mod identity;
mod journal;
mod link;
mod metadata;
mod metrics;
mod policy;
mod settings;
pub(crate) mod store;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use self::components::admission_settings;
use self::identity::HostIdentity;
use self::link::{Link, LinkHealth};
pub use self::policy::{ReloadError, reload_policy};
use self::settings::{
    engine_options, front_door_limits, health_address, listener_limits, lockout, millis,
    relying_party, shared_limit,
};
use crate::audit::{Actor, Outcome, Sealer};
use crate::capabilities::{PasskeysLink, RelyingParty, Services};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::identity::{Identity, MaterialError};
use crate::link::InProcess;
use crate::policy::{Bundle, Gate};
use crate::registry::rollout::Rollouts;
use crate::registry::{Admission, Loader, Provenance};
use crate::runtime::Runtime;
use crate::runtime::precompiled::Cache;
use crate::secrets::{Pseudonyms, Signer, random_key};
use crate::server::Listener;
use crate::server::admin::AdminDoor;
use crate::server::drain::{self, Drained, Signals};
use crate::server::front_door::FrontDoor;
use crate::server::health::Health;
use crate::server::records::ConnectionRecords;
use crate::telemetry::metrics::Registry;

/// How often the store forgets what is out of date.
const SWEEP: Duration = Duration::from_secs(60);

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
    /// Load and check everything that the configuration names, and bind the
    /// listeners.
    ///
    /// # Errors
    /// The first thing that can't be used, with its file and the mend.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        files::provide(config);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys = &config.keys.folder;
        let signer = Signer::open(keys, config.tokens.issuer.as_str())?;
        let pseudonyms = Pseudonyms::new(&random_key(keys, "pseudonym.key")?);
        let cache_key = random_key(keys, "cache.key")?;
        let identity = HostIdentity::open(config, Arc::clone(&clock)).await?;
        // Before anything can ask for a reload, which would end the process.
        let hangups = signal(SignalKind::hangup())?;

        let relying_parties: BTreeMap<String, RelyingParty> = config
            .relying_parties
            .iter()
            .map(|party| {
                let settings = relying_party(party, config.metadata.is_some())?;
                Ok((party.id.as_str().to_owned(), settings))
            })
            .collect::<Result<_, MaterialError>>()?;
        let (metadata, metadata_watch) =
            metadata::start(config.metadata.as_ref(), keys, clock.now())
                .context("metadata: FIDO's BLOB can't be used")?;
        let bundle =
            Bundle::load_with_signers(&config.policy.folder, config.policy.signers.as_deref())?;
        let bound = relying_parties
            .iter()
            .map(|(id, party)| (id.clone(), party.workloads.clone()))
            .collect();
        let gate = Gate::new(bundle, bound, Arc::clone(&clock))?;

        let runtime = Runtime::new(&engine_options(config)).map_err(|error| {
            anyhow::anyhow!("the sandbox could not be set up: {error:#}; a smaller runtime.max-instances or components.*.memory may help")
        })?;
        let cache = Cache::new(&config.cache.folder, &cache_key);
        let loader = Loader::new(runtime, cache, Arc::clone(&gate));

        let lifetime = millis(config.tokens.session_lifetime);
        let (seal_key, log) = audit::open(config)?;
        let (store, history) = store::open(
            &config.store,
            lifetime,
            Arc::clone(&clock),
            Arc::clone(&log),
        )
        .await?;
        let sealer = audit::sealer(
            config,
            seal_key,
            Arc::clone(&log),
            &*history,
            Arc::clone(&clock),
        )
        .await?;
        audit::opening_records(&*store, &log, &sealer, &*clock).await?;
        let provenance = Arc::new(Provenance::default());
        let front = link::front(config, &clock, &provenance).await?;
        let store = match &front {
            Some(front) => front.store(config, store),
            None => store,
        };
        let metrics = metrics::registry(gate.counts(), &log, sealer.counts(), &clock);
        identity.owner.register(&metrics);
        let metrics = Arc::new(metrics);
        // The log's id is the one name that no two hosts of a deployment share.
        let mut rollouts = Rollouts::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&gate),
            log.id().to_owned(),
        );
        let services = Arc::new(Services {
            gate,
            store,
            relying_parties,
            metadata,
            signer,
            pseudonyms,
            clock: Arc::clone(&clock),
            session_idle: millis(config.tokens.session_idle),
        });
        let admission = Admission::new(loader, Arc::clone(&services), admission_settings(config))
            .with_provenance(Arc::clone(&provenance));
        let slots = Box::pin(components::start(
            config,
            &Arc::new(admission),
            &mut rollouts,
        ))
        .await?;
        let rollouts = Arc::new(rollouts);
        let in_process = slots.passkey_manager.map(|slot| -> Arc<dyn PasskeysLink> {
            Arc::new(InProcess::new(slot).with_lockout(lockout(config.lockout)))
        });
        let link = Link::open(config, &services, in_process, front, &provenance, &metrics).await?;
        let front_door = slots.auth_service.map(|slot| {
            let limits = front_door_limits(config);
            let passkeys = link.passkeys();
            let door = FrontDoor::new(Arc::clone(&services), passkeys, slot, limits);
            Arc::new(match shared_limit(config) {
                Some(limit) => door.limiting(limit),
                None => door,
            })
        });
        let of_service = front_door.iter().map(|door| door.records());
        let connections = of_service.chain(link.records()).collect();
        let health = match &config.health {
            Some(health) => {
                let identity = &identity.identity;
                Some(bind_health(health, &services, &rollouts, identity, link.health()).await?)
            }
            None => None,
        };
        let rendered = Arc::clone(&metrics);
        let admin = admin::bind(
            config,
            &clock,
            identity.tls.clone(),
            &services,
            &rollouts,
            Arc::new(move || rendered.render()),
        )
        .await?;
        let address = config.service.listen;
        let limits = listener_limits(&config.service);
        let tls = identity.tls.clone();
        let listener = match front_door {
            None => None,
            Some(front_door) => {
                let listener = Listener::bind(address, tls, limits, clock, front_door)
                    .await
                    .with_context(|| format!("service.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
                Some(listener)
            }
        };
        lifecycle(&services, "host.start").await?;
        Ok(Self {
            services,
            identity,
            hangups,
            policy_folder: config.policy.folder.clone(),
            metrics,
            rollouts,
            follow: config.rollout.follow,
            sealer,
            listener,
            admin,
            link,
            connections,
            health,
            metadata: metadata_watch,
            drain_deadline: config.service.drain_deadline,
        })
    }

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

    /// Serve until SIGTERM or SIGINT, then drain. SIGHUP reloads the policies.
    pub async fn serve(self, signals: Signals) -> Drained {
        self.serve_with(async |trigger, deadline| {
            drain::on_signal(trigger, signals, deadline).await
        })
        .await
    }

    /// Serve until `stop` is ready, then drain.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> Drained {
        self.serve_with(async |trigger, deadline| {
            stop.await;
            trigger.drain(deadline).await
        })
        .await
    }

    async fn serve_with(
        self,
        drain: impl AsyncFnOnce(drain::Trigger, Duration) -> Drained,
    ) -> Drained {
        let (trigger, watcher) = drain::channel();
        let (stop_sealing, sealing_stopped) = oneshot::channel();
        let sealing = tokio::spawn(self.sealer.run(sealing_stopped));
        let sweeper = tokio::spawn(sweep(Arc::clone(&self.services)));
        let metadata = self
            .metadata
            .map(|watch| tokio::spawn(watch.run(Arc::clone(&self.services))));
        let keeper = tokio::spawn(self.identity.keep(Arc::clone(&self.services)));
        let reloader = tokio::spawn(policy::reload_on_hangup(
            self.hangups,
            Arc::clone(&self.services),
            self.policy_folder,
        ));
        let health = self
            .health
            .map(|health| tokio::spawn(health.serve(watcher.clone())));
        let following = tokio::spawn(self.rollouts.follow(self.follow));
        let admin = self
            .admin
            .map(|admin| tokio::spawn(admin.serve(watcher.clone())));
        let listener = tokio::spawn(async move {
            if let Some(listener) = self.listener {
                listener.serve(watcher).await;
            }
        });
        let (link_trigger, link_watcher) = drain::channel();
        let link = tokio::spawn(self.link.serve(Arc::clone(&self.services), link_watcher));
        let drained = drain(trigger, self.drain_deadline).await;
        listener.abort();
        if let Some(admin) = admin {
            admin.abort();
        }
        following.abort();
        // After the front door: requests that were accepted there end here.
        let drained = drained.and(link_trigger.drain(self.drain_deadline).await);
        link.abort();
        sweeper.abort();
        if let Some(metadata) = metadata {
            metadata.abort();
        }
        keeper.abort();
        reloader.abort();
        for records in &self.connections {
            records.flush().await;
        }
        if lifecycle(&self.services, "host.stop").await.is_err() {
            tracing::error!("the stop could not be recorded");
        }
        self.services.store.close().await;
        let _ = stop_sealing.send(());
        if let Err(error) = sealing.await {
            tracing::error!(%error, "the sealer ended badly");
        }
        if let Some(health) = health {
            health.abort();
        }
        drained
    }
}

/// Ready is who could answer a request now: with a store, as somebody, with components
/// that policy lets run, and that reach each other.
async fn bind_health(
    health: &config::Health,
    services: &Arc<Services>,
    rollouts: &Arc<Rollouts>,
    identity: &Identity,
    link: LinkHealth,
) -> anyhow::Result<Health> {
    let address = health_address(health)?;
    let (services, identity) = (Arc::clone(services), identity.clone());
    let rollouts = Arc::clone(rollouts);
    let ready = Arc::new(move || {
        let services = Arc::clone(&services);
        let now = services.clock.now();
        let known = identity.holds_at(now) && rollouts.serve();
        let link = link.clone();
        Box::pin(
            async move { known && link.ready(now).await && services.store.ready().await.is_ok() },
        ) as futures::future::BoxFuture<'static, bool>
    });
    Health::bind(&address, ready)
        .await
        .with_context(|| format!("health.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))
}

/// Record something that the host itself did.
async fn lifecycle(services: &Services, action: &'static str) -> anyhow::Result<()> {
    Ok(journal::record(services, Actor::host(), action, "host", Outcome::Success).await?)
}

async fn sweep(services: Arc<Services>) {
    let mut tick = tokio::time::interval(SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        while let Ok(swept) = services.store.sweep(services.clock.now()).await {
            if swept.total() == 0 {
                break;
            }
        }
    }
}
