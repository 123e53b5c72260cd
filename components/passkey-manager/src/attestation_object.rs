//! Attestation objects (WebAuthn L3 section 6.5.4): format, statement and
//! authenticator data, in CBOR.

use crate::bindings::Rejection;
use crate::cbor::{self, Value};
use crate::rejection::{malformed, too_large};

/// The most bytes of an attestation object that are accepted.
pub const MAX_LENGTH: usize = 64 * 1024;

/// The longest registered format name (RFC 8809 section 2.1).
const MAX_FORMAT_LENGTH: usize = 32;

/// An attestation object after its parse.
pub struct AttestationObject<'a> {
    /// Attestation statement format identifier.
    pub format: &'a str,
    /// The statement: a map, or an array for `compound`.
    pub statement: Value<'a>,
    /// Authenticator data, not yet parsed.
    pub authenticator_data: &'a [u8],
    /// Whether the statement is said to be one of enterprise attestation (`epAtt`, CTAP
    /// 2.2 section 6.1.3), which may tell one device from all others.
    pub enterprise: bool,
}

// === impl AttestationObject ===

impl<'a> AttestationObject<'a> {
    /// Section 7.1 step 13.
    ///
    /// # Errors
    /// `too-large` over [`MAX_LENGTH`], else `malformed`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_LENGTH {
            return Err(too_large("attestationObject", bytes.len(), MAX_LENGTH));
        }
        let value = cbor::decode(bytes)
            .map_err(|error| malformed(format!("attestationObject: {error}")))?;
        let Value::Map(entries) = value else {
            return Err(malformed("attestationObject is not a map"));
        };
        let mut format = None;
        let mut statement = None;
        let mut authenticator_data = None;
        let mut enterprise = false;
        for (key, value) in entries {
            match (key, value) {
                (Value::Text("fmt"), Value::Text(text)) if text.len() <= MAX_FORMAT_LENGTH => {
                    format = Some(text);
                }
                (Value::Text("attStmt"), stated @ (Value::Map(_) | Value::Array(_))) => {
                    statement = Some(stated);
                }
                (Value::Text("authData"), Value::Bytes(bytes)) => authenticator_data = Some(bytes),
                (Value::Text("epAtt"), Value::Bool(said)) => enterprise = said,
                (Value::Text(name @ ("fmt" | "attStmt" | "authData" | "epAtt")), _) => {
                    return Err(malformed(format!(
                        "attestationObject: {name} is not of its type"
                    )));
                }
                // Authenticators may add members (CTAP2 has largeBlobKey).
                (Value::Text(_), _) => {}
                _ => return Err(malformed("attestationObject has a key that is not text")),
            }
        }
        match (format, statement, authenticator_data) {
            (Some(format), Some(statement), Some(authenticator_data)) => Ok(AttestationObject {
                format,
                statement,
                authenticator_data,
                enterprise,
            }),
            _ => Err(malformed(
                "attestationObject lacks one of fmt, attStmt and authData",
            )),
        }
    }
}
