//! The link between the components, put together from the configuration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use rustls::Error as TlsError;

use super::components::AUTH_SERVICE;
use super::identity::tell;
use super::settings::{key_exchange, listener_limits, trust_domain};
use crate::capabilities::{PasskeysLink, Services};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::identity::current::keep;
use crate::identity::{
    CurrentClientTls, CurrentTls, FileSource, Identity, Material, MaterialFiles, Source, SpiffeId,
    WorkloadApiSource, keep_client, link_client_config_with, link_server_config_with,
};
use crate::link::{LinkClient, LinkOptions, Mtls, RemoteStore};
use crate::registry::{Callers, Provenance};
use crate::server::drain::Watcher;
use crate::server::link_door::{LinkDoor, LinkDoorLimits};
use crate::server::{Limits, Listener};
use crate::store::Store;

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
    passkeys: Option<Arc<dyn PasskeysLink>>,
}

/// The calling end of a host of a front tier, made before its store.
pub(super) struct Front(Arc<LinkClient>, Keeper);

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
        front: Option<Front>,
        provenance: &Arc<Provenance>,
    ) -> anyhow::Result<Self> {
        let mut link = Self {
            door: None,
            keepers: Vec::new(),
            passkeys: None,
        };
        if let Some(Front(client, keeper)) = front {
            link.keepers.push(keeper);
            link.passkeys = Some(through(client));
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
            link.serve_passkeys(config, serving, own, services, (in_process, callers))
                .await?;
        }
        let passkeys = match &config.link.calling {
            Some(calling) => {
                let mut targets = calling.targets.clone();
                if targets.is_empty() {
                    targets.extend(link.local_address()?.map(|own| own.to_string()));
                }
                let (client, keeper) =
                    client(config, calling, targets, &services.clock, provenance).await?;
                link.keepers.push(keeper);
                through(client)
            }
            // Nobody calls from here, or there is no wire.
            None => in_process,
        };
        link.passkeys = Some(passkeys);
        Ok(link)
    }

    async fn serve_passkeys(
        &mut self,
        config: &Config,
        serving: &config::LinkServing,
        own: Component,
        services: &Arc<Services>,
        (passkeys, callers): (Arc<dyn PasskeysLink>, Callers),
    ) -> anyhow::Result<()> {
        let clock = Arc::clone(&services.clock);
        let caller: SpiffeId = serving.caller.as_str().parse()?;
        let tls_of = {
            let (caller, clock) = (caller.clone(), Arc::clone(&clock));
            let (id, groups) = (own.id.clone(), key_exchange(&config.service));
            move |material: &Material| {
                must_be(&id, material)?;
                link_server_config_with(material, &caller, Arc::clone(&clock), groups)
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
            identity_rate: 0,
            ..listener_limits(&config.service)
        };
        let address = serving.listen;
        let listener = Listener::bind(address, tls.clone(), limits, clock, Arc::new(door))
            .await
            .with_context(|| format!("link.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
        self.door = Some(listener);
        let identity = Identity::new(Arc::clone(&own.material));
        self.keepers.push(Box::new(move |services| {
            keep(own.source, identity, tls, tls_of, move |change| {
                tell(Arc::clone(&services), change)
            })
            .boxed()
        }));
        Ok(())
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

// === impl Front ===

impl Front {
    /// The store of such a host: `log` keeps its audit log and nothing else.
    pub fn store(&self, config: &Config, log: Arc<dyn Store>) -> Arc<dyn Store> {
        let auth_service = config.components.auth_service.as_ref();
        let deadline = auth_service.map_or(config.service.request_timeout, |one| one.deadline);
        Arc::new(RemoteStore::new(Arc::clone(&self.0), log, deadline))
    }
}

/// The way to the other end, where this host is of a front tier.
pub(super) async fn front(
    config: &Config,
    clock: &Arc<dyn Clock>,
    provenance: &Arc<Provenance>,
) -> anyhow::Result<Option<Front>> {
    let link = &config.link;
    let (config::LinkRole::Front, Some(calling)) = (link.role, &link.calling) else {
        return Ok(None);
    };
    let targets = calling.targets.clone();
    let (client, keeper) = client(config, calling, targets, clock, provenance).await?;
    Ok(Some(Front(client, keeper)))
}

/// The calling end, under auth-service's own identity.
async fn client(
    config: &Config,
    calling: &config::LinkCalling,
    targets: Vec<String>,
    clock: &Arc<dyn Clock>,
    provenance: &Arc<Provenance>,
) -> anyhow::Result<(Arc<LinkClient>, Keeper)> {
    let own = Component::open(config, &calling.identity, clock).await?;
    let callee: SpiffeId = calling.callee.as_str().parse()?;
    let tls_of = {
        let clock = Arc::clone(clock);
        let (id, groups) = (own.id.clone(), key_exchange(&config.service));
        move |material: &Material| {
            must_be(&id, material)?;
            link_client_config_with(material, &callee, Arc::clone(&clock), groups)
        }
    };
    let tls = CurrentClientTls::new(tls_of(&own.material)?);
    let options = LinkOptions {
        targets,
        connect_timeout: calling.connect_timeout,
    };
    let client = LinkClient::vouching(
        options,
        tls.clone(),
        Arc::clone(clock),
        Arc::clone(provenance),
    );
    let keeper: Keeper = Box::new(move |services| {
        keep_client(own.source, tls, tls_of, move |change| {
            tell(Arc::clone(&services), change)
        })
        .boxed()
    });
    Ok((client, keeper))
}

fn through(client: Arc<LinkClient>) -> Arc<dyn PasskeysLink> {
    Arc::new(Mtls::new(client))
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
        let (trust_domain, crls) = (trust_domain(config)?, config.service.crl.clone());
        let clock = Arc::clone(clock);
        let (mut source, place): (Box<dyn Source>, _) = match &identity.source {
            config::LinkSource::Files {
                certificate,
                key,
                ca,
            } => {
                let files = MaterialFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    roots: ca.clone(),
                    crls,
                    trust_domains: vec![trust_domain],
                };
                (Box::new(FileSource::new(files, clock)), certificate)
            }
            config::LinkSource::WorkloadApi { socket } => {
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

fn must_be(id: &SpiffeId, material: &Material) -> Result<(), TlsError> {
    let found = &material.svid().id;
    if found == id {
        return Ok(());
    }
    Err(TlsError::General(format!(
        "the certificate is that of `{found}`; this component is `{id}`: give it its own, or correct its id in [link]"
    )))
}
