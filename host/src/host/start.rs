//! The start: everything is put together, and checked before the first listener opens.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::components::admission_settings;
use super::identity::HostIdentity;
use super::link::{Link, LinkHealth};
use super::settings::{
    engine_options, front_door_limits, health_address, listener_limits, lockout_policy, millis,
    relying_party, shared_limit,
};
use super::{
    Host, admin, audit, components, files, lifecycle, link, lockout, metadata, metrics, store,
};
use crate::audit::{Log, Sealer};
use crate::capabilities::{PasskeysLink, RelyingParty, Services};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::identity::{Identity, MaterialError};
use crate::link::InProcess;
use crate::metadata::Metadata;
use crate::policy::{Bundle, Gate};
use crate::registry::rollout::Rollouts;
use crate::registry::{Admission, Loader, Provenance};
use crate::runtime::Runtime;
use crate::runtime::precompiled::Cache;
use crate::secrets::{Pseudonyms, Signer, random_key};
use crate::server::Listener;
use crate::server::front_door::FrontDoor;
use crate::server::health::Health;
use crate::store::Store;

/// What there is before the first record.
struct Ready {
    clock: Arc<dyn Clock>,
    signer: Signer,
    pseudonyms: Pseudonyms,
    identity: HostIdentity,
    hangups: Signal,
    relying_parties: BTreeMap<String, RelyingParty>,
    metadata: Arc<Metadata>,
    metadata_watch: Option<metadata::Watch>,
    gate: Arc<Gate>,
    loader: Loader,
    store: Arc<dyn Store>,
    log: Arc<Log>,
}

/// The files of keys, in the folder of the host's keys.
pub(super) const PSEUDONYM_KEY: &str = "pseudonym.key";
pub(super) const CACHE_KEY: &str = "cache.key";

impl Host {
    /// Load and check everything that the configuration names, and bind the
    /// listeners. What was recorded is sealed, also when the host can't start.
    ///
    /// # Errors
    /// The first thing that can't be used, with its file and the mend.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        files::provide(config);
        lockout::judge(config);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys = &config.keys.folder;
        let signer = Signer::open(keys, config.tokens.issuer.as_str())?;
        let pseudonyms = Pseudonyms::new(&random_key(keys, PSEUDONYM_KEY)?);
        let cache_key = random_key(keys, CACHE_KEY)?;
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
        let gate = Gate::new(bundle, bound(config), Arc::clone(&clock))?;

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
        let ready = Ready {
            clock,
            signer,
            pseudonyms,
            identity,
            hangups,
            relying_parties,
            metadata,
            metadata_watch,
            gate,
            loader,
            store: Arc::clone(&store),
            log,
        };
        let host = Box::pin(ready.put_together(config, &sealer)).await;
        match host {
            Ok(host) => Ok(host(sealer)),
            Err(error) => {
                store.close().await;
                audit::seal(sealer).await;
                Err(error)
            }
        }
    }
}

// === impl Ready ===

impl Ready {
    /// From the first record to the last listener. It is a host when it has its sealer, which
    /// stays outside: who is refused here has something to seal.
    async fn put_together(
        self,
        config: &Config,
        sealer: &Sealer,
    ) -> anyhow::Result<impl FnOnce(Sealer) -> Host + use<>> {
        let Self {
            clock,
            signer,
            pseudonyms,
            identity,
            hangups,
            relying_parties,
            metadata,
            metadata_watch,
            gate,
            loader,
            store,
            log,
        } = self;
        audit::opening_records(&*store, &log, sealer, &*clock).await?;
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
            requests: link::requests(config),
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
            Arc::new(InProcess::new(slot).with_lockout(lockout_policy(config.lockout)))
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
        let (policy_folder, follow) = (config.policy.folder.clone(), config.rollout.follow);
        let drain_deadline = config.service.drain_deadline;
        Ok(move |sealer| Host {
            services,
            identity,
            hangups,
            policy_folder,
            metrics,
            rollouts,
            follow,
            sealer,
            listener,
            admin,
            link,
            connections,
            health,
            metadata: metadata_watch,
            drain_deadline,
        })
    }
}

/// The workloads of each relying party.
pub(super) fn bound(config: &Config) -> Vec<(String, Vec<String>)> {
    let parties = config.relying_parties.iter();
    parties
        .map(|party| {
            let workloads = party.workloads.iter();
            let workloads = workloads.map(|id| id.as_str().to_owned()).collect();
            (party.id.as_str().to_owned(), workloads)
        })
        .collect()
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
