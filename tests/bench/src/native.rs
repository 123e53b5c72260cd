//! passkey-manager's logic without a sandbox: its own plain Rust over values at hand.
//!
//! Whatever a ceremony reads is put here first, whatever it writes is taken out
//! afterwards. So the same code serves the rows that need no store and the twin,
//! whose store is asynchronous.

use std::cell::RefCell;

use passkey_manager::bindings::ceremonies::{self, Ceremony, Kind};
use passkey_manager::bindings::credentials::{self, Credential, Status, Use};
use passkey_manager::bindings::relying_party::{
    self, AuthenticatorPolicy, CredentialForm, Model, ModelReport, Profile,
};
use passkey_manager::bindings::signatures::{self, PublicKey};
use passkey_manager::bindings::store as errors;
use passkey_manager::host::Host;
use zeropass::capabilities::bindings as wit;
use zeropass::capabilities::{SignatureError, verify_signature};
use zeropass::{secrets::Pseudonyms, store};

/// The outside of one ceremony.
pub struct Values<'a> {
    /// The relying party.
    pub profile: Profile,
    /// For decoys.
    pub pseudonyms: &'a Pseudonyms,
    /// The form of credentials here.
    pub typical: Option<CredentialForm>,
    /// The account's credentials, or the one that signs in.
    pub credentials: Vec<Credential>,
    /// The ceremony that is taken, or that was put.
    pub ceremony: RefCell<Option<Ceremony>>,
    /// The use that was recorded.
    pub used: RefCell<Option<Use>>,
    /// Milliseconds since the Unix epoch.
    pub now: u64,
}

// === impl Values ===

impl<'a> Values<'a> {
    /// A relying party and nothing else.
    pub fn new(profile: Profile, pseudonyms: &'a Pseudonyms, now: u64) -> Self {
        Self {
            profile,
            pseudonyms,
            typical: None,
            credentials: Vec::new(),
            ceremony: RefCell::default(),
            used: RefCell::default(),
            now,
        }
    }
}

impl Host for Values<'_> {
    fn describe(&self, _: &str) -> Result<Profile, relying_party::Error> {
        Ok(self.profile.clone())
    }

    fn attestation_anchors(
        &self,
        _: &str,
        _: &Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error> {
        Err(relying_party::Error::Busy)
    }

    fn authenticator(
        &self,
        _: &str,
        _: &Model,
    ) -> Result<Option<ModelReport>, relying_party::Error> {
        Err(relying_party::Error::Busy)
    }

    fn pseudonym(
        &self,
        rp_id: &str,
        purpose: &str,
        input: &str,
    ) -> Result<Vec<u8>, relying_party::Error> {
        Ok(self.pseudonyms.derive(rp_id, purpose, input))
    }

    fn verify(
        &self,
        algorithm: i32,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, signatures::Error> {
        let key = match key {
            PublicKey::Ec2(key) => wit::signatures::PublicKey::Ec2(wit::signatures::Ec2Key {
                x: key.x.clone(),
                y: key.y.clone(),
            }),
            PublicKey::Okp(key) => wit::signatures::PublicKey::Okp(key.clone()),
            PublicKey::Rsa(key) => wit::signatures::PublicKey::Rsa(wit::signatures::RsaKey {
                n: key.n.clone(),
                e: key.e.clone(),
            }),
        };
        verify_signature(algorithm, &key, message, signature).map_err(|error| match error {
            SignatureError::UnsupportedAlgorithm(_) => signatures::Error::UnsupportedAlgorithm,
            SignatureError::InvalidKey => signatures::Error::InvalidKey,
        })
    }

    fn insert_credential(&self, _: &Credential, _: bool) -> Result<(), errors::Error> {
        Err(errors::Error::Busy)
    }

    fn credential(&self, _: &str, id: &[u8]) -> Result<Credential, errors::Error> {
        let found = self.credentials.iter().find(|one| one.id == id);
        found.cloned().ok_or(errors::Error::NotFound)
    }

    fn credentials_of(&self, _: &str, _: &str) -> Result<Vec<Credential>, errors::Error> {
        Ok(self.credentials.clone())
    }

    fn rename_credential(
        &self,
        _: &str,
        _: &str,
        _: &[u8],
        _: &str,
    ) -> Result<Credential, errors::Error> {
        Err(errors::Error::Busy)
    }

    fn set_credential_status(
        &self,
        _: &str,
        _: &str,
        _: &[u8],
        _: Status,
        _: bool,
    ) -> Result<Credential, errors::Error> {
        Err(errors::Error::Busy)
    }

    fn change_credential(
        &self,
        _: &str,
        _: &str,
        _: &[u8],
        _: &credentials::CredentialChange,
        _: bool,
    ) -> Result<Credential, errors::Error> {
        Err(errors::Error::Busy)
    }

    fn remove_credential(&self, _: &str, _: &str, _: &[u8], _: bool) -> Result<(), errors::Error> {
        Err(errors::Error::Busy)
    }

    fn record_use(&self, rp_id: &str, id: &[u8], used: Use) -> Result<Credential, errors::Error> {
        let credential = self.credential(rp_id, id)?;
        self.used.replace(Some(used));
        Ok(Credential {
            sign_count: used.sign_count,
            backup_state: used.backup_state,
            last_used_at: Some(used.at),
            ..credential
        })
    }

    fn typical_credential(&self, _: &str) -> Result<Option<CredentialForm>, errors::Error> {
        Ok(self.typical.clone())
    }

    fn put_ceremony(&self, ceremony: &Ceremony) -> Result<(), errors::Error> {
        self.ceremony.replace(Some(ceremony.clone()));
        Ok(())
    }

    fn take_ceremony(&self, _: &str, _: &str, _: Kind) -> Result<Ceremony, errors::Error> {
        self.ceremony
            .borrow()
            .clone()
            .ok_or(errors::Error::NotFound)
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn random(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        // All zeros would fail the twin's sign-in at the unique ceremony id.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        bytes
    }

    fn warn(&self, message: &str) {
        tracing::warn!(message, "passkey-manager, native");
    }
}

// === conversions ===
// The component's types and the host's have the same fields and words; Rust sees
// four families of them.

macro_rules! word {
    ($from:ty => $to:ty, $name:ident, $($variant:ident),+) => {
        fn $name(word: $from) -> $to {
            match word { $(<$from>::$variant => <$to>::$variant),+ }
        }
    };
}
word!(wit::relying_party::UserVerification => relying_party::UserVerification, verification, Required, Preferred, Discouraged);
word!(wit::relying_party::ResidentKey => relying_party::ResidentKey, resident, Required, Preferred, Discouraged);
word!(wit::relying_party::AttestationConveyance => relying_party::AttestationConveyance, attestation, None, Indirect, Direct, Enterprise);
word!(wit::relying_party::CounterPolicy => relying_party::CounterPolicy, counter, Ignore, Alarm, Deny);
word!(store::UserVerification => relying_party::UserVerification, stored_verification, Required, Preferred, Discouraged);
word!(store::ResidentKey => relying_party::ResidentKey, stored_resident, Required, Preferred, Discouraged);
word!(store::AttestationConveyance => relying_party::AttestationConveyance, stored_attestation, None, Indirect, Direct, Enterprise);
word!(relying_party::UserVerification => store::UserVerification, verification_to_store, Required, Preferred, Discouraged);
word!(relying_party::ResidentKey => store::ResidentKey, resident_to_store, Required, Preferred, Discouraged);
word!(relying_party::AttestationConveyance => store::AttestationConveyance, attestation_to_store, None, Indirect, Direct, Enterprise);
word!(store::CeremonyKind => Kind, kind, Registration, Authentication);
word!(Kind => store::CeremonyKind, kind_to_store, Registration, Authentication);
word!(store::CredentialStatus => Status, status, Active, Suspended);

/// The host's profile as the component has it.
pub fn profile(profile: wit::relying_party::Profile) -> Profile {
    Profile {
        id: profile.id,
        name: profile.name,
        origins: profile.origins,
        allow_cross_origin: profile.allow_cross_origin,
        top_origins: profile.top_origins,
        ceremony_timeout: profile.ceremony_timeout,
        user_verification: verification(profile.user_verification),
        resident_key: resident(profile.resident_key),
        attestation: attestation(profile.attestation),
        algorithms: profile.algorithms,
        authenticators: AuthenticatorPolicy {
            allowed: profile.authenticators.allowed,
            denied: profile.authenticators.denied,
            device_bound: profile.authenticators.device_bound,
            enterprise: profile.authenticators.enterprise,
            anchored: profile.authenticators.anchored,
            // Nothing here is certified or reported.
            minimum_certification: None,
            refuse_compromised: false,
            at_sign_in: false,
        },
        lifecycle: relying_party::LifecyclePolicy {
            counter: counter(profile.lifecycle.counter),
            counter_synced: counter(profile.lifecycle.counter_synced),
            accept_late_backup_eligibility: profile.lifecycle.accept_late_backup_eligibility,
            keep_last_passkey: profile.lifecycle.keep_last_passkey,
            step_up: profile.lifecycle.step_up,
        },
        extensions: profile.extensions,
        decoy: profile.decoy.map(|form| CredentialForm {
            id_length: form.id_length,
            transports: form.transports,
        }),
    }
}

/// A stored credential as the component has it.
pub fn credential(credential: store::Credential) -> credentials::Credential {
    credentials::Credential {
        rp_id: credential.rp_id,
        user_id: credential.user_id,
        id: credential.id,
        label: credential.label,
        status: status(credential.status),
        created_at: credential.created_at,
        last_used_at: credential.last_used_at,
        public_key: credential.public_key,
        algorithm: credential.algorithm,
        sign_count: credential.sign_count,
        aaguid: credential.aaguid,
        transports: credential.transports,
        backup_eligible: credential.backup_eligible,
        backup_state: credential.backup_state,
        user_verified: credential.user_verified,
        discoverable: credential.discoverable,
        attestation_format: credential.attestation_format,
        suspended_at: credential.suspended_at,
        clone_alarm_at: credential.clone_alarm_at,
    }
}

/// A stored ceremony as the component has it.
pub fn ceremony(ceremony: store::Ceremony) -> Ceremony {
    Ceremony {
        id: ceremony.id,
        rp_id: ceremony.rp_id,
        kind: kind(ceremony.kind),
        challenge: ceremony.challenge,
        expires_at: ceremony.expires_at,
        user: ceremony.user.map(|user| ceremonies::User {
            id: user.id,
            name: user.name,
            display_name: user.display_name,
        }),
        user_verification: stored_verification(ceremony.user_verification),
        resident_key: stored_resident(ceremony.resident_key),
        attestation: stored_attestation(ceremony.attestation),
        algorithms: ceremony.algorithms,
        credentials: ceremony.credentials,
        extensions: ceremony.extensions,
    }
}

/// The component's ceremony as the store keeps it.
pub fn ceremony_to_store(ceremony: Ceremony) -> store::Ceremony {
    store::Ceremony {
        id: ceremony.id,
        rp_id: ceremony.rp_id,
        kind: kind_to_store(ceremony.kind),
        challenge: ceremony.challenge,
        expires_at: ceremony.expires_at,
        user: ceremony.user.map(|user| store::CeremonyUser {
            id: user.id,
            name: user.name,
            display_name: user.display_name,
        }),
        user_verification: verification_to_store(ceremony.user_verification),
        resident_key: resident_to_store(ceremony.resident_key),
        attestation: attestation_to_store(ceremony.attestation),
        algorithms: ceremony.algorithms,
        credentials: ceremony.credentials,
        extensions: ceremony.extensions,
    }
}
