//! A host in memory, with a clock that tests turn and a record of the calls.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use passkey_manager::bindings::ceremonies::{Ceremony, Kind};
use passkey_manager::bindings::credentials::{Credential, CredentialChange as Change, Status, Use};
use passkey_manager::bindings::relying_party::{
    self, AttestationConveyance, AuthenticatorPolicy, CounterPolicy, CredentialForm,
    LifecyclePolicy, Model, ModelReport, Profile, ResidentKey, UserVerification,
};
use passkey_manager::bindings::signatures::{self, PublicKey};
use passkey_manager::bindings::store;
use passkey_manager::host::Host;
use sha2::{Digest as _, Sha256};

use super::{ORIGIN, RP};

/// The name of a host function that was called.
type Recorded = &'static str;

pub struct MemoryHost {
    pub profile: RefCell<Profile>,
    /// Trust anchors of every model.
    pub anchors: RefCell<Vec<Vec<u8>>>,
    /// What metadata know.
    pub metadata: RefCell<Vec<(Model, ModelReport)>>,
    pub credentials: RefCell<Vec<Credential>>,
    pub ceremonies: RefCell<HashMap<String, (Ceremony, bool)>>,
    pub clock: Cell<u64>,
    /// What the store answers instead of doing anything.
    pub store_error: Cell<Option<store::Error>>,
    /// What `record-use` answers instead of doing anything.
    pub use_error: Cell<Option<store::Error>>,
    /// Whether every signature is right but the empty one, which asks about the key, and
    /// every key is valid.
    pub believes: Cell<bool>,
    /// The counter that another sign-in leaves right before the next use is recorded.
    pub other_use: Cell<Option<u32>>,
    /// Whether another sign-in turns flag BE on right before the next use is recorded.
    pub other_learns: Cell<bool>,
    pub calls: RefCell<Vec<Recorded>>,
    pub warnings: RefCell<Vec<String>>,
    drawn: Cell<u64>,
}

impl MemoryHost {
    pub fn new() -> Self {
        MemoryHost {
            profile: RefCell::new(Profile {
                id: RP.to_owned(),
                name: "Example".to_owned(),
                origins: vec![ORIGIN.to_owned(), "https://example.com".to_owned()],
                allow_cross_origin: false,
                top_origins: Vec::new(),
                ceremony_timeout: 300_000,
                user_verification: UserVerification::Preferred,
                resident_key: ResidentKey::Preferred,
                attestation: AttestationConveyance::None,
                algorithms: vec![-8, -7, -257],
                lifecycle: LifecyclePolicy {
                    counter: CounterPolicy::Deny,
                    counter_synced: CounterPolicy::Deny,
                    accept_late_backup_eligibility: false,
                    keep_last_passkey: false,
                    step_up: false,
                },
                extensions: vec!["credProps".to_owned()],
                decoy: None,
                authenticators: AuthenticatorPolicy {
                    allowed: Vec::new(),
                    denied: Vec::new(),
                    device_bound: false,
                    enterprise: true,
                    anchored: false,
                    minimum_certification: None,
                    refuse_compromised: false,
                    at_sign_in: false,
                },
            }),
            anchors: RefCell::default(),
            metadata: RefCell::default(),
            credentials: RefCell::default(),
            ceremonies: RefCell::default(),
            clock: Cell::new(1_750_000_000_000),
            store_error: Cell::new(None),
            use_error: Cell::new(None),
            other_use: Cell::new(None),
            other_learns: Cell::new(false),
            believes: Cell::new(false),
            calls: RefCell::default(),
            warnings: RefCell::default(),
            drawn: Cell::new(0),
        }
    }

    /// Let certificates of attestation lead to these.
    pub fn anchor(&self, roots: Vec<Vec<u8>>) {
        self.profile.borrow_mut().authenticators.anchored = true;
        *self.anchors.borrow_mut() = roots;
    }

    /// The one credential that is stored.
    pub fn only(&self) -> Credential {
        let credentials = self.credentials.borrow();
        assert_eq!(credentials.len(), 1);
        credentials[0].clone()
    }

    pub fn change_only(&self, change: impl FnOnce(&mut Credential)) {
        let mut credentials = self.credentials.borrow_mut();
        assert_eq!(credentials.len(), 1);
        change(&mut credentials[0]);
    }

    pub fn change_ceremony(&self, id: &str, change: impl FnOnce(&mut Ceremony)) {
        change(&mut self.ceremonies.borrow_mut().get_mut(id).unwrap().0);
    }

    pub fn take_calls(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.calls.borrow_mut())
    }

    fn store(&self, call: Recorded) -> Result<(), store::Error> {
        self.calls.borrow_mut().push(call);
        self.store_error.get().map_or(Ok(()), Err)
    }

    fn keep(&self, user_id: &str, id: &[u8], keep_last: bool) -> Result<(), store::Error> {
        let credentials = self.credentials.borrow();
        let mut own = credentials.iter().filter(|known| known.user_id == user_id);
        if keep_last && own.all(|known| known.id == id || known.status == Status::Suspended) {
            self.owned_by(user_id, id)?;
            return Err(store::Error::Last);
        }
        Ok(())
    }

    fn owned_by(&self, user_id: &str, id: &[u8]) -> Result<(), store::Error> {
        let credentials = self.credentials.borrow();
        let owned = credentials
            .iter()
            .any(|known| known.id == id && known.user_id == user_id);
        if owned {
            Ok(())
        } else {
            Err(store::Error::NotFound)
        }
    }

    fn owned<T>(
        &self,
        user_id: &str,
        id: &[u8],
        change: impl FnOnce(&mut Credential) -> T,
    ) -> Result<T, store::Error> {
        self.credentials
            .borrow_mut()
            .iter_mut()
            .find(|known| known.id == id && known.user_id == user_id)
            .map(change)
            .ok_or(store::Error::NotFound)
    }
}

impl Host for MemoryHost {
    fn describe(&self, rp_id: &str) -> Result<Profile, relying_party::Error> {
        self.calls.borrow_mut().push("describe");
        if rp_id == self.profile.borrow().id {
            Ok(self.profile.borrow().clone())
        } else {
            Err(relying_party::Error::NotFound)
        }
    }

    fn attestation_anchors(
        &self,
        _rp_id: &str,
        _model: &Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error> {
        self.calls.borrow_mut().push("attestation-anchors");
        Ok(self.anchors.borrow().clone())
    }

    fn authenticator(
        &self,
        _rp_id: &str,
        model: &Model,
    ) -> Result<Option<ModelReport>, relying_party::Error> {
        self.calls.borrow_mut().push("authenticator");
        let same = |known: &Model| match (known, model) {
            (Model::Aaguid(one), Model::Aaguid(other))
            | (Model::CertificateKey(one), Model::CertificateKey(other)) => one == other,
            _ => false,
        };
        let metadata = self.metadata.borrow();
        let found = metadata.iter().find(|(known, _)| same(known));
        Ok(found.map(|(_, report)| report.clone()))
    }

    fn pseudonym(
        &self,
        rp_id: &str,
        purpose: &str,
        input: &str,
    ) -> Result<Vec<u8>, relying_party::Error> {
        self.calls.borrow_mut().push("pseudonym");
        Ok(Sha256::digest(format!("{rp_id}\n{purpose}\n{input}")).to_vec())
    }

    fn verify(
        &self,
        algorithm: i32,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, signatures::Error> {
        self.calls.borrow_mut().push("verify");
        if self.believes.get() {
            return Ok(!signature.is_empty());
        }
        super::verify::verify(algorithm, key, message, signature)
    }

    fn insert_credential(
        &self,
        credential: &Credential,
        only_first: bool,
    ) -> Result<(), store::Error> {
        self.store("insert")?;
        let mut credentials = self.credentials.borrow_mut();
        if credentials.iter().any(|known| known.id == credential.id) {
            return Err(store::Error::Exists);
        }
        let owned = |known: &Credential| known.user_id == credential.user_id;
        if only_first && credentials.iter().any(owned) {
            return Err(store::Error::Conflict);
        }
        credentials.push(credential.clone());
        Ok(())
    }

    fn credential(&self, _rp_id: &str, id: &[u8]) -> Result<Credential, store::Error> {
        self.store("get")?;
        self.credentials
            .borrow()
            .iter()
            .find(|known| known.id == id)
            .cloned()
            .ok_or(store::Error::NotFound)
    }

    fn credentials_of(&self, _rp_id: &str, user_id: &str) -> Result<Vec<Credential>, store::Error> {
        self.store("list-for-user")?;
        Ok(self
            .credentials
            .borrow()
            .iter()
            .filter(|known| known.user_id == user_id)
            .cloned()
            .collect())
    }

    fn rename_credential(
        &self,
        _rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Credential, store::Error> {
        self.store("rename")?;
        self.owned(user_id, id, |known| {
            known.label = label.to_owned();
            known.clone()
        })
    }

    fn set_credential_status(
        &self,
        _rp_id: &str,
        user_id: &str,
        id: &[u8],
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, store::Error> {
        self.store("set-status")?;
        self.keep(user_id, id, keep_last && status == Status::Suspended)?;
        self.owned(user_id, id, |known| {
            known.status = status;
            known.clone()
        })
    }

    fn change_credential(
        &self,
        _rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &Change,
        keep_last: bool,
    ) -> Result<Credential, store::Error> {
        self.store("change")?;
        let suspended = change.status == Some(Status::Suspended);
        self.keep(user_id, id, keep_last && suspended)?;
        self.owned(user_id, id, |known| {
            known.status = change.status.unwrap_or(known.status);
            if let Some(label) = &change.label {
                known.label.clone_from(label);
            }
            known.clone()
        })
    }

    fn remove_credential(
        &self,
        _rp_id: &str,
        user_id: &str,
        id: &[u8],
        keep_last: bool,
    ) -> Result<(), store::Error> {
        self.store("remove")?;
        self.keep(user_id, id, keep_last)?;
        self.owned(user_id, id, |_| ())?;
        self.credentials.borrow_mut().retain(|known| known.id != id);
        Ok(())
    }

    fn record_use(&self, _rp_id: &str, id: &[u8], used: Use) -> Result<Credential, store::Error> {
        self.store("record-use")?;
        if let Some(error) = self.use_error.get() {
            return Err(error);
        }
        let mut credentials = self.credentials.borrow_mut();
        let known = credentials
            .iter_mut()
            .find(|known| known.id == id)
            .ok_or(store::Error::NotFound)?;
        if let Some(other) = self.other_use.take() {
            known.sign_count = other;
        }
        known.backup_eligible |= self.other_learns.take();
        if known.sign_count != used.previous_sign_count
            || known.backup_state != used.previous_backup_state
            || known.backup_eligible && !used.backup_eligible
        {
            return Err(store::Error::Conflict);
        }
        known.sign_count = used.sign_count;
        known.backup_state = used.backup_state;
        known.backup_eligible = used.backup_eligible;
        if used.clone_alarm {
            known.clone_alarm_at = Some(used.at);
        }
        known.last_used_at = Some(used.at);
        Ok(known.clone())
    }

    fn typical_credential(&self, rp_id: &str) -> Result<Option<CredentialForm>, store::Error> {
        self.store("typical")?;
        let credentials = self.credentials.borrow();
        let oldest = credentials.iter().find(|known| known.rp_id == rp_id);
        Ok(oldest.map(|known| CredentialForm {
            id_length: u32::try_from(known.id.len()).unwrap(),
            transports: known.transports.clone(),
        }))
    }

    fn put_ceremony(&self, ceremony: &Ceremony) -> Result<(), store::Error> {
        self.store("put")?;
        let id = ceremony.id.clone();
        let before = self
            .ceremonies
            .borrow_mut()
            .insert(id, (ceremony.clone(), false));
        assert!(before.is_none(), "two ceremonies share an id");
        Ok(())
    }

    fn take_ceremony(&self, rp_id: &str, id: &str, kind: Kind) -> Result<Ceremony, store::Error> {
        self.store("take")?;
        let mut ceremonies = self.ceremonies.borrow_mut();
        let (ceremony, used) = ceremonies.get_mut(id).ok_or(store::Error::NotFound)?;
        if ceremony.rp_id != rp_id || ceremony.kind != kind {
            return Err(store::Error::NotFound);
        }
        if *used {
            return Err(store::Error::Used);
        }
        if ceremony.expires_at <= self.clock.get() {
            return Err(store::Error::Expired);
        }
        *used = true;
        Ok(ceremony.clone())
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn random(&self, length: usize) -> Vec<u8> {
        self.drawn.set(self.drawn.get() + 1);
        let block = Sha256::digest(self.drawn.get().to_be_bytes());
        block.iter().copied().cycle().take(length).collect()
    }

    fn warn(&self, message: &str) {
        self.warnings.borrow_mut().push(message.to_owned());
    }
}
