//! The relying party that every row serves, who acts for it, and who signs in.

use std::path::Path;
use std::sync::Arc;

use zeropass::audit::{Actor, ComponentIdentity, Origin};
use zeropass::capabilities::RelyingParty;
use zeropass::capabilities::bindings::relying_party::{
    AttestationConveyance, AuthenticatorPolicy, CounterPolicy, LifecyclePolicy, Profile,
    ResidentKey, UserVerification,
};
use zeropass::clock::{Clock, SystemClock};
use zeropass::policy::{Bundle, Gate};

/// The relying party's id.
pub const RP_ID: &str = "localhost";
/// Where its passkeys are used.
pub const ORIGIN: &str = "http://localhost:8080";
/// The workload that is bound to it; the development PKI has its certificate.
pub const WORKLOAD: &str = "spiffe://zeropass.internal/workload/relying-party";
/// How long a ceremony may take, milliseconds.
const CEREMONY_TIMEOUT: u32 = 300_000;

/// The relying party's configuration.
pub fn profile() -> Profile {
    Profile {
        id: RP_ID.into(),
        name: "zeropass bench".into(),
        origins: vec![ORIGIN.into()],
        allow_cross_origin: false,
        top_origins: Vec::new(),
        ceremony_timeout: CEREMONY_TIMEOUT,
        user_verification: UserVerification::Preferred,
        resident_key: ResidentKey::Preferred,
        attestation: AttestationConveyance::None,
        algorithms: vec![-7, -8, -35, -257],
        authenticators: AuthenticatorPolicy {
            allowed: Vec::new(),
            denied: Vec::new(),
            device_bound: false,
            enterprise: false,
            anchored: false,
            minimum_certification: None,
            refuse_compromised: false,
            at_sign_in: false,
        },
        lifecycle: LifecyclePolicy {
            counter: CounterPolicy::Deny,
            counter_synced: CounterPolicy::Deny,
            accept_late_backup_eligibility: false,
            keep_last_passkey: false,
            step_up: false,
        },
        extensions: vec!["credProps".into()],
        decoy: None,
    }
}

/// The same as the host's services have it.
pub fn relying_party() -> RelyingParty {
    RelyingParty {
        profile: profile(),
        attestation_roots: Vec::new(),
        metadata_roots: false,
        related_origins: Vec::new(),
        enroll_url: None,
        manage_url: None,
        fresh_sign_in: None,
        workloads: vec![WORKLOAD.into()],
    }
}

/// The machine's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The policies that are shipped, with the relying party bound to its workload.
///
/// # Errors
/// The bundle is refused.
pub fn gate(policies: &Path) -> anyhow::Result<Arc<Gate>> {
    let bindings = vec![(RP_ID.to_owned(), vec![WORKLOAD.to_owned()])];
    Ok(Gate::new(Bundle::load(policies)?, bindings, clock())?)
}

/// A component by name, under a digest of the bench's own.
pub fn component(name: &str, digest: &str) -> Arc<ComponentIdentity> {
    Arc::new(ComponentIdentity {
        name: name.into(),
        digest: digest.into(),
        revision: "bench".into(),
    })
}

/// `name` acting in a request of the relying party's workload.
pub fn actor(name: &str) -> Actor {
    Actor {
        origin: Arc::new(Origin {
            request_id: uuid::Uuid::now_v7().to_string(),
            workload: WORKLOAD.into(),
            address: "127.0.0.1:1".into(),
        }),
        component: Some(component(name, "bench")),
    }
}
