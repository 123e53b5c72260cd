//! The link between the components, put together from the configuration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::settings::listener_limits;
use crate::capabilities::{PasskeysLink, Services};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::identity::{
    CurrentClientTls, CurrentTls, Material, MaterialFiles, SpiffeId, TrustDomain,
    link_client_config, link_server_config,
};
use crate::link::{LinkClient, LinkOptions, Mtls};
use crate::server::link_door::{LinkDoor, LinkDoorLimits};
use crate::server::{Limits, Listener};

/// A link connection may rest this long: the other end keeps it for the next call.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// What an envelope may add to the arguments of a call, bytes.
const ENVELOPE: usize = 16 * 1024;

/// Names of the components in policy and records.
const AUTH_SERVICE: &str = "auth-service";

/// Open the link door, where this host has one.
pub(super) async fn door(
    config: &Config,
    services: &Arc<Services>,
    passkeys: Arc<dyn PasskeysLink>,
) -> anyhow::Result<Option<Listener<LinkDoor>>> {
    let Some(serving) = &config.link.serving else {
        return Ok(None);
    };
    let clock = Arc::clone(&services.clock);
    let material = material(config, &serving.identity, &*clock)?;
    let caller: SpiffeId = serving.caller.as_str().parse()?;
    let tls = link_server_config(&material, &caller, Arc::clone(&clock))?;
    let limits = LinkDoorLimits {
        body: config.components.auth_service.hostcall_bytes + ENVELOPE,
        deadline: config.service.request_timeout,
        calls: usize::try_from(config.runtime.max_instances)
            .unwrap_or(usize::MAX)
            .saturating_add(config.runtime.queue),
    };
    let door = LinkDoor::new(
        Arc::clone(services),
        passkeys,
        (caller, AUTH_SERVICE),
        false,
        limits,
    );
    let limits = Limits {
        idle_timeout: IDLE_TIMEOUT,
        ..listener_limits(&config.service)
    };
    let address = serving.listen;
    let listener = Listener::bind(address, CurrentTls::new(tls), limits, clock, Arc::new(door))
        .await
        .with_context(|| format!("link.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
    Ok(Some(listener))
}

/// Begin to call passkey-manager over the link, where the configuration says so. `own`
/// is the address of this host's own link door.
pub(super) fn client(
    config: &Config,
    clock: &Arc<dyn Clock>,
    own: Option<SocketAddr>,
) -> anyhow::Result<Option<Arc<LinkClient>>> {
    let Some(calling) = &config.link.calling else {
        return Ok(None);
    };
    let material = material(config, &calling.identity, &**clock)?;
    let callee: SpiffeId = calling.callee.as_str().parse()?;
    let tls = link_client_config(&material, &callee, Arc::clone(clock))?;
    let mut targets = calling.targets.clone();
    if targets.is_empty() {
        targets.extend(own.map(|own| own.to_string()));
    }
    let options = LinkOptions {
        targets,
        connect_timeout: calling.connect_timeout,
    };
    Ok(Some(LinkClient::new(
        options,
        CurrentClientTls::new(tls),
        Arc::clone(clock),
    )))
}

/// The way to passkey-manager through this client.
pub(super) fn through(client: Arc<LinkClient>) -> Arc<dyn PasskeysLink> {
    Arc::new(Mtls::new(client))
}

/// A component's certificate and key, which must be its own.
fn material(
    config: &Config,
    identity: &config::LinkIdentity,
    clock: &dyn Clock,
) -> anyhow::Result<Material> {
    let service = &config.service;
    let files = MaterialFiles {
        certificate: identity.certificate.clone(),
        key: identity.key.clone(),
        roots: service.client_ca.clone(),
        crls: service.crl.clone(),
        trust_domains: vec![service.trust_domain.as_str().parse::<TrustDomain>()?],
    };
    let material = Material::load(&files, clock.now())?;
    let found = &material.svid().id;
    anyhow::ensure!(
        found.as_str() == identity.id.as_str(),
        "{}: the certificate is that of `{found}`; this component is `{}`: give it its own, or correct its id in [link]",
        identity.certificate.display(),
        identity.id,
    );
    Ok(material)
}
