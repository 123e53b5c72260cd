//! What the capabilities of one component keep, for as long as its kit lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeropass::capabilities::bindings::tokens::Verified;
use zeropass::clock::{Clock as _, FixedClock};

use super::calls::Recorder;
use super::{
    Account, Ceremony, Credential, Identity, Model, ModelReport, Profile, ServedParty, Session,
};

/// The moment at which every kit begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: u64 = 1_767_225_600_000;

/// Sessions of the kit last as long as the host's default says: 12 hours.
pub const SESSION_LIFETIME: u64 = 12 * 60 * 60 * 1000;

/// And may rest as long: 15 minutes.
pub const SESSION_IDLE: u64 = 15 * 60 * 1000;

/// Shared by a kit and the instances it makes.
#[derive(Debug)]
pub(super) struct World {
    memory: Mutex<Memory>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct Memory {
    pub clock: Arc<FixedClock>,
    pub seed: u64,
    /// Instances so far; each draws other bytes from the same seed.
    pub instances: u64,
    pub recorder: Recorder,
    pub log: Vec<String>,
    pub identity: Identity,
    pub parties: BTreeMap<String, Profile>,
    /// Trust anchors by relying party.
    pub anchors: BTreeMap<String, Vec<Vec<u8>>>,
    /// What metadata know.
    pub metadata: Vec<(Model, ModelReport)>,
    pub credentials: Vec<Credential>,
    /// With whether they were taken.
    pub ceremonies: Vec<(Ceremony, bool)>,
    pub accounts: Vec<Account>,
    pub sessions: Vec<Session>,
    /// `token-1` is the first.
    pub tokens: Vec<Verified>,
    /// Ids made so far, for accounts and sessions.
    pub ids: u128,
}

// === impl World ===

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            memory: Mutex::new(Memory {
                clock: Arc::new(FixedClock::new(BEGINNING)),
                seed: 1,
                instances: 0,
                recorder: Recorder::default(),
                log: Vec::new(),
                identity: Identity {
                    workload: "spiffe://example.test/relying-party".into(),
                    certificate_thumbprint: vec![7; 32],
                    request_id: "request-1".into(),
                    relying_parties: Vec::<ServedParty>::new(),
                },
                parties: BTreeMap::new(),
                anchors: BTreeMap::new(),
                metadata: Vec::new(),
                credentials: Vec::new(),
                ceremonies: Vec::new(),
                accounts: Vec::new(),
                sessions: Vec::new(),
                tokens: Vec::new(),
                ids: 0,
            }),
        })
    }

    /// A test that failed while it held the lock does not hide what it found.
    pub fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Memory ===

impl Memory {
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// A UUID (RFC 9562, version 4) that no kit of the same history differs in.
    pub fn new_id(&mut self) -> String {
        self.ids += 1;
        uuid::Builder::from_random_bytes(self.ids.to_be_bytes())
            .into_uuid()
            .to_string()
    }
}
