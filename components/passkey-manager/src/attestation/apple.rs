//! `apple` (WebAuthn L3 section 8.8): a fresh certificate for each credential, with
//! a nonce in it instead of a signature.
//!
//! The nonce is worth what the chain is worth, so a statement without anchors says
//! nothing; and the certificate lives for days, so with anchors it must be used at
//! once.

use sha2::{Digest as _, Sha256};

use super::statement::Members;
use super::{Evidence, TrustPath, certificate, chain, der, invalid, oids};
use crate::bindings::Rejection;
use crate::host::Host;

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1. Older devices add `alg`, which nothing is signed with.
    let members = Members::new("apple", evidence.statement, &["alg", "x5c"])?;
    let (attesting, issuers) = members.certificates()?;

    // Steps 2 and 3.
    let nonce = Sha256::digest(evidence.signed_bytes());

    // Step 4: SEQUENCE { [1] EXPLICIT OCTET STRING }.
    let extension = attesting
        .extension(&oids::APPLE_NONCE)
        .ok_or_else(|| invalid("the apple certificate has no nonce"))?;
    let found = der::only(extension.value, der::SEQUENCE)
        .and_then(|inside| der::only(inside, der::explicit(1)))
        .and_then(|inside| der::only(inside, der::OCTET_STRING))
        .ok_or_else(|| invalid("the nonce of the apple certificate is not of its form"))?;
    if found != nonce.as_slice() {
        return Err(invalid(
            "the nonce of the apple certificate is not the one of this ceremony",
        ));
    }

    // Step 5.
    certificate::check_same_key(&attesting, evidence.key)?;
    chain::verified(host, attesting, issuers).map(TrustPath::Certificates)
}
