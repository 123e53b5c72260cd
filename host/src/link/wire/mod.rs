//! How a call between components looks on the wire.
//!
//! One HTTP/2 request for a call: `POST /PACKAGE/vMAJOR/INTERFACE.FUNCTION`, with the
//! whole version in the header [`VERSION_HEADER`]. Bodies are CBOR (RFC 8949): maps by
//! field name, words for enumerations, byte strings for bytes. A reader ignores
//! fields that it doesn't know and takes an absent option or list for an empty one, so
//! that hosts on neighbouring minor versions understand each other; another major
//! version is refused before the body is read.
//!
//! The types here mirror those of WIT and of the store, field by field: a field that
//! is added there and forgotten here does not compile.
//!
//! - [`envelope`]: what surrounds arguments and answers.
//! - [`mirror`]: how the mirrors are made.
//! - [`passkeys`], [`store`]: the two packages that can be called.
//! - [`rates`]: what the hosts themselves ask each other.

pub mod envelope;
mod mirror;
pub mod passkeys;
pub mod rates;
pub mod store;

use bytes::Bytes as Buffer;
use http::header::HeaderName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::policy::action::Action;

pub use mirror::{Bytes, Wire};

/// The media type of all bodies (RFC 8949 section 9.5).
pub const CONTENT_TYPE: &str = "application/cbor";

/// Carries the interface version of whoever sends: `1.0.0`.
pub const VERSION_HEADER: HeaderName = HeaderName::from_static("zeropass-version");

/// The version of both packages, as in `wit/`.
pub const VERSION: &str = "1.0.0";

/// The part of [`VERSION`] that both ends must share.
pub const MAJOR: u32 = 1;

/// Where a connection proves itself before it is used: `GET`, answered 200.
pub const HELLO: &str = "/hello";

/// Where a caller shows the signature of its revision: `POST`, answered 200.
pub const SHOW: &str = "/revision";

/// Where a front tier takes what an identity may ask: `POST`, answered 200. A host that
/// serves no front tier, or of before, answers 404.
pub const RATES: &str = "/rates";

/// The code of a call that was not begun because the signature of the caller's revision
/// has not been shown here.
pub const REVISION_UNKNOWN: &str = "revision-unknown";

/// The code of a call that was not begun because policy at the other end does not trust
/// the caller's revision.
pub const REVISION_NOT_ADMITTED: &str = "revision-not-admitted";

/// A package of functions that can be called over a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// `zeropass:passkeys`: from auth-service to passkey-manager.
    Passkeys,
    /// The part of `zeropass:store` that auth-service has: accounts and sessions,
    /// from a front tier to the host that keeps the store.
    Store,
}

/// An action that is a call of one function. Its path follows from its name.
pub trait Function: Action {
    /// The package that it is of.
    const PACKAGE: Package;
    /// Whether a call whose answer got lost may be made again.
    const REPEATABLE: bool;
    /// Its arguments by name.
    type Arguments: Serialize + DeserializeOwned + Send;
    /// What it answers.
    type Answer: Serialize + DeserializeOwned + Send;
    /// What it answers instead.
    type Error: Serialize + DeserializeOwned + Send;
}

/// A body that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not the CBOR that is expected: {0}")]
pub struct Unreadable(String);

// === impl Package ===

impl Package {
    /// Its name in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passkeys => "zeropass.passkeys",
            Self::Store => "zeropass.store",
        }
    }

    /// The package of this name in a path.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Passkeys, Self::Store]
            .into_iter()
            .find(|package| package.name() == name)
    }
}

/// The path of a function: `/zeropass.passkeys/v1/registration.begin`.
pub fn path<F: Function>() -> String {
    format!("/{}/v{MAJOR}/{}", F::PACKAGE.name(), F::NAME)
}

/// A value as a body.
pub fn encode<T: Serialize>(value: &T) -> Buffer {
    let mut body = Vec::with_capacity(512);
    // Our own types always serialize, and a vector always takes what is written.
    if ciborium::into_writer(value, &mut body).is_err() {
        body.clear();
    }
    body.into()
}

/// The value of a body, which must hold nothing else.
///
/// # Errors
/// [`Unreadable`] says what is missing or wrong, without any value.
pub fn decode<T: DeserializeOwned>(mut body: &[u8]) -> Result<T, Unreadable> {
    let value = ciborium::from_reader(&mut body).map_err(|error| {
        Unreadable(match error {
            ciborium::de::Error::Io(_) => "it ends too early".to_owned(),
            ciborium::de::Error::Syntax(at) => format!("syntax error at byte {at}"),
            ciborium::de::Error::Semantic(_, reason) => reason,
            ciborium::de::Error::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        })
    })?;
    if body.is_empty() {
        Ok(value)
    } else {
        Err(Unreadable(format!("{} bytes follow it", body.len())))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
