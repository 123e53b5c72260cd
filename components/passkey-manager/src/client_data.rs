//! Client data: the JSON that the browser wrote and the authenticator signed
//! over (WebAuthn L3 section 5.8.1).
//!
//! One strict parse: UTF-8 (one byte order mark before it is passed over), one JSON
//! object, no name twice in it or in what it holds, at most [`MAX_LENGTH`] bytes. Members that are not known are
//! allowed, since section 5.8.1 reserves the right to add some; `tokenBinding` is ignored,
//! since Level 3 took it out.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::base64url;
use crate::bindings::relying_party::Profile;
use crate::bindings::{Code, Rejection};
use crate::distinct::{Member, Object};
use crate::origin;
use crate::rejection::{malformed, reject, too_large};

/// The most bytes of client data that are accepted.
pub const MAX_LENGTH: usize = 8 * 1024;

/// What UTF-8 decode takes away at the beginning.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Client data after its parse. Made by [`ClientData::parse`] alone.
pub struct ClientData {
    kind: String,
    challenge: String,
    /// Where the ceremony took place.
    pub origin: String,
    /// Whether it took place in a frame of another origin than its parents.
    pub cross_origin: bool,
    /// The origin of the topmost page, if the browser says.
    pub top_origin: Option<String>,
    hash: [u8; 32],
}

// === impl ClientData ===

impl ClientData {
    /// Sections 7.1 steps 5 and 6, 7.2 steps 8 and 9: decode and parse.
    ///
    /// # Errors
    /// `too-large` over [`MAX_LENGTH`], else `malformed`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_LENGTH {
            return Err(too_large("clientDataJSON", bytes.len(), MAX_LENGTH));
        }
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let Object(mut members) = serde_json::from_slice(text)
            // The position alone: the message of the parser may quote the input.
            .map_err(|error| {
                malformed(format!(
                    "clientDataJSON is not a JSON object with distinct names: line {} column {}",
                    error.line(),
                    error.column()
                ))
            })?;
        Ok(ClientData {
            kind: required(&mut members, "type")?,
            challenge: required(&mut members, "challenge")?,
            origin: required(&mut members, "origin")?,
            cross_origin: match members.remove("crossOrigin") {
                None => false,
                Some(Member::Flag(flag)) => flag,
                Some(_) => {
                    return Err(malformed("clientDataJSON: crossOrigin is not a boolean"));
                }
            },
            top_origin: match members.remove("topOrigin") {
                None => None,
                Some(Member::Text(origin)) => Some(origin),
                Some(_) => return Err(malformed("clientDataJSON: topOrigin is not a string")),
            },
            hash: Sha256::digest(bytes).into(),
        })
    }

    /// Sections 7.1 steps 7 to 11, 7.2 steps 10 to 14: what the client data must
    /// say. `kind` is `webauthn.create` or `webauthn.get`.
    ///
    /// # Errors
    /// `malformed` for another kind, `challenge-mismatch`, `origin-mismatch`.
    pub fn check(&self, kind: &str, challenge: &[u8], profile: &Profile) -> Result<(), Rejection> {
        if self.kind != kind {
            return Err(malformed(format!(
                "clientDataJSON: type is {:?}, expected {kind:?}",
                self.kind
            )));
        }
        if self.challenge != base64url::encode(challenge) {
            return Err(reject(
                Code::ChallengeMismatch,
                "the challenge is not the one of this ceremony",
            ));
        }
        origin::check(
            &self.origin,
            self.cross_origin,
            self.top_origin.as_deref(),
            profile,
        )
    }

    /// SHA-256 over the bytes as they came (sections 7.1 step 12, 7.2 step 20).
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

fn required(members: &mut BTreeMap<String, Member>, name: &str) -> Result<String, Rejection> {
    match members.remove(name) {
        Some(Member::Text(text)) => Ok(text),
        Some(_) => Err(malformed(format!("clientDataJSON: {name} is not a string"))),
        None => Err(malformed(format!("clientDataJSON: {name} is missing"))),
    }
}
