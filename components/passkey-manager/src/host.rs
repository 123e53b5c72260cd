//! What the ceremonies need from outside, as one trait: the capabilities that
//! the host grants this component, a clock and randomness.
//!
//! Each method is one imported WIT function; it says of which interface, where what
//! it promises is documented. Where WIT's name alone would not tell what it is about,
//! the method's name does.

use crate::bindings::ceremonies::{Ceremony, Kind};
use crate::bindings::credentials::{Credential, CredentialChange as Change, Status, Use};
use crate::bindings::relying_party::CredentialForm;
use crate::bindings::relying_party::{self, Model, ModelReport, Profile};
use crate::bindings::signatures::{self, PublicKey};
use crate::bindings::store;

/// The outside of a ceremony.
pub trait Host {
    /// `zeropass:host/relying-party`: the profile of a relying party.
    fn describe(&self, rp_id: &str) -> Result<Profile, relying_party::Error>;

    /// `zeropass:host/relying-party`: the trust anchors of attestation by a model.
    fn attestation_anchors(
        &self,
        rp_id: &str,
        model: &Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error>;

    /// `zeropass:host/relying-party`: what FIDO metadata say of a model.
    fn authenticator(
        &self,
        rp_id: &str,
        model: &Model,
    ) -> Result<Option<ModelReport>, relying_party::Error>;

    /// `zeropass:host/relying-party`: 32 stable bytes that look random.
    fn pseudonym(
        &self,
        rp_id: &str,
        purpose: &str,
        input: &str,
    ) -> Result<Vec<u8>, relying_party::Error>;

    /// `zeropass:host/signatures`: whether a signature is right.
    fn verify(
        &self,
        algorithm: i32,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, signatures::Error>;

    /// `zeropass:store/credentials`: keep a new credential.
    fn insert_credential(
        &self,
        credential: &Credential,
        only_first: bool,
    ) -> Result<(), store::Error>;

    /// `zeropass:store/credentials`: a credential of any account.
    fn credential(&self, rp_id: &str, id: &[u8]) -> Result<Credential, store::Error>;

    /// `zeropass:store/credentials`: an account's credentials, oldest first.
    fn credentials_of(&self, rp_id: &str, user_id: &str) -> Result<Vec<Credential>, store::Error>;

    /// `zeropass:store/credentials`: change the label.
    fn rename_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Credential, store::Error>;

    /// `zeropass:store/credentials`: suspend or resume.
    fn set_credential_status(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, store::Error>;

    /// `zeropass:store/credentials`: label and status in one step.
    fn change_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &Change,
        keep_last: bool,
    ) -> Result<Credential, store::Error>;

    /// `zeropass:store/credentials`: remove for good.
    fn remove_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        keep_last: bool,
    ) -> Result<(), store::Error>;

    /// `zeropass:store/credentials`: record a sign-in in one step.
    fn record_use(&self, rp_id: &str, id: &[u8], used: Use) -> Result<Credential, store::Error>;

    /// `zeropass:store/credentials`: what credentials usually look like here.
    fn typical_credential(&self, rp_id: &str) -> Result<Option<CredentialForm>, store::Error>;

    /// `zeropass:store/ceremonies`: keep a ceremony until it is taken.
    fn put_ceremony(&self, ceremony: &Ceremony) -> Result<(), store::Error>;

    /// `zeropass:store/ceremonies`: take a ceremony, once.
    fn take_ceremony(&self, rp_id: &str, id: &str, kind: Kind) -> Result<Ceremony, store::Error>;

    /// Milliseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// Fresh bytes from a cryptographic generator.
    fn random(&self, length: usize) -> Vec<u8>;

    /// `zeropass:host/log`: a line that an operator should see. Never a secret.
    fn warn(&self, message: &str);
}
