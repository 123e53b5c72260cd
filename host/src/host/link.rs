//! The link between the components, put together from the configuration.

mod peers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use tokio::sync::mpsc;

use super::components::{AUTH_SERVICE, PASSKEY_MANAGER};
use super::identity::Owner;
use super::settings::{key_exchange, listener_limits, material_files, trust_domain};
use crate::audit::Requests;
use crate::capabilities::{PasskeysLink, Services};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config};
use crate::identity::current::keep;
use crate::identity::{
    CurrentClientTls, CurrentTls, FileSource, Identity, Material, Source, SourceError, SpiffeId,
    WorkloadApiSource, link_client_config_with, link_server_config_with,
};
use crate::link::{LinkClient, LinkOptions, Mtls, RemoteStore};
use crate::registry::{Callers, Provenance};
use crate::server::drain::Watcher;
use crate::server::link_door::{LinkDoor, LinkDoorLimits};
use crate::server::records::ConnectionRecords;
use crate::server::{Limits, Listener};
use crate::store::Store;
use crate::telemetry::metrics::Registry;

/// A link connection may rest this long: the other end keeps it for the next call.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// What an envelope may add to the arguments of a call, bytes.
const ENVELOPE: usize = 16 * 1024;

/// Follows the files of a component's identity.
type Keeper = Box<dyn FnOnce(Arc<Services>) -> BoxFuture<'static, ()> + Send>;

/// What this host has of the link.
pub(super) struct Link {
    door: Option<Listener<LinkDoor>>,
    keepers: Vec<Keeper>,
    health: LinkHealth,
    records: Option<ConnectionRecords>,
    passkeys: Option<Arc<dyn PasskeysLink>>,
}

/// What the link rests on.
#[derive(Clone, Default)]
pub(super) struct LinkHealth {
    /// Of the components that run here, by their names.
    pub identities: Vec<(&'static str, Identity)>,
    calling: Option<Arc<LinkClient>>,
}

/// The calling end, under auth-service's own identity. On a host of a front tier it is made
/// before the store.
pub(super) struct Calling {
    client: Arc<LinkClient>,
    identity: Identity,
    owner: Owner,
    keeper: Keeper,
}

/// A component's certificate in force, and where the next one comes from.
struct Component {
    id: SpiffeId,
    material: Arc<Material>,
    source: Box<dyn Source>,
}

// === impl Link ===

impl Link {
    /// Open the link door to passkey-manager, which is `in_process` where it runs here,
    /// and find auth-service's way there: what the configuration says of either.
    pub async fn open(
        config: &Config,
        services: &Arc<Services>,
        in_process: Option<Arc<dyn PasskeysLink>>,
        front: Option<Calling>,
        provenance: &Arc<Provenance>,
        metrics: &Registry,
    ) -> anyhow::Result<Self> {
        let mut link = Self {
            door: None,
            keepers: Vec::new(),
            health: LinkHealth::default(),
            records: None,
            passkeys: None,
        };
        if let Some(front) = front {
            link.passkeys = Some(link.call(front, metrics));
            return Ok(link);
        }
        // The configuration has it everywhere but on a front tier.
        let Some(in_process) = in_process else {
            return Ok(link);
        };
        if let Some(serving) = &config.link.serving {
            let own = Component::open(config, &serving.identity, &services.clock).await?;
            let in_process = Arc::clone(&in_process);
            let callers = Callers::new(
                AUTH_SERVICE,
                Arc::clone(&services.gate),
                Arc::clone(&services.clock),
                config.components.require_signatures,
                Arc::clone(provenance),
            );
            let owner = Owner::new(PASSKEY_MANAGER, &own.material);
            owner.register(metrics);
            link.serve_passkeys(
                config,
                serving,
                (own, owner),
                services,
                (in_process, callers),
            )
            .await?;
        }
        let passkeys = match &config.link.calling {
            Some(calling) => {
                let mut targets = calling.targets.clone();
                if targets.is_empty() {
                    targets.extend(link.local_address()?.map(|own| own.to_string()));
                }
                let calling = call(config, calling, targets, &services.clock, provenance).await?;
                link.call(calling, metrics)
            }
            // Nobody calls from here, or there is no wire.
            None => in_process,
        };
        link.passkeys = Some(passkeys);
        Ok(link)
    }

    /// Follow this calling end; what goes through it.
    fn call(&mut self, calling: Calling, metrics: &Registry) -> Arc<dyn PasskeysLink> {
        calling.owner.register(metrics);
        self.keepers.push(calling.keeper);
        self.health
            .identities
            .push((AUTH_SERVICE, calling.identity));
        self.health.calling = Some(Arc::clone(&calling.client));
        Arc::new(Mtls::new(calling.client))
    }

    async fn serve_passkeys(
        &mut self,
        config: &Config,
        serving: &config::LinkServing,
        (own, owner): (Component, Owner),
        services: &Arc<Services>,
        (passkeys, callers): (Arc<dyn PasskeysLink>, Callers),
    ) -> anyhow::Result<()> {
        let clock = Arc::clone(&services.clock);
        let caller: SpiffeId = serving.caller.as_str().parse()?;
        let tls_of = {
            let (caller, clock) = (caller.clone(), Arc::clone(&clock));
            let (id, groups) = (own.id.clone(), key_exchange(&config.service));
            move |material: &Material| -> Result<_, SourceError> {
                must_be(&id, material)?;
                let clock = Arc::clone(&clock);
                Ok(link_server_config_with(material, &caller, clock, groups)?)
            }
        };
        let tls = CurrentTls::new(tls_of(&own.material)?);
        let door = LinkDoor::new(
            Arc::clone(services),
            passkeys,
            (caller, AUTH_SERVICE),
            serving.store,
            door_limits(config),
        )
        .admitting(callers);
        let limits = Limits {
            idle_timeout: IDLE_TIMEOUT,
            // One identity makes all the calls; the door bounds them together.
            identity_connections: config.service.max_connections,
            identity_requests: 0,
            identity_rate: 0,
            ..listener_limits(&config.service)
        };
        self.records = Some(door.records());
        let address = serving.listen;
        let listener = Listener::bind(address, tls.clone(), limits, clock, Arc::new(door))
            .await
            .with_context(|| format!("link.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
        self.door = Some(listener);
        let identity = Identity::new(Arc::clone(&own.material));
        self.health
            .identities
            .push((PASSKEY_MANAGER, identity.clone()));
        self.keepers.push(Box::new(move |services| {
            keep(own.source, identity, tls, tls_of, move |change| {
                owner.clone().tell(Arc::clone(&services), change)
            })
            .boxed()
        }));
        Ok(())
    }

    /// What the link rests on, for those who ask whether the host can do its work.
    pub fn health(&self) -> LinkHealth {
        self.health.clone()
    }

    /// The records of the link door's connections, if there is one.
    pub fn records(&self) -> Option<ConnectionRecords> {
        self.records.clone()
    }

    /// Auth-service's way to passkey-manager.
    pub fn passkeys(&self) -> Option<Arc<dyn PasskeysLink>> {
        self.passkeys.clone()
    }

    /// Where the link door is, if there is one.
    pub fn local_address(&self) -> std::io::Result<Option<SocketAddr>> {
        self.door.as_ref().map(Listener::local_address).transpose()
    }

    /// Serve, and follow the identities, until this is dropped. The door's connections
    /// go on until the drain.
    pub async fn serve(self, services: Arc<Services>, drain: Watcher) {
        let keepers = self
            .keepers
            .into_iter()
            .map(|keeper| keeper(Arc::clone(&services)));
        let door = async {
            if let Some(door) = self.door {
                door.serve(drain).await;
            }
        };
        futures::join!(door, join_all(keepers));
    }
}

// === impl LinkHealth ===

impl LinkHealth {
    /// Whether the components have certificates that hold at this moment, and calls reach
    /// somebody.
    pub async fn ready(&self, now: Timestamp) -> bool {
        self.identities.iter().all(|(_, one)| one.holds_at(now))
            && match &self.calling {
                Some(client) => client.ready().await,
                None => true,
            }
    }
}

// === impl Calling ===

impl Calling {
    /// The store of a host of a front tier: `log` keeps its audit log and nothing else.
    pub fn store(&self, config: &Config, log: Arc<dyn Store>) -> Arc<dyn Store> {
        let auth_service = config.components.auth_service.as_ref();
        let deadline = auth_service.map_or(config.service.request_timeout, |one| one.deadline);
        Arc::new(RemoteStore::new(Arc::clone(&self.client), log, deadline))
    }
}

/// The way to the other end, where this host is of a front tier.
pub(super) async fn front(
    config: &Config,
    clock: &Arc<dyn Clock>,
    provenance: &Arc<Provenance>,
) -> anyhow::Result<Option<Calling>> {
    let link = &config.link;
    let (config::LinkRole::Front, Some(calling)) = (link.role, &link.calling) else {
        return Ok(None);
    };
    let targets = calling.targets.clone();
    Ok(Some(
        call(config, calling, targets, clock, provenance).await?,
    ))
}

/// Where calls come back to this host and reach nobody else, both ends write one log.
pub(super) fn requests(config: &Config) -> Requests {
    match &config.link.calling {
        Some(calling) if calling.targets.is_empty() => Requests::of_own_link(),
        _ => Requests::default(),
    }
}

/// Begin to connect to the targets.
async fn call(
    config: &Config,
    calling: &config::LinkCalling,
    targets: Vec<String>,
    clock: &Arc<dyn Clock>,
    provenance: &Arc<Provenance>,
) -> anyhow::Result<Calling> {
    let own = Component::open(config, &calling.identity, clock).await?;
    let owner = Owner::new(AUTH_SERVICE, &own.material);
    let callee: SpiffeId = calling.callee.as_str().parse()?;
    let tls_of = {
        let clock = Arc::clone(clock);
        let (id, groups) = (own.id.clone(), key_exchange(&config.service));
        move |material: &Material| -> Result<_, SourceError> {
            must_be(&id, material)?;
            let clock = Arc::clone(&clock);
            Ok(link_client_config_with(material, &callee, clock, groups)?)
        }
    };
    let tls = CurrentClientTls::new(tls_of(&own.material)?);
    let (notices, noticed) = mpsc::unbounded_channel();
    let options = LinkOptions {
        targets,
        connect_timeout: calling.connect_timeout,
        notices: Some(notices),
    };
    let client = LinkClient::vouching(
        options,
        tls.clone(),
        Arc::clone(clock),
        Arc::clone(provenance),
    );
    let identity = Identity::new(Arc::clone(&own.material));
    let followed = (identity.clone(), owner.clone());
    let keeper: Keeper = Box::new(move |services| {
        let (identity, owner) = followed;
        let recording = peers::record(Arc::clone(&services), noticed);
        let keeping = keep(own.source, identity, tls, tls_of, move |change| {
            owner.clone().tell(Arc::clone(&services), change)
        });
        async move {
            futures::join!(keeping, recording);
        }
        .boxed()
    });
    Ok(Calling {
        client,
        identity,
        owner,
        keeper,
    })
}

fn door_limits(config: &Config) -> LinkDoorLimits {
    LinkDoorLimits {
        body: config.components.hostcall_bytes() + ENVELOPE,
        deadline: config.service.request_timeout,
        calls: usize::try_from(config.runtime.max_instances)
            .unwrap_or(usize::MAX)
            .saturating_add(config.runtime.queue),
    }
}

// === impl Component ===

impl Component {
    /// A component's certificate and key, which must be its own.
    async fn open(
        config: &Config,
        identity: &config::LinkIdentity,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let id: SpiffeId = identity.id.as_str().parse()?;
        let clock = Arc::clone(clock);
        let (mut source, place): (Box<dyn Source>, _) = match &identity.source {
            config::LinkSource::Files {
                certificate,
                key,
                ca,
            } => {
                let files = material_files(config, certificate, key, ca)?;
                (Box::new(FileSource::new(files, clock)), certificate)
            }
            config::LinkSource::WorkloadApi { socket } => {
                let (trust_domain, crls) = (trust_domain(config)?, config.service.crl.clone());
                let agent = WorkloadApiSource::new(socket.clone(), crls, trust_domain, clock);
                (Box::new(agent.of(id.clone())), socket)
            }
        };
        let material = source.next().await?;
        must_be(&id, &material).with_context(|| place.display().to_string())?;
        Ok(Self {
            id,
            material,
            source,
        })
    }
}

pub(super) fn must_be(id: &SpiffeId, material: &Material) -> Result<(), SourceError> {
    let found = &material.svid().id;
    if found == id {
        return Ok(());
    }
    Err(SourceError::Unexpected {
        found: found.clone(),
        expected: id.clone(),
    })
}
