//! What a component asked of its capabilities, and what they were told to refuse.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::{Rejection, RelyingPartyError, SignatureError, StoreError, TokenError};

/// One call of a capability, in the order of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The interface without its package: `credentials`.
    pub interface: &'static str,
    /// The function: `insert`.
    pub function: &'static str,
    /// What it was about, for people: relying party, account, credential. Never a
    /// challenge, a ceremony's id or a token.
    pub detail: String,
}

/// How a capability fails when it is told to: an error of its own interface.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Of `credentials`, `ceremonies`, `accounts` and `sessions`.
    Store(StoreError),
    /// Of `relying-party`.
    RelyingParty(RelyingPartyError),
    /// Of `signatures`.
    Signatures(SignatureError),
    /// Of `tokens`.
    Tokens(TokenError),
    /// Of the passkeys link.
    Rejection(Rejection),
}

/// The calls so far, and the failures to come.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub calls: Vec<Call>,
    failures: HashMap<&'static str, VecDeque<Failure>>,
}

/// Every function that can fail.
const FUNCTIONS: [&str; 42] = [
    "relying-party.describe",
    "relying-party.attestation-anchors",
    "relying-party.authenticator",
    "relying-party.pseudonym",
    "signatures.verify",
    "tokens.sign",
    "tokens.verify",
    "tokens.keys",
    "credentials.insert",
    "credentials.get",
    "credentials.list-for-user",
    "credentials.rename",
    "credentials.set-status",
    "credentials.change",
    "credentials.remove",
    "credentials.record-use",
    "credentials.typical",
    "ceremonies.put",
    "ceremonies.take",
    "accounts.create",
    "accounts.activate",
    "accounts.change",
    "accounts.find-by-id",
    "accounts.find-by-name",
    "sessions.create",
    "sessions.get",
    "sessions.touch",
    "sessions.revoke",
    "registration.begin",
    "registration.finish",
    "authentication.begin",
    "authentication.finish",
    "lifecycle.list",
    "lifecycle.get",
    "lifecycle.rename",
    "lifecycle.suspend",
    "lifecycle.resume",
    "lifecycle.change",
    "lifecycle.revoke",
    "lifecycle.withdraw",
    // Recorded, but without a way to fail.
    "caller.get",
    "log.write",
];

// === impl Call ===

/// `credentials.insert`
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.interface, self.function)
    }
}

// === impl Failure ===

impl Failure {
    fn belongs_to(&self, interface: &str) -> bool {
        match self {
            Self::Store(_) => matches!(
                interface,
                "credentials" | "ceremonies" | "accounts" | "sessions"
            ),
            Self::RelyingParty(_) => interface == "relying-party",
            Self::Signatures(_) => interface == "signatures",
            Self::Tokens(_) => interface == "tokens",
            Self::Rejection(_) => {
                matches!(interface, "registration" | "authentication" | "lifecycle")
            }
        }
    }
}

macro_rules! failures {
    ($($variant:ident($error:ty)),+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )+};
}
failures!(
    Store(StoreError),
    RelyingParty(RelyingPartyError),
    Signatures(SignatureError),
    Tokens(TokenError),
    Rejection(Rejection)
);

// === impl Recorder ===

impl Recorder {
    /// The next call of `function` fails with `failure`; told twice, the next two.
    #[track_caller]
    pub fn fail_next(&mut self, function: &str, failure: Failure) {
        let known = FUNCTIONS.iter().find(|known| **known == function);
        let interface = function.split('.').next().unwrap_or_default();
        assert!(
            known.is_some() && failure.belongs_to(interface),
            "{function} can't fail with {failure:?}: name it like credentials.insert, with an error of that interface"
        );
        if let Some(known) = known {
            self.failures.entry(known).or_default().push_back(failure);
        }
    }

    /// Record a call; the failure that was asked for, if any.
    pub fn enter(
        &mut self,
        interface: &'static str,
        function: &'static str,
        detail: String,
    ) -> Option<Failure> {
        let name = format!("{interface}.{function}");
        self.calls.push(Call {
            interface,
            function,
            detail,
        });
        self.failures.get_mut(name.as_str())?.pop_front()
    }
}
