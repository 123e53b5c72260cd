//! The whole host, put together from its configuration.
//!
//! Everything that can be wrong is found before the first listener opens: keys,
//! certificates, policies, components and store are loaded and checked in that
//! order, and the first that can't be used ends the start with its own message.

mod link;
mod metrics;
mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;

use self::settings::{
    component_limits, engine_options, front_door_limits, health_address, listener_limits,
    material_files, relying_party,
};
use crate::audit::{Actor, Log, Origin, Outcome, Record, Trail};
use crate::capabilities::{PasskeysLink, RelyingParty, Services};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::identity::tls::server_config;
use crate::identity::{CurrentTls, Material, MaterialError};
use crate::link::InProcess;
use crate::policy::{Bundle, Gate};
use crate::registry::{AuthService, Loader, PasskeyManager, Slot};
use crate::runtime::Runtime;
use crate::runtime::precompiled::Cache;
use crate::secrets::{Pseudonyms, Signer, random_key};
use crate::server::Listener;
use crate::server::drain::{self, Drained, Signals};
use crate::server::front_door::FrontDoor;
use crate::server::health::Health;
use crate::server::link_door::LinkDoor;
use crate::store::sqlite::SqliteStore;
use crate::telemetry::metrics::Registry;

/// How often the store forgets what is out of date.
const SWEEP: Duration = Duration::from_secs(60);

/// A host that is ready to serve.
pub struct Host {
    services: Arc<Services>,
    metrics: Arc<Registry>,
    listener: Listener<FrontDoor>,
    link: Option<Listener<LinkDoor>>,
    health: Option<Health>,
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
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys = &config.keys.folder;
        let signer = Signer::open(keys, config.tokens.issuer.as_str())?;
        let pseudonyms = Pseudonyms::new(&random_key(keys, "pseudonym.key")?);
        let cache_key = random_key(keys, "cache.key")?;
        let material = Material::load(&material_files(config)?, clock.now())?;
        let tls = CurrentTls::new(server_config(&material, Arc::clone(&clock))?);

        let relying_parties: BTreeMap<String, RelyingParty> = config
            .relying_parties
            .iter()
            .map(|party| Ok((party.id.as_str().to_owned(), relying_party(party)?)))
            .collect::<Result<_, MaterialError>>()?;
        let bundle = Bundle::load(&config.policy.folder)?;
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
        let (auth_service, passkey_manager) = load(&loader, &config.components)?;
        let passkey_manager = Arc::new(Slot::new(Arc::new(passkey_manager)));

        let lifetime =
            u64::try_from(config.tokens.session_lifetime.as_millis()).unwrap_or(u64::MAX);
        let log = Arc::new(Log::unsealed());
        let metrics = Arc::new(metrics::registry(gate.counts(), log.counts()));
        let path = &config.store.sqlite;
        let store = SqliteStore::open_with(path, lifetime, Arc::clone(&clock), log).await?;
        let services = Arc::new(Services {
            gate,
            store: Arc::new(store),
            relying_parties,
            signer,
            pseudonyms,
            clock: Arc::clone(&clock),
            passkeys: OnceLock::new(),
        });
        let in_process: Arc<dyn PasskeysLink> = Arc::new(InProcess::new(passkey_manager));
        let link = link::door(config, &services, Arc::clone(&in_process)).await?;
        let own = link.as_ref().map(Listener::local_address).transpose()?;
        let client = link::client(config, &clock, own)?;
        let passkeys = client.map_or(in_process, link::through);
        services.passkeys.get_or_init(|| passkeys);
        let front_door = FrontDoor::new(
            Arc::clone(&services),
            Arc::new(Slot::new(Arc::new(auth_service))),
            front_door_limits(config),
        );
        let health = match &config.health {
            Some(health) => Some(bind_health(health, &services).await?),
            None => None,
        };
        let address = config.service.listen;
        let limits = listener_limits(&config.service);
        let listener = Listener::bind(address, tls, limits, clock, Arc::new(front_door))
            .await
            .with_context(|| format!("service.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
        services.lifecycle("host.start").await?;
        Ok(Self {
            services,
            metrics,
            listener,
            link,
            health,
            drain_deadline: config.service.drain_deadline,
        })
    }

    /// Where the service listener listens.
    ///
    /// # Errors
    /// The system does not know the socket any more.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_address()
    }

    /// Where the link listener listens; none where the link is in-process.
    ///
    /// # Errors
    /// The system does not know the socket any more.
    pub fn link_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.link.as_ref().map(Listener::local_address).transpose()
    }

    /// What the components' calls reach, for tests that look at the store.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The host's metrics, to be rendered when somebody asks.
    pub fn metrics(&self) -> &Arc<Registry> {
        &self.metrics
    }

    /// Serve until SIGTERM or SIGINT, then drain.
    ///
    /// # Errors
    /// Signal handlers can't be installed.
    pub async fn serve(self) -> anyhow::Result<Drained> {
        let signals = Signals::install()?;
        Ok(self
            .serve_with(async |trigger, deadline| {
                drain::on_signal(trigger, signals, deadline).await
            })
            .await)
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
        let sweeper = tokio::spawn(sweep(Arc::clone(&self.services)));
        let health = self
            .health
            .map(|health| tokio::spawn(health.serve(watcher.clone())));
        let listener = tokio::spawn(self.listener.serve(watcher));
        let (link_trigger, link_watcher) = drain::channel();
        let link = self
            .link
            .map(|link| tokio::spawn(link.serve(link_watcher)));
        let drained = drain(trigger, self.drain_deadline).await;
        listener.abort();
        // After the front door: requests that were accepted there end here.
        let drained = drained.and(link_trigger.drain(self.drain_deadline).await);
        if let Some(link) = link {
            link.abort();
        }
        sweeper.abort();
        if self.services.lifecycle("host.stop").await.is_err() {
            tracing::error!("the stop could not be recorded");
        }
        self.services.store.close().await;
        if let Some(health) = health {
            health.abort();
        }
        drained
    }
}

/// Compiling is seconds of CPU: off the executor, both at once.
fn load(
    loader: &Loader,
    components: &config::Components,
) -> anyhow::Result<(AuthService, PasskeyManager)> {
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let auth_service = scope.spawn(|| {
                let limits = component_limits(&components.auth_service, components.response_bytes);
                loader.auth_service(&components.auth_service.file, limits)
            });
            let limits = component_limits(&components.passkey_manager, components.response_bytes);
            let passkey_manager =
                loader.passkey_manager(&components.passkey_manager.file, limits)?;
            let auth_service = auth_service
                .join()
                .map_err(|_| anyhow::anyhow!("loading auth-service failed"))??;
            Ok((auth_service, passkey_manager))
        })
    })
}

async fn bind_health(health: &config::Health, services: &Arc<Services>) -> anyhow::Result<Health> {
    let address = health_address(health)?;
    let services = Arc::clone(services);
    let ready = Arc::new(move || {
        let services = Arc::clone(&services);
        Box::pin(async move { services.store.ready().await.is_ok() })
            as futures::future::BoxFuture<'static, bool>
    });
    Health::bind(&address, ready)
        .await
        .with_context(|| format!("health.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))
}

impl Services {
    /// Record something that the host itself did.
    async fn lifecycle(&self, action: &'static str) -> anyhow::Result<()> {
        let trail = Trail::new();
        trail.push(Record {
            time: self.clock.now(),
            actor: Actor {
                origin: Arc::new(Origin {
                    request_id: uuid::Uuid::now_v7().to_string(),
                    workload: "host".into(),
                    address: "local".into(),
                }),
                component: None,
            },
            action,
            relying_party: "-".into(),
            target: "host".into(),
            outcome: Outcome::Success,
            policies: Arc::from([]),
        });
        Ok(self.store.append(&trail).await?)
    }
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
