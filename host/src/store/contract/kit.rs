//! A store at a fixed time, permits for it, and sample values.

use std::future::Future;
use std::sync::Arc;

use crate::audit::{Actor, ComponentIdentity, Origin, Trail};
use crate::clock::{Clock as _, FixedClock};
use crate::policy::Permit;
use crate::policy::action::{self, Action};
use crate::store::{
    Account, AccountChange, AttestationConveyance, Ceremony, CeremonyKind, CeremonyUser,
    Credential, CredentialStatus, Error, NewAccount, ResidentKey, Store, StoredRecord,
    UserVerification,
};

pub(crate) const RP: &str = "login.example";
pub(crate) const OTHER: &str = "other.example";
pub(crate) const NOW: u64 = 1_700_000_000_000;
pub(crate) const DAY: u64 = 86_400_000;
/// Of sessions, in milliseconds.
pub(crate) const LIFETIME: u64 = 900_000;

pub(crate) struct Kit {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) trail: Trail,
    actor: Actor,
}

/// The same 22 characters for the same number.
pub(crate) fn id(number: u32) -> String {
    format!("ceremony-{number:013}")
}

// === impl Kit ===

impl Kit {
    pub(crate) async fn open<F>(open: impl FnOnce(Arc<FixedClock>) -> F) -> Self
    where
        F: Future<Output = Arc<dyn Store>>,
    {
        let clock = Arc::new(FixedClock::new(NOW));
        let store = open(Arc::clone(&clock)).await;
        Self::over(store, clock)
    }

    pub(crate) fn over(store: Arc<dyn Store>, clock: Arc<FixedClock>) -> Self {
        let origin = Origin {
            request_id: "request-1".into(),
            workload: "spiffe://example/relying-party".into(),
            address: "192.0.2.7:4711".into(),
        };
        let component = ComponentIdentity {
            name: "passkey-manager".into(),
            digest: "ab".repeat(32),
            revision: "1.2.3".into(),
        };
        let actor = Actor {
            origin: Arc::new(origin),
            component: Some(Arc::new(component)),
        };
        Self {
            store,
            clock,
            trail: Trail::new(),
            actor,
        }
    }

    pub(crate) fn permit<A: Action>(&self) -> Permit<A> {
        self.permit_for(RP)
    }

    pub(crate) fn permit_for<A: Action>(&self, rp_id: &str) -> Permit<A> {
        Permit::for_tests(self.clock.now(), self.actor(), rp_id, &self.trail)
    }

    pub(crate) fn actor(&self) -> Actor {
        self.actor.clone()
    }

    /// All records, after appending the trail.
    pub(crate) async fn records(&self) -> Vec<StoredRecord> {
        self.store.append(&self.trail).await.unwrap();
        self.store.records(0, 10_000).await.unwrap()
    }

    pub(crate) async fn create(&self, rp_id: &str, name: &str) -> Account {
        let account = NewAccount {
            id: None,
            name: name.into(),
            display_name: format!("{name} Example"),
        };
        let permit = self.permit_for(rp_id);
        self.store.accounts_create(permit, account).await.unwrap()
    }

    pub(crate) async fn activate(&self, rp_id: &str, id: &str) -> Result<Account, Error> {
        let permit = self.permit_for(rp_id);
        self.store.accounts_activate(permit, id.into()).await
    }

    pub(crate) async fn rename(
        &self,
        rp_id: &str,
        id: &str,
        names: (Option<&str>, Option<&str>),
    ) -> Result<Account, Error> {
        let change = AccountChange {
            name: names.0.map(str::to_owned),
            display_name: names.1.map(str::to_owned),
        };
        let permit = self.permit_for(rp_id);
        self.store.accounts_change(permit, id.into(), change).await
    }

    pub(crate) async fn insert(&self, credential: Credential) -> Result<(), Error> {
        let permit = self.permit_for(&credential.rp_id);
        self.store
            .credentials_insert(permit, credential, false)
            .await
    }

    pub(crate) async fn get(&self, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
        let permit = self.permit_for(rp_id);
        self.store.credentials_get(permit, id.to_vec()).await
    }

    pub(crate) async fn put(&self, ceremony: Ceremony) -> Result<(), Error> {
        let permit = self.permit_for(&ceremony.rp_id);
        self.store.ceremonies_put(permit, ceremony).await
    }

    pub(crate) async fn take(&self, id: &str) -> Result<Ceremony, Error> {
        self.take_as(RP, id, CeremonyKind::Registration).await
    }

    pub(crate) async fn take_as(
        &self,
        rp_id: &str,
        id: &str,
        kind: CeremonyKind,
    ) -> Result<Ceremony, Error> {
        let permit: Permit<action::CeremoniesTake> = self.permit_for(rp_id);
        self.store.ceremonies_take(permit, id.into(), kind).await
    }

    pub(crate) fn credential(account: &Account, id: &[u8]) -> Credential {
        Credential {
            rp_id: account.rp_id.clone(),
            user_id: account.id.clone(),
            id: id.to_vec(),
            label: "Kitchen phone".into(),
            status: CredentialStatus::Active,
            created_at: NOW,
            last_used_at: None,
            public_key: vec![0xa5, 1, 2, 3],
            algorithm: -7,
            sign_count: 5,
            aaguid: vec![9; 16],
            transports: vec!["internal".into(), "hybrid".into()],
            backup_eligible: true,
            backup_state: false,
            user_verified: true,
            discoverable: Some(true),
            attestation_format: "none".into(),
            suspended_at: None,
            clone_alarm_at: None,
        }
    }

    /// A registration that may take a minute.
    pub(crate) fn ceremony(id: &str) -> Ceremony {
        Ceremony {
            id: id.into(),
            rp_id: RP.into(),
            kind: CeremonyKind::Registration,
            challenge: vec![7; 32],
            expires_at: NOW + 60_000,
            user: Some(CeremonyUser {
                id: "7b0a8e2c-5d52-4b7c-9f86-0d9f6f9c1a11".into(),
                name: "ada".into(),
                display_name: "Ada L.".into(),
            }),
            user_verification: UserVerification::Required,
            resident_key: ResidentKey::Preferred,
            attestation: AttestationConveyance::Direct,
            algorithms: vec![-7, -257],
            credentials: vec![vec![1, 2, 3], vec![0xff; 64]],
            extensions: vec!["credProps".into()],
        }
    }
}
