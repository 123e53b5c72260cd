//! What a relying party's profile says of authenticators, from its configuration.

use crate::capabilities::bindings::relying_party as wit;
use crate::config::{self, CertificationLevel};

/// `metadata`: whether the host has a BLOB.
pub(super) fn policy(party: &config::RelyingParty, metadata: bool) -> wit::AuthenticatorPolicy {
    let rules = &party.authenticators;
    let bytes = |aaguids: &[config::Aaguid]| aaguids.iter().map(|one| one.0.to_vec()).collect();
    wit::AuthenticatorPolicy {
        allowed: bytes(&rules.allowed),
        denied: bytes(&rules.denied),
        device_bound: rules.device_bound,
        enterprise: rules.enterprise,
        anchored: !party.attestation_roots.is_empty() || (metadata && rules.metadata_roots),
        minimum_certification: rules.minimum_certification.map(level),
        refuse_compromised: metadata && rules.refuse_compromised,
        at_sign_in: rules.at_sign_in,
    }
}

fn level(level: CertificationLevel) -> wit::CertificationLevel {
    match level {
        CertificationLevel::L1 => wit::CertificationLevel::L1,
        CertificationLevel::L1Plus => wit::CertificationLevel::L1Plus,
        CertificationLevel::L2 => wit::CertificationLevel::L2,
        CertificationLevel::L2Plus => wit::CertificationLevel::L2Plus,
        CertificationLevel::L3 => wit::CertificationLevel::L3,
        CertificationLevel::L3Plus => wit::CertificationLevel::L3Plus,
    }
}
