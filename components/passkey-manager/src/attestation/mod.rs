//! Attestation statements (WebAuthn L3 section 8): what an authenticator says of
//! its own make, verified here from its CBOR to its trust anchor.
//!
//! Guarantee: after [`verify`] the credential's key is a valid key for its
//! algorithm, the statement is right in every point that its format demands, and
//! it is as trusted as the relying party's policy asks. Each format has a file of
//! its own, with the steps of its section.
//!
//! Bounds: a statement has at most [`chain::MAX_LENGTH`] certificates, which the
//! size of an attestation object bounds again.
//!
//! Left to others: every signature, of statements and of certificates, is checked
//! by the host ([`Host::verify`]); challenge, origin, flags and offered algorithms
//! were checked by the caller. Revocation lists are not consulted.

mod android_key;
mod apple;
mod certificate;
mod certificate_key;
mod chain;
mod compound;
mod der;
mod fido_u2f;
mod none;
mod oids;
mod packed;
mod shape;
mod signature;
mod statement;
mod tpm;
mod tpm_structures;
mod trust;

use sha1::{Digest as _, Sha1};

use crate::authenticator_data::AttestedCredential;
use crate::bindings::relying_party::Model;
use crate::bindings::{Code, Rejection};
use crate::cbor::Value;
use crate::cose::CoseKey;
use crate::host::Host;
use crate::rejection::reject;

pub use self::trust::Policy;

use self::certificate::Certificate;

/// What is verified, all of it parsed.
#[derive(Clone, Copy)]
pub struct Evidence<'e, 'a> {
    /// Attestation statement format identifier.
    pub format: &'a str,
    /// The statement.
    pub statement: &'e Value<'a>,
    /// Authenticator data as it came.
    pub authenticator_data: &'a [u8],
    /// SHA-256 of the client data as it came.
    pub client_data_hash: &'e [u8; 32],
    /// The credential in the authenticator data.
    pub attested: &'e AttestedCredential<'a>,
    /// That credential's key.
    pub key: &'e CoseKey,
}

/// What a statement rests on once it is verified (section 6.5.3).
pub(crate) enum TrustPath<'a> {
    /// Nothing: no attestation.
    None,
    /// The credential's own key.
    SelfSigned,
    /// Certificates, the attesting one first.
    Certificates(Vec<Certificate<'a>>),
    /// The same of a security key from before WebAuthn, which vouches for the credential
    /// and not for the rest of the authenticator data.
    SecurityKey(Vec<Certificate<'a>>),
    /// Several statements about one credential, each with a path of its own.
    Several(Vec<TrustPath<'a>>),
}

/// Verify the credential's key, the statement, and how far it is trusted: section
/// 7.1 steps 21 to 24. What comes back is how the authenticator's model is known.
///
/// # Errors
/// `attestation-invalid`, `attestation-untrusted`, `algorithm-not-allowed` for an
/// algorithm that the host does not verify, `malformed` for a key that is none (a
/// point off its curve).
pub fn verify(
    host: &impl Host,
    evidence: &Evidence<'_, '_>,
    policy: &Policy<'_>,
) -> Result<Model, Rejection> {
    signature::check_credential_key(host, evidence.key)?;
    // Steps 21 and 22: the format's own procedure.
    let path = statement(host, evidence)?;
    // Steps 23 and 24: trust anchors, and what policy accepts.
    let model = model(evidence, &path);
    trust::assess(host, &path, &model, policy)?;
    Ok(model)
}

/// By the AAGUID, which the statement's signature covers. Security keys from before
/// WebAuthn have none, and nothing covers what stands in its place; metadata know them by
/// the key of their certificate.
fn model(evidence: &Evidence<'_, '_>, path: &TrustPath<'_>) -> Model {
    security_key(path).map_or_else(
        || Model::Aaguid(evidence.attested.aaguid.to_vec()),
        |certificate| Model::CertificateKey(Sha1::digest(certificate.key_bits()).to_vec()),
    )
}

/// The certificate of a path in which such a security key is all that attests.
fn security_key<'p, 'a>(path: &'p TrustPath<'a>) -> Option<&'p Certificate<'a>> {
    match path {
        TrustPath::SecurityKey(chain) => chain.first(),
        // A credential's own signature vouches for no model.
        TrustPath::Several(paths) => {
            let attested = |path: &TrustPath<'_>| matches!(path, TrustPath::Certificates(_));
            (!paths.iter().any(attested))
                .then(|| paths.iter().find_map(security_key))
                .flatten()
        }
        TrustPath::None | TrustPath::SelfSigned | TrustPath::Certificates(_) => None,
    }
}

/// The verification procedure of the statement's format.
fn statement<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    match evidence.format {
        "compound" => compound::verify(host, evidence),
        _ => single(host, evidence),
    }
}

/// The same for every format but `compound`, which can't hold itself.
fn single<'a>(host: &impl Host, evidence: &Evidence<'_, 'a>) -> Result<TrustPath<'a>, Rejection> {
    match evidence.format {
        "none" => none::verify(evidence),
        "packed" => packed::verify(host, evidence),
        "tpm" => tpm::verify(host, evidence),
        "android-key" => android_key::verify(host, evidence),
        "apple" => apple::verify(host, evidence),
        "fido-u2f" => fido_u2f::verify(host, evidence),
        other => Err(invalid(format!(
            "statements of the format {other:?} can't be verified here"
        ))),
    }
}

// === impl Evidence ===

impl Evidence<'_, '_> {
    /// What most formats sign: authenticator data, then the hash of client data.
    fn signed_bytes(&self) -> Vec<u8> {
        [self.authenticator_data, self.client_data_hash].concat()
    }
}

fn invalid(detail: impl Into<String>) -> Rejection {
    reject(Code::AttestationInvalid, detail)
}
