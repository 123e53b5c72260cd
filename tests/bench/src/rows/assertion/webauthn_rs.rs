//! webauthn-rs-core natively.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationExtensionsClientOutputs, AuthenticationState,
    AuthenticatorAssertionResponseRaw, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey,
    Credential as CoreCredential, ECDSACurve, ParsedAttestation, PublicKeyCredential,
    RegisteredExtensions, UserVerificationPolicy,
};

use crate::authenticator::{Algorithm, Assertion, Authenticator};
use crate::subject::{ORIGIN, RP_ID};

pub(super) struct Core {
    core: WebauthnCore,
    state: AuthenticationState,
    response: PublicKeyCredential,
}

impl Core {
    pub(super) fn new(authenticator: &Authenticator) -> anyhow::Result<Self> {
        let core = WebauthnCore::new_unsafe_experts_only(
            "zeropass bench",
            RP_ID,
            vec![ORIGIN.parse()?],
            std::time::Duration::from_secs(300),
            None,
            None,
        );
        let (type_, key) = match authenticator.algorithm() {
            Algorithm::Es256 => {
                let (x, y) = authenticator.coordinates()?;
                let key = COSEEC2Key {
                    curve: ECDSACurve::SECP256R1,
                    x: x.to_vec(),
                    y: y.to_vec(),
                };
                (COSEAlgorithm::ES256, COSEKeyType::EC_EC2(key))
            }
            Algorithm::Rs256 => {
                let key = COSERSAKey {
                    n: authenticator.modulus()?.to_vec(),
                    e: [1, 0, 1],
                };
                (COSEAlgorithm::RS256, COSEKeyType::RSA(key))
            }
            Algorithm::EdDsa => anyhow::bail!("webauthn-rs-core does not verify EdDSA"),
        };
        let credential = CoreCredential {
            cred_id: authenticator.id.clone(),
            cred: COSEKey { type_, key },
            counter: 0,
            transports: None,
            user_verified: true,
            backup_eligible: true,
            backup_state: true,
            registration_policy: UserVerificationPolicy::Preferred,
            extensions: RegisteredExtensions::none(),
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
        };
        let builder = core.new_challenge_authenticate_builder(vec![credential], None)?;
        let (request, state) = core.generate_challenge_authenticate(builder)?;
        let Assertion {
            client_data_json,
            authenticator_data,
            signature,
        } = authenticator.sign(request.public_key.challenge.as_ref())?;
        let response = PublicKeyCredential {
            id: URL_SAFE_NO_PAD.encode(&authenticator.id),
            raw_id: authenticator.id.clone(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data,
                client_data_json,
                signature,
                user_handle: Some(authenticator.user_id.as_bytes().to_vec()),
            },
            extensions: AuthenticationExtensionsClientOutputs::default(),
            type_: "public-key".into(),
        };
        Ok(Self {
            core,
            state,
            response,
        })
    }

    pub(super) fn authenticate(&self) -> anyhow::Result<()> {
        self.core
            .authenticate_credential(&self.response, &self.state)?;
        Ok(())
    }
}
