//! aws-lc-rs alone: what nobody can leave out.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::CHALLENGE;
use crate::authenticator::{Algorithm, Authenticator};

pub(super) fn plain_verification(
    authenticator: &Authenticator,
) -> anyhow::Result<impl FnMut() -> anyhow::Result<()> + use<>> {
    let signed = authenticator.sign(&CHALLENGE)?;
    let hash = digest(&SHA256, &signed.client_data_json);
    let message = [&signed.authenticator_data, hash.as_ref()].concat();
    let algorithm: &'static dyn VerificationAlgorithm = match authenticator.algorithm() {
        Algorithm::Es256 => &ECDSA_P256_SHA256_ASN1,
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::EdDsa => &ED25519,
    };
    let public = authenticator.public().to_vec();
    Ok(move || {
        UnparsedPublicKey::new(algorithm, &public)
            .verify(&message, &signed.signature)
            .map_err(|_| anyhow::anyhow!("the signature did not verify"))
    })
}
