//! What the store keeps, as plain values that mirror `zeropass:store`.
//!
//! Times are milliseconds since the Unix epoch; byte strings are raw.

mod account;
mod ceremony;
mod credential;
mod session;
mod words;

pub use account::{Account, AccountChange, AccountStatus, NewAccount};
pub use ceremony::{
    AttestationConveyance, Ceremony, CeremonyKind, CeremonyUser, ResidentKey, UserVerification,
};
pub use credential::{
    Credential, CredentialChange, CredentialForm, CredentialStatus, CredentialUse,
};
pub use session::{NewSession, Session};

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
    /// Identities that have owed no request for a day.
    pub rates: u64,
}

// === impl Swept ===

impl Swept {
    /// Everything that was forgotten.
    pub fn total(self) -> u64 {
        self.ceremonies + self.accounts + self.sessions + self.failures + self.rates
    }
}
