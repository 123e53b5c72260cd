//! The admin listener, where the configuration has one.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;

use super::settings::listener_limits;
use crate::capabilities::Services;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::identity::CurrentTls;
use crate::registry::oci::{RegistryOptions, Source};
use crate::registry::rollout::Rollouts;
use crate::server::Listener;
use crate::server::admin::{AdminDoor, AdminLimits, Metrics};

/// Bind it; none where it is not configured. The host is the same to operators as to
/// workloads: one certificate, one set of roots, one list of revoked certificates.
///
/// # Errors
/// Its address is taken.
pub(super) async fn bind(
    config: &Config,
    clock: &Arc<dyn Clock>,
    tls: CurrentTls,
    services: &Arc<Services>,
    rollouts: &Arc<Rollouts>,
    metrics: Metrics,
) -> anyhow::Result<Option<Listener<AdminDoor>>> {
    let Some(admin) = &config.admin else {
        return Ok(None);
    };
    let door = AdminDoor::new(
        Arc::clone(services),
        Arc::clone(rollouts),
        config.policy.folder.clone(),
        metrics,
        AdminLimits {
            push: admin.push_limit,
            // A component file takes longer than a form.
            body_timeout: config.service.request_timeout.saturating_mul(6),
        },
    )
    .pulling_from(config.oci.as_ref().map(source));
    let address: SocketAddr = admin.listen;
    let limits = listener_limits(&config.service);
    let listener = Listener::bind(address, tls, limits, Arc::clone(clock), Arc::new(door))
        .await
        .with_context(|| format!("admin.listen = \"{address}\": can't listen there; stop what uses the address or configure another one"))?;
    Ok(Some(listener))
}

/// Where operators may let the host pull from.
fn source(oci: &config::Oci) -> Source {
    let options = RegistryOptions {
        ca: oci.ca.clone(),
        credentials: oci.credentials.clone(),
        hosts: Some(oci.registries.clone()),
    };
    let limit = u64::try_from(oci.limit).unwrap_or(u64::MAX);
    Source::new(oci.registries.clone(), options, limit, oci.timeout)
}
