//! Which authenticators a relying party takes: by AAGUID, by whether passkeys stay on
//! their device, and by what FIDO metadata report of the model.
//!
//! The rules come from the relying party's configuration, as of now, and never from
//! what the browser returned. What is broken by a rule of the relying party is
//! `not-permitted`; what is a matter of trust in the model is `attestation-untrusted`.
//!
//! An AAGUID is only as true as the attestation behind it: where that is not asked
//! for, the lists are a filter for honest people.

use uuid::Uuid;

use crate::bindings::credentials::Credential;
use crate::bindings::relying_party::{AuthenticatorPolicy, Model, Profile};
use crate::bindings::{Code, Rejection};
use crate::host::Host;
use crate::rejection::reject;

/// The format of security keys that have no AAGUID.
pub const FIDO_U2F: &str = "fido-u2f";

/// The format that may hold nothing but statements of the former.
pub const COMPOUND: &str = "compound";

/// What stands for no AAGUID.
const NO_AAGUID: Uuid = Uuid::nil();

/// Sections 7.1 step 18 and 7.2 step 18: what the relying party makes of backup
/// eligibility.
///
/// # Errors
/// `not-permitted`.
pub fn check_backup(policy: &AuthenticatorPolicy, backup_eligible: bool) -> Result<(), Rejection> {
    if policy.device_bound && backup_eligible {
        return Err(reject(
            Code::NotPermitted,
            "this relying party takes only passkeys that stay on their device (flag BE)",
        ));
    }
    Ok(())
}

/// Section 7.1 step 24: whether the model is one that the relying party takes.
///
/// # Errors
/// `not-permitted` by the lists, `attestation-untrusted` by metadata, and those of the
/// relying party.
pub fn check_model(
    host: &impl Host,
    rp_id: &str,
    policy: &AuthenticatorPolicy,
    model: &Model,
) -> Result<(), Rejection> {
    let aaguid = aaguid(model);
    let listed = |list: &[Vec<u8>]| list.iter().any(|known| known == aaguid);
    if listed(&policy.denied) || !(policy.allowed.is_empty() || listed(&policy.allowed)) {
        return Err(reject(
            Code::NotPermitted,
            format!(
                "this relying party does not take authenticators of the AAGUID {}",
                shown(aaguid)
            ),
        ));
    }
    if !policy.refuse_compromised && policy.minimum_certification.is_none() {
        return Ok(());
    }
    let known = host.authenticator(rp_id, model)?;
    let untrusted = |detail: String| Err(reject(Code::AttestationUntrusted, detail));
    if policy.refuse_compromised
        && let Some(status) = known.as_ref().and_then(|known| known.compromised.as_ref())
    {
        return untrusted(format!(
            "FIDO metadata report {status} of this authenticator model"
        ));
    }
    let level = known.and_then(|known| known.certification);
    match policy.minimum_certification {
        Some(least) if level.is_none_or(|level| (level as u8) < least as u8) => {
            untrusted("the authenticator model is not certified as high as is asked for".into())
        }
        _ => Ok(()),
    }
}

/// The rules again at a sign-in, and whether the passkey's algorithm is one that the
/// relying party still takes, where it asks for that. `backup_eligible` is flag BE of this
/// sign-in, which may be on where the stored one is not yet. Of a security key without
/// AAGUID nothing is kept that metadata could be asked about.
///
/// # Errors
/// As the rules themselves, and `algorithm-not-allowed`.
pub fn check_stored(
    host: &impl Host,
    profile: &Profile,
    credential: &Credential,
    backup_eligible: bool,
) -> Result<(), Rejection> {
    let policy = &profile.authenticators;
    if !policy.at_sign_in {
        return Ok(());
    }
    if !profile.algorithms.contains(&credential.algorithm) {
        return Err(reject(
            Code::AlgorithmNotAllowed,
            format!(
                "this relying party does not take passkeys of COSE algorithm {}",
                credential.algorithm
            ),
        ));
    }
    check_backup(policy, credential.backup_eligible || backup_eligible)?;
    let model = Model::Aaguid(credential.aaguid.clone());
    let by_certificate = [FIDO_U2F, COMPOUND].contains(&credential.attestation_format.as_str());
    if by_certificate && credential.aaguid == NO_AAGUID.as_bytes() {
        let lists_alone = AuthenticatorPolicy {
            refuse_compromised: false,
            minimum_certification: None,
            ..policy.clone()
        };
        return check_model(host, &profile.id, &lists_alone, &model);
    }
    check_model(host, &profile.id, policy, &model)
}

/// The AAGUID that a model is known by: zeros for a security key that is known by its
/// certificate, which vouches for no AAGUID.
pub fn aaguid(model: &Model) -> &[u8] {
    match model {
        Model::Aaguid(aaguid) => aaguid,
        Model::CertificateKey(_) => NO_AAGUID.as_bytes(),
    }
}

fn shown(aaguid: &[u8]) -> String {
    Uuid::from_slice(aaguid).unwrap_or_default().to_string()
}
