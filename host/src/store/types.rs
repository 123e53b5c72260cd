//! What the store keeps, as plain values that mirror `zeropass:store`.
//!
//! Times are milliseconds since the Unix epoch; byte strings are raw.

use std::fmt;

use crate::clock::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The word in WIT, SQL and JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// Whether a passkey may sign in.
    CredentialStatus {
        /// It may.
        Active = "active",
        /// Kept, but refused until it is resumed.
        Suspended = "suspended",
    }
}

words! {
    /// What a ceremony is for.
    CeremonyKind {
        /// WebAuthn L3 section 7.1.
        Registration = "registration",
        /// WebAuthn L3 section 7.2.
        Authentication = "authentication",
    }
}

words! {
    /// WebAuthn L3 section 5.8.6.
    UserVerification {
        /// No ceremony without it.
        Required = "required",
        /// Wanted where possible.
        Preferred = "preferred",
        /// Not wanted.
        Discouraged = "discouraged",
    }
}

words! {
    /// WebAuthn L3 section 5.4.6.
    ResidentKey {
        /// Only a discoverable credential will do.
        Required = "required",
        /// Wanted where possible.
        Preferred = "preferred",
        /// Not wanted.
        Discouraged = "discouraged",
    }
}

words! {
    /// WebAuthn L3 section 5.4.7.
    AttestationConveyance {
        /// No statement wanted.
        None = "none",
        /// A statement, possibly anonymised.
        Indirect = "indirect",
        /// The authenticator's own statement.
        Direct = "direct",
        /// A statement that names the device.
        Enterprise = "enterprise",
    }
}

words! {
    /// How far an account has come.
    AccountStatus {
        /// Reserved by a registration that has not finished.
        Pending = "pending",
        /// A person's account.
        Active = "active",
    }
}

/// A passkey: a public key and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// The account's id, a UUID.
    pub user_id: String,
    /// 1 to 1023 bytes, unique within the relying party.
    pub id: Vec<u8>,
    /// 1 to 64 characters.
    pub label: String,
    /// Whether it may sign in.
    pub status: CredentialStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
    /// COSE_Key in CBOR (RFC 9052 section 7).
    pub public_key: Vec<u8>,
    /// COSE algorithm identifier.
    pub algorithm: i32,
    /// The last signature counter seen.
    pub sign_count: u32,
    /// 16 bytes.
    pub aaguid: Vec<u8>,
    /// WebAuthn L3 section 5.8.4.
    pub transports: Vec<String>,
    /// The BE flag.
    pub backup_eligible: bool,
    /// The BS flag as last seen.
    pub backup_state: bool,
    /// Whether the user was verified at registration.
    pub user_verified: bool,
    /// What credProps said, if anything.
    pub discoverable: Option<bool>,
    /// WebAuthn L3 section 8.
    pub attestation_format: String,
    /// When it was last suspended; sessions that began until then are over.
    pub suspended_at: Option<Timestamp>,
    /// When its counter last gave an alarm.
    pub clone_alarm_at: Option<Timestamp>,
}

/// What may change in a credential, in one step. Nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialChange {
    /// 1 to 64 characters.
    pub label: Option<String>,
    /// Active ends a clone alarm.
    pub status: Option<CredentialStatus>,
    /// Whether a suspension must leave the account another active credential.
    pub keep_last: bool,
}

/// What an assertion changes in a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// The counter that the verification rested on.
    pub previous_sign_count: u32,
    /// The counter to keep.
    pub sign_count: u32,
    /// The BS flag that the verification read.
    pub previous_backup_state: bool,
    /// The BS flag of the assertion.
    pub backup_state: bool,
    /// The BE flag of the assertion.
    pub backup_eligible: bool,
    /// Whether the counter did not grow as it should.
    pub clone_alarm: bool,
    /// When.
    pub at: Timestamp,
}

/// When failed sign-ins lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many failures lock it, at least one.
    pub failures: u32,
    /// Within so many milliseconds from the first of them.
    pub window: u64,
    /// For so many milliseconds.
    pub duration: u64,
}

/// What a failed sign-in did to its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It was counted.
    Counted,
    /// It was counted, and was one too many: the account is locked from now on.
    Locks {
        /// Until then.
        until: Timestamp,
    },
    /// The account was locked before.
    Locked {
        /// Until then.
        until: Timestamp,
    },
}

/// The most common form of a relying party's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typical {
    /// Bytes.
    pub id_length: u32,
    /// WebAuthn L3 section 5.8.4.
    pub transports: Vec<String>,
}

/// The account that a ceremony is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyUser {
    /// A UUID; its 16 bytes are the user handle.
    pub id: String,
    /// 1 to 64 characters.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
}

/// A ceremony between its two requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// 128 random bits or more, in base64url. Who has it may finish it.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// What it is for.
    pub kind: CeremonyKind,
    /// 16 random bytes or more.
    pub challenge: Vec<u8>,
    /// From this moment on it can't be finished.
    pub expires_at: Timestamp,
    /// None in a discoverable sign-in.
    pub user: Option<CeremonyUser>,
    /// What the ceremony demands of user verification.
    pub user_verification: UserVerification,
    /// What it demands of discoverability.
    pub resident_key: ResidentKey,
    /// What it demands of attestation.
    pub attestation: AttestationConveyance,
    /// COSE algorithms offered; registration only.
    pub algorithms: Vec<i32>,
    /// Excluded or allowed credential ids.
    pub credentials: Vec<Vec<u8>>,
    /// Identifiers of the extensions asked for.
    pub extensions: Vec<String>,
}

/// A person's account at a relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// 1 to 64 characters, unique among active accounts.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// How far it has come.
    pub status: AccountStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a sign-in leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// A UUID.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// The account that signed in.
    pub user_id: String,
    /// The credential that signed in.
    pub credential_id: Vec<u8>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended early.
    pub revoked_at: Option<Timestamp>,
    /// Whether the user was verified.
    pub user_verified: bool,
    /// When it was last used, as far as that was written down.
    pub last_used_at: Timestamp,
}

/// A new account, before the store has given it an id and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// A UUID chosen by the relying party, or none to let the store choose.
    pub id: Option<String>,
    /// 1 to 64 characters.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
}

/// What may change in an account, in one step. Nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// 1 to 64 characters.
    pub name: Option<String>,
    /// 1 to 64 characters.
    pub display_name: Option<String>,
}

/// A new session, before the store has given it an id and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The account that signed in.
    pub user_id: String,
    /// The credential that signed in.
    pub credential_id: Vec<u8>,
    /// Whether the user was verified.
    pub user_verified: bool,
}

/// How much a sweep forgot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Ceremonies that expired more than a day ago.
    pub ceremonies: u64,
    /// Accounts pending for more than a day that own nothing.
    pub accounts: u64,
    /// Sessions that expired more than a day ago.
    pub sessions: u64,
    /// Counts of failed sign-ins that began more than a day ago and lock nothing.
    pub failures: u64,
}

// === impl Ceremony ===

/// Leaves out the id and the challenge, which are secrets until they are used.
impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremony")
            .field("rp_id", &self.rp_id)
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at)
            .field("user_verification", &self.user_verification)
            .finish_non_exhaustive()
    }
}

// === impl CredentialUse ===

impl CredentialUse {
    /// What the audit record of this use says beyond its success.
    pub fn note(&self) -> Option<&'static str> {
        let backup = match (self.previous_backup_state, self.backup_state) {
            (false, true) => Some("backed-up"),
            (true, false) => Some("not-backed-up"),
            _ => None,
        };
        match (self.clone_alarm, backup) {
            (false, backup) => backup,
            (true, None) => Some("clone-alarm"),
            (true, Some("backed-up")) => Some("clone-alarm,backed-up"),
            (true, Some(_)) => Some("clone-alarm,not-backed-up"),
        }
    }
}

// === impl Session ===

impl Session {
    /// Whether it goes on at `now`, when it may rest for `idle` milliseconds.
    pub fn goes_on(&self, now: Timestamp, idle: u64) -> bool {
        self.revoked_at.is_none()
            && now < self.expires_at
            && now < self.last_used_at.saturating_add(idle)
    }

    /// Whether a use at `now` must be written down: when the last one that was is a
    /// tenth of the idle time past, or a minute.
    pub fn needs_a_note(&self, now: Timestamp, idle: u64) -> bool {
        now >= self.last_used_at.saturating_add((idle / 10).min(60_000))
    }
}

// === impl Swept ===

impl Swept {
    /// Everything that was forgotten.
    pub fn total(self) -> u64 {
        self.ceremonies + self.accounts + self.sessions + self.failures
    }
}
