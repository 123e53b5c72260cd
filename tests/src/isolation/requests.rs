//! Requests and profiles with the usual values, to be changed where a test needs
//! something else.

use super::{
    AttestationConveyance, AuthenticationRequest, AuthenticatorPolicy, CounterPolicy,
    LifecyclePolicy, Profile, RegistrationRequest, ResidentKey, Subject, User, UserVerification,
};

/// A relying party: five minutes for a ceremony, everything preferred, no
/// attestation, ES256 and RS256, nothing cross-origin.
pub fn profile(id: &str, origins: &[&str]) -> Profile {
    Profile {
        id: id.to_owned(),
        name: "Example".to_owned(),
        origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        allow_cross_origin: false,
        top_origins: Vec::new(),
        ceremony_timeout: 300_000,
        user_verification: UserVerification::Preferred,
        resident_key: ResidentKey::Preferred,
        attestation: AttestationConveyance::None,
        algorithms: vec![-7, -257],
        authenticators: any_authenticator(),
        lifecycle: lifecycle(),
        extensions: vec!["credProps".into()],
        decoy: None,
    }
}

/// The policy of a configuration that says nothing about it.
pub fn lifecycle() -> LifecyclePolicy {
    LifecyclePolicy {
        counter: CounterPolicy::Deny,
        counter_synced: CounterPolicy::Deny,
        accept_late_backup_eligibility: false,
        keep_last_passkey: false,
        step_up: false,
    }
}

/// Every authenticator is taken, none needs to be anchored, and enterprise attestation
/// is not asked for.
pub fn any_authenticator() -> AuthenticatorPolicy {
    AuthenticatorPolicy {
        allowed: Vec::new(),
        denied: Vec::new(),
        device_bound: false,
        enterprise: false,
        anchored: false,
        minimum_certification: None,
        refuse_compromised: false,
        at_sign_in: false,
    }
}

/// A registration of the account `user_id`, a UUID, by the name `ada`.
pub fn registration(rp_id: &str, user_id: &str) -> RegistrationRequest {
    RegistrationRequest {
        rp_id: rp_id.to_owned(),
        user: User {
            id: user_id.to_owned(),
            name: "ada".to_owned(),
            display_name: "Ada".to_owned(),
        },
        user_verification: None,
        resident_key: None,
        attestation: None,
        conditional: false,
        hints: Vec::new(),
        extensions: "{}".to_owned(),
    }
}

/// A sign-in.
pub fn authentication(rp_id: &str, subject: Subject) -> AuthenticationRequest {
    AuthenticationRequest {
        rp_id: rp_id.to_owned(),
        subject,
        user_verification: None,
        hints: Vec::new(),
        extensions: "{}".to_owned(),
    }
}
