//! Attestation statements and the new public key (WebAuthn L3 sections 8 and 7.1
//! steps 21 and 22), verified by webauthn-rs-core.
//!
//! What the library reads has passed our own parse first, and is written anew for
//! it where no signature forbids that, so the two can't understand one input
//! differently. Everything outside the statement (challenge, origin, flags,
//! policy) was checked by the caller, and the library is asked nothing about it.
//!
//! Limits of the library in this version, each answered with a code: keys of
//! other algorithms than [`REGISTRABLE`] and RSA keys of other sizes than 2048
//! bits are `algorithm-not-allowed`; self attestation with ES512, and any
//! statement but `none` made in a cross-origin frame, are `attestation-invalid`.
//! Trust anchors are not consulted yet: a statement is verified, not trusted.

use std::time::Duration;

use serde_json::json;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::RegistrationState;
use webauthn_rs_proto::{
    AuthenticatorAttestationResponseRaw, RegisterPublicKeyCredential,
    RegistrationExtensionsClientOutputs,
};

use crate::attestation_object::AttestationObject;
use crate::authenticator_data::AttestedCredential;
use crate::base64url;
use crate::bindings::{Code, Rejection};
use crate::client_data::ClientData;
use crate::cose::{self, CoseKey};
use crate::rejection::{malformed, reject};

/// COSE algorithms that a new passkey may have.
pub const REGISTRABLE: &[i32] = &[cose::ES256, cose::ES384, cose::ES512, cose::RS256];

const NONE: &str = "none";

/// Stands in for the origin where nothing is signed over it.
const NO_ORIGIN: &str = "https://attestation.invalid";

/// What is verified, all of it parsed.
pub struct Evidence<'a> {
    /// The relying party's id, already matched.
    pub rp_id: &'a str,
    /// The ceremony's challenge, already matched.
    pub challenge: &'a [u8],
    /// The client data, already checked.
    pub client_data: &'a ClientData,
    /// The same as it came.
    pub client_data_json: &'a [u8],
    /// The attestation object.
    pub object: &'a AttestationObject<'a>,
    /// The credential in its authenticator data.
    pub attested: &'a AttestedCredential<'a>,
    /// That credential's key.
    pub key: &'a CoseKey,
}

/// Verify the statement and that the key is a valid one.
///
/// # Errors
/// `attestation-invalid`, `algorithm-not-allowed`, `malformed` for a key that is
/// none (a point off its curve).
pub fn verify(evidence: &Evidence<'_>) -> Result<(), Rejection> {
    let object = evidence.object;
    let without_statement = object.format == NONE;

    if without_statement && object.statement.as_map().is_none_or(|map| !map.is_empty()) {
        // Section 8.7: the statement of `none` is the empty map.
        return Err(invalid("format none comes with a statement"));
    }
    if !without_statement && evidence.client_data.cross_origin {
        return Err(invalid(
            "attestation made in a cross-origin frame can't be verified; ask for none there",
        ));
    }

    // Nothing is signed over the client data of `none`, so the library gets a
    // plain one and its own ideas of origins and frames stay out of it.
    let origin = if without_statement {
        NO_ORIGIN
    } else {
        evidence.client_data.origin.as_str()
    };
    let client_data_json = if without_statement {
        json!({
            "type": "webauthn.create",
            "challenge": base64url::encode(evidence.challenge),
            "origin": origin,
        })
        .to_string()
        .into_bytes()
    } else {
        evidence.client_data_json.to_vec()
    };

    let raw_id = evidence.attested.credential_id.to_vec();
    let credential = RegisterPublicKeyCredential {
        id: base64url::encode(&raw_id),
        raw_id,
        response: AuthenticatorAttestationResponseRaw {
            attestation_object: object.to_canonical(),
            client_data_json,
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: RegistrationExtensionsClientOutputs::default(),
    };

    library(evidence.rp_id, origin)?
        .register_credential(
            &credential,
            &state(evidence.challenge, evidence.key.algorithm)?,
            None,
        )
        .map(|_| ())
        .map_err(|error| rejection(&error, without_statement))
}

/// The library for one origin. It wants that as a URL and compares loosely, which
/// is why origins are compared before.
fn library(rp_id: &str, origin: &str) -> Result<WebauthnCore, Rejection> {
    let origins = serde_json::from_value(json!([origin]))
        .map_err(|_| invalid("attestation from an origin that is not a URL can't be verified"))?;
    Ok(WebauthnCore::new_unsafe_experts_only(
        rp_id,
        rp_id,
        origins,
        Duration::ZERO,
        None,
        None,
    ))
}

/// The library's own record of a ceremony. Its fields are private, but it is made
/// to be stored, so it can be built from its stored form.
fn state(challenge: &[u8], algorithm: i32) -> Result<RegistrationState, Rejection> {
    let algorithm = match algorithm {
        cose::ES256 => "ES256",
        cose::ES384 => "ES384",
        // The library's name for -36.
        cose::ES512 => "ES521",
        cose::RS256 => "RS256",
        other => {
            return Err(reject(
                Code::AlgorithmNotAllowed,
                format!("COSE algorithm {other} can't be registered; {REGISTRABLE:?} can"),
            ));
        }
    };
    serde_json::from_value(json!({
        "policy": "preferred",
        "exclude_credentials": [],
        "challenge": base64url::encode(challenge),
        "credential_algorithms": [algorithm],
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    }))
    .map_err(|_| invalid("the attestation library does not take this ceremony"))
}

fn invalid(detail: impl Into<String>) -> Rejection {
    reject(Code::AttestationInvalid, detail)
}

/// The key's form and algorithm were settled before the library was called, so
/// most of its complaints about keys and algorithms are about the statement.
fn rejection(error: &WebauthnError, without_statement: bool) -> Rejection {
    let detail = error.to_string();
    match error {
        WebauthnError::COSEKeyRSANEInvalid
        | WebauthnError::RsaParametersInvalid
        | WebauthnError::COSEKeyEDUnsupported
        | WebauthnError::SshPublicKeyEDUnsupported
        | WebauthnError::CredentialAlteredAlgFromRequest => {
            reject(Code::AlgorithmNotAllowed, detail)
        }
        WebauthnError::EcdsaPointInvalid | WebauthnError::COSEKeyECDSAXYInvalid => {
            malformed(detail)
        }
        // Without a statement only the authenticator's extensions are left to
        // trip over.
        _ if without_statement => malformed(detail),
        WebauthnError::AttestationChainNotTrusted(_)
        | WebauthnError::AttestationTrustFailure
        | WebauthnError::AttestationUntrustedAaguid
        | WebauthnError::AttestationFormatMissingAaguid
        | WebauthnError::AttestationNotVerifiable => reject(Code::AttestationUntrusted, detail),
        _ => invalid(detail),
    }
}
