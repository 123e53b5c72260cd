//! A relying party as the host has it.

use super::bindings::relying_party::Profile;

/// A configured relying party.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// What components may know about it.
    pub profile: Profile,
    /// Trust anchors of attestation of every model, certificates in DER.
    pub attestation_roots: Vec<Vec<u8>>,
    /// Whether a model's roots in metadata are anchors of its attestation too.
    pub metadata_roots: bool,
    /// For `/.well-known/webauthn`.
    pub related_origins: Vec<String>,
    /// For `/.well-known/passkey-endpoints`.
    pub enroll_url: Option<String>,
    /// For `/.well-known/passkey-endpoints`.
    pub manage_url: Option<String>,
    /// How long ago, in milliseconds, somebody may have signed in who changes passkeys.
    pub fresh_sign_in: Option<u64>,
    /// SPIFFE ids of the workloads bound to it.
    pub workloads: Vec<String>,
}
