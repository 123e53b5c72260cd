//! The configuration's types as the types of the modules that use them.
//!
//! `config` knows nobody, so that it can be read without the rest; the seams are here.

use std::num::NonZeroU32;
use std::time::Duration;

use super::authenticators;
use crate::capabilities::RelyingParty;
use crate::capabilities::bindings::relying_party as wit;
use crate::config::{self, Config};
use crate::identity::{KeyExchange, MaterialError, SpiffeIdError, TrustDomain, certificates};
use crate::registry::rollout::{Rules, Sticky};
use crate::runtime::Limits;
use crate::runtime::engine::Options;
use crate::server;
use crate::server::front_door::FrontDoorLimits;
use crate::server::health::{HealthAddress, HealthAddressError};
use crate::store::{LockoutPolicy, RateLimit};

fn sticky(config: &Config) -> Sticky {
    match config.rollout.sticky {
        config::RolloutSticky::Person => Sticky::Person,
        config::RolloutSticky::Workload => Sticky::Workload,
    }
}

pub(super) fn rules(config: &Config) -> Rules {
    let rollout = &config.rollout;
    Rules {
        window: rollout.window,
        least_failures: rollout.least_failures,
        least_calls: rollout.least_calls,
        trap_percent: rollout.trap_percent,
        error_percent: rollout.error_percent,
        denial_percent: rollout.denial_percent,
        latency_percent: rollout.latency_percent,
        promote_after: rollout.promote_after,
        breaker_traps: rollout.breaker_traps,
        breaker_percent: rollout.breaker_percent,
        breaker_window: rollout.breaker_window,
        sticky: sticky(config),
        follow: rollout.follow,
    }
}

pub(super) fn trust_domain(config: &Config) -> Result<TrustDomain, SpiffeIdError> {
    config.service.trust_domain.as_str().parse()
}

pub(super) fn key_exchange(service: &config::Service) -> KeyExchange {
    match service.key_exchange {
        config::KeyExchange::Hybrid => KeyExchange::Hybrid,
        config::KeyExchange::HybridOnly => KeyExchange::HybridOnly,
    }
}

pub(super) fn listener_limits(service: &config::Service) -> server::Limits {
    server::Limits {
        handshake_timeout: service.handshake_timeout,
        max_handshakes: service.max_handshakes,
        max_connections: service.max_connections,
        header_timeout: service.header_timeout,
        max_body_bytes: service.body_limit,
        request_timeout: service.request_timeout,
        idle_timeout: service.idle_timeout,
        max_connection_age: service.max_connection_age,
        max_streams: service.max_streams,
        identity_connections: service.identity_connections,
        identity_requests: service.identity_requests,
        identity_rate: service.identity_rate,
        identity_burst: service.identity_burst,
        drain_deadline: service.drain_deadline,
        ..server::Limits::default()
    }
}

/// What each identity may ask of all hosts together; none where this host has its store
/// to itself, or where nobody is limited.
pub(super) fn shared_limit(config: &Config) -> Option<RateLimit> {
    let shared = match (config.link.role, &config.store) {
        (config::LinkRole::Front, _) | (_, config::Store::Postgres(_)) => true,
        (_, config::Store::Sqlite(_)) => false,
    };
    let rate = NonZeroU32::new(config.service.identity_rate).filter(|_| shared)?;
    let burst = NonZeroU32::new(config.service.identity_burst).unwrap_or(rate);
    Some(RateLimit::per_second(rate, burst))
}

pub(super) fn front_door_limits(config: &Config) -> FrontDoorLimits {
    let components = if config.components.passkey_manager.is_some() {
        2
    } else {
        1
    };
    FrontDoorLimits {
        body: config.service.body_limit,
        request_timeout: config.service.request_timeout,
        // A request holds an instance of each component that runs here at once.
        in_flight: usize::try_from(config.runtime.max_instances / components)
            .unwrap_or(1)
            .max(1),
        queue: config.runtime.queue,
        sticky: sticky(config),
    }
}

pub(super) fn engine_options(config: &Config) -> Options {
    let components = || config.components.iter();
    Options {
        instances: config.runtime.max_instances.max(2),
        memory: components().map(|one| one.memory).max().unwrap_or_default(),
        table_elements: components()
            .map(|one| one.table_elements)
            .max()
            .unwrap_or_default(),
        epoch_tick: config.runtime.epoch_tick,
        pooling: true,
    }
}

pub(super) fn component_limits(component: &config::Component, response_bytes: usize) -> Limits {
    Limits {
        memory: component.memory,
        table_elements: component.table_elements,
        deadline: component.deadline,
        hostcall_bytes: component.hostcall_bytes,
        output_bytes: component.output_bytes,
        response_bytes,
        instances: usize::try_from(component.instances).unwrap_or(usize::MAX),
    }
}

pub(super) fn health_address(health: &config::Health) -> Result<HealthAddress, HealthAddressError> {
    Ok(match &health.listen {
        config::HealthListen::Loopback(address) => HealthAddress::Tcp((*address).try_into()?),
        config::HealthListen::Unix(path) => HealthAddress::Unix(path.clone()),
    })
}

/// Reads the files of trust anchors. `metadata`: whether the host has a BLOB.
pub(super) fn relying_party(
    party: &config::RelyingParty,
    metadata: bool,
) -> Result<RelyingParty, MaterialError> {
    let mut attestation_roots = Vec::new();
    for file in &party.attestation_roots {
        let certificates = certificates(file, "certificates of authenticator makers")?;
        attestation_roots.extend(certificates.iter().map(|root| root.to_vec()));
    }
    let text = |origins: &[config::Origin]| {
        origins
            .iter()
            .map(|origin| origin.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    Ok(RelyingParty {
        profile: wit::Profile {
            id: party.id.as_str().to_owned(),
            name: party.name.clone(),
            origins: text(&party.origins),
            allow_cross_origin: party.allow_cross_origin,
            top_origins: text(&party.top_origins),
            ceremony_timeout: u32::try_from(party.ceremony_timeout.as_millis()).unwrap_or(u32::MAX),
            user_verification: match party.user_verification {
                config::UserVerification::Required => wit::UserVerification::Required,
                config::UserVerification::Preferred => wit::UserVerification::Preferred,
                config::UserVerification::Discouraged => wit::UserVerification::Discouraged,
            },
            resident_key: match party.resident_key {
                config::ResidentKey::Required => wit::ResidentKey::Required,
                config::ResidentKey::Preferred => wit::ResidentKey::Preferred,
                config::ResidentKey::Discouraged => wit::ResidentKey::Discouraged,
            },
            attestation: match party.attestation {
                config::Attestation::None => wit::AttestationConveyance::None,
                config::Attestation::Indirect => wit::AttestationConveyance::Indirect,
                config::Attestation::Direct => wit::AttestationConveyance::Direct,
                config::Attestation::Enterprise => wit::AttestationConveyance::Enterprise,
            },
            algorithms: party
                .algorithms
                .iter()
                .map(|algorithm| algorithm.cose())
                .collect(),
            authenticators: authenticators::policy(party, metadata),
            lifecycle: lifecycle(party.lifecycle),
            decoy: party.decoy.as_ref().map(|form| wit::CredentialForm {
                id_length: form.id_length,
                transports: form.transports.clone(),
            }),
            extensions: party
                .extensions
                .iter()
                .map(|extension| extension.identifier().to_owned())
                .collect(),
        },
        attestation_roots,
        metadata_roots: party.authenticators.metadata_roots,
        fresh_sign_in: party.lifecycle.fresh_sign_in.map(millis),
        related_origins: text(&party.related_origins),
        enroll_url: party.enroll_url.as_ref().map(|url| url.as_str().to_owned()),
        manage_url: party.manage_url.as_ref().map(|url| url.as_str().to_owned()),
        workloads: party
            .workloads
            .iter()
            .map(|id| id.as_str().to_owned())
            .collect(),
    })
}

fn lifecycle(policy: config::Lifecycle) -> wit::LifecyclePolicy {
    let counter = |policy| match policy {
        config::CounterPolicy::Ignore => wit::CounterPolicy::Ignore,
        config::CounterPolicy::Alarm => wit::CounterPolicy::Alarm,
        config::CounterPolicy::Deny => wit::CounterPolicy::Deny,
    };
    wit::LifecyclePolicy {
        counter: counter(policy.counter),
        counter_synced: counter(policy.counter_synced),
        accept_late_backup_eligibility: policy.accept_late_backup_eligibility,
        keep_last_passkey: policy.keep_last_passkey,
        step_up: policy.fresh_sign_in.is_some(),
    }
}

/// None where no failed sign-in is counted.
pub(super) fn lockout(policy: config::Lockout) -> Option<LockoutPolicy> {
    (policy.failures > 0).then(|| LockoutPolicy {
        failures: policy.failures,
        window: millis(policy.window),
        duration: millis(policy.duration),
    })
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
