//! `fido-u2f` (WebAuthn L3 section 8.6): security keys from before WebAuthn.
//!
//! Such keys know no AAGUID, and what they sign does not cover the bytes that stand in its
//! place. That these be zero is a rule for authenticators (section 6.5.5), not a step of
//! the verification; whatever they are, they count as zero.

use super::certificate_key::KeyKind;
use super::statement::Members;
use super::{Evidence, TrustPath, chain, invalid, signature};
use crate::bindings::Rejection;
use crate::bindings::signatures::PublicKey;
use crate::cose;
use crate::host::Host;

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1.
    let members = Members::new("fido-u2f", evidence.statement, &["sig", "x5c"])?;
    let sig = members.bytes("sig")?;

    // Step 2: exactly one certificate, with a key on P-256.
    let (attesting, issuers) = members.certificates()?;
    if !issuers.is_empty() {
        return Err(invalid("x5c of fido-u2f has more than one certificate"));
    }
    let attesting_key = attesting.key()?;
    if attesting_key.kind != KeyKind::P256 {
        return Err(invalid(format!(
            "the fido-u2f certificate has a {} key, and P-256 is needed",
            attesting_key.kind.name()
        )));
    }

    // Steps 3 and 4: the credential's key as a point; its coordinates have 32
    // bytes each, which the parse of the key saw to.
    let PublicKey::Ec2(point) = &evidence.key.key else {
        return Err(invalid("a fido-u2f credential has a key on P-256"));
    };
    if !matches!(evidence.key.algorithm, cose::ES256 | cose::ESP256) {
        return Err(invalid("a fido-u2f credential is for ES256"));
    }
    let rp_id_hash = evidence
        .authenticator_data
        .get(..32)
        .ok_or_else(|| invalid("the authenticator data has no rpIdHash"))?;

    // Step 5.
    let message = [
        &[0],
        rp_id_hash,
        evidence.client_data_hash,
        evidence.attested.credential_id,
        &[4],
        &point.x,
        &point.y,
    ]
    .concat();

    // Step 6.
    signature::check(host, cose::ES256, &attesting_key, &message, sig)?;
    chain::verified(host, attesting, issuers).map(TrustPath::SecurityKey)
}
