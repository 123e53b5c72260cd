//! What this component asks of the host, as traits.
//!
//! One trait for each imported interface, with the contract of its WIT
//! documentation. The component implements them by calling the imports; tests
//! implement them in memory.

pub use crate::bindings::zeropass::{
    host::{
        caller::{Identity, ServedParty},
        log::Level,
        relying_party::{AttestationConveyance, ResidentKey, UserVerification},
        tokens::{Claims, Error as TokenError, Verified},
    },
    passkeys::types::{
        Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions,
        Descriptor, Passkey, PasskeyChange, Registered, RegistrationRequest, RegistrationResponse,
        Rejection, Remedy, RequestOptions, Status, Subject, User,
    },
    store::{
        accounts::{Account, AccountChange, Status as AccountStatus},
        sessions::Session,
        types::Error as StoreError,
    },
};

/// Who made the request: `zeropass:host/caller`.
pub trait Caller {
    /// The verified identity behind this request.
    fn get(&self) -> Identity;
}

/// Session tokens: `zeropass:host/tokens`.
pub trait Tokens {
    /// Sign claims, bound to the caller's certificate.
    fn sign(&self, claims: &Claims) -> Result<String, TokenError>;
    /// Check signature, issuer and expiry.
    fn verify(&self, token: &str) -> Result<Verified, TokenError>;
    /// The public keys, a JWK set in JSON.
    fn keys(&self) -> Result<String, TokenError>;
}

/// The people of a relying party: `zeropass:store/accounts`.
pub trait Accounts {
    /// A new pending account.
    fn create(
        &self,
        rp_id: &str,
        id: Option<&str>,
        name: &str,
        display_name: &str,
    ) -> Result<Account, StoreError>;
    /// Make a pending account active.
    fn activate(&self, rp_id: &str, id: &str) -> Result<Account, StoreError>;
    /// Give an active account other names.
    fn change(&self, rp_id: &str, id: &str, change: &AccountChange) -> Result<Account, StoreError>;
    /// Pending or active.
    fn find_by_id(&self, rp_id: &str, id: &str) -> Result<Account, StoreError>;
    /// Active only.
    fn find_by_name(&self, rp_id: &str, name: &str) -> Result<Account, StoreError>;
}

/// What sign-ins leave behind: `zeropass:store/sessions`.
pub trait Sessions {
    /// A new session; the host sets id and times.
    fn create(
        &self,
        rp_id: &str,
        user_id: &str,
        credential_id: &[u8],
        user_verified: bool,
    ) -> Result<Session, StoreError>;
    /// Use a session that goes on; one that is over is `expired`.
    fn touch(&self, rp_id: &str, id: &str) -> Result<Session, StoreError>;
    /// For good; again is no error.
    fn revoke(&self, rp_id: &str, id: &str) -> Result<(), StoreError>;
}

/// WebAuthn L3 section 7.1 behind the link: `zeropass:passkeys/registration`.
pub trait Registration {
    /// Start a ceremony.
    fn begin(&self, request: &RegistrationRequest) -> Result<CreationOptions, Rejection>;
    /// Verify and store the passkey; the ceremony is spent.
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &RegistrationResponse,
        label: Option<&str>,
    ) -> Result<Registered, Rejection>;
}

/// WebAuthn L3 section 7.2 behind the link: `zeropass:passkeys/authentication`.
pub trait Authentication {
    /// Start a ceremony.
    fn begin(&self, request: &AuthenticationRequest) -> Result<RequestOptions, Rejection>;
    /// Verify and record the use; the ceremony is spent.
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &AuthenticationResponse,
    ) -> Result<Authenticated, Rejection>;
}

/// A passkey after its registration: `zeropass:passkeys/lifecycle`.
pub trait Lifecycle {
    /// The passkeys of an account.
    fn list(&self, rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, Rejection>;
    /// One of them.
    fn get(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection>;
    /// Give it another label.
    fn rename(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Passkey, Rejection>;
    /// Keep it, but let nobody sign in with it.
    fn suspend(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection>;
    /// End a suspension.
    fn resume(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection>;
    /// Label and status, both or neither.
    fn change(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &PasskeyChange,
    ) -> Result<Passkey, Rejection>;
    /// Remove it for good.
    fn revoke(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection>;
    /// Take it back: its account can't be had.
    fn withdraw(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection>;
}

/// `wasi:clocks/wall-clock`.
pub trait Clock {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> u64;
}

/// The operator's log: `zeropass:host/log`.
pub trait Log {
    /// One line. Never a challenge, a token or key material.
    fn write(&self, level: Level, message: &str);
}

/// Everything a request may call.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "each field is its trait")]
pub struct Host<'a> {
    pub caller: &'a dyn Caller,
    pub tokens: &'a dyn Tokens,
    pub accounts: &'a dyn Accounts,
    pub sessions: &'a dyn Sessions,
    pub registration: &'a dyn Registration,
    pub authentication: &'a dyn Authentication,
    pub lifecycle: &'a dyn Lifecycle,
    pub clock: &'a dyn Clock,
    pub log: &'a dyn Log,
}
