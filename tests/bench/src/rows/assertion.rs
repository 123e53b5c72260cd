//! `assertion`: an assertion, from the response's bytes to the verdict, by algorithm.
//!
//! Each side gets the ceremony and the credential in memory and the bytes that the
//! browser sent; each parses client data and authenticator data, compares
//! challenge, origin, relying party, flags and counter, and verifies the signature.
//! In the sandbox the signature is checked by the host's capability.

use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey_manager::bindings::authentication::Response as NativeResponse;
use tokio::sync::Mutex;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationExtensionsClientOutputs, AuthenticationState,
    AuthenticatorAssertionResponseRaw, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey,
    Credential as CoreCredential, ECDSACurve, ParsedAttestation, PublicKeyCredential,
    RegisteredExtensions, UserVerificationPolicy,
};
use zeropass::capabilities::bindings::ceremonies::{Ceremony, Kind, User};
use zeropass::capabilities::bindings::passkeys::AuthenticationResponse;
use zeropass::capabilities::bindings::relying_party::{
    AttestationConveyance, ResidentKey, UserVerification,
};
use zeropass::runtime::Limits;
use zeropass::secrets::Pseudonyms;

use super::Places;
use crate::alone::{Linked, Values};
use crate::authenticator::{Algorithm, Assertion, Authenticator};
use crate::bare::{Bare, sandbox};
use crate::native;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{ORIGIN, RP_ID, clock, profile};

/// A fresh instance's time over that of native webauthn-rs-core, at most.
const FRESH_TARGET: f64 = 1.25;

/// A warm instance's time over that of aws-lc-rs verifying the signature, at most.
const WARM_TARGET: f64 = 1.6;

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let mut rows = es256(places).await?;
    rows.push(
        warm(
            places,
            Algorithm::Rs256,
            "assertion/rs256",
            "RS256 assertion, 2048 bits, one instance for all",
        )
        .await?,
    );
    rows.push(
        warm(
            places,
            Algorithm::EdDsa,
            "assertion/eddsa",
            "EdDSA assertion, Ed25519, one instance for all",
        )
        .await?,
    );
    Ok(rows)
}

/// The same row for another algorithm. webauthn-rs-core stands beside it where it
/// has the algorithm.
async fn warm(
    places: &Places,
    algorithm: Algorithm,
    name: &'static str,
    title: &'static str,
) -> anyhow::Result<Row> {
    let authenticator = Authenticator::of(algorithm)?;
    let core = match algorithm {
        Algorithm::EdDsa => None,
        Algorithm::Es256 | Algorithm::Rs256 => Some(Core::new(&authenticator)?),
    };
    let raw = plain_verification(&authenticator)?;
    let sandboxed = Sandboxed::new(places, &authenticator)?;
    let unsandboxed = Unsandboxed::new(&authenticator)?;
    let reused = Mutex::new(sandboxed.instance().await?);
    let [reused, without, core_time, raw] = in_turns(
        ROUNDS,
        BATCH,
        [
            sandboxed.reusing(&reused),
            Variant::plain(|| unsandboxed.finish()),
            Variant::plain(|| core.as_ref().map_or(Ok(()), Core::authenticate)),
            Variant::plain(raw),
        ],
    )
    .await?
    .map(|stats| stats.scaled(1e-3));
    let mut row = Row::new(name, title, "us", reused);
    if core.is_some() {
        row = row.against("native webauthn-rs-core", core_time);
    }
    Ok(row
        .against("passkey-manager's own code, native", without)
        .against("aws-lc-rs verification alone", raw))
}

async fn es256(places: &Places) -> anyhow::Result<Vec<Row>> {
    let authenticator = Authenticator::new()?;
    let core = Core::new(&authenticator)?;
    let raw = plain_verification(&authenticator)?;
    let sandboxed = Sandboxed::new(places, &authenticator)?;
    let unsandboxed = Unsandboxed::new(&authenticator)?;
    let reused = Mutex::new(sandboxed.instance().await?);

    let fresh_instance = Variant::batches(|times| {
        let sandboxed = &sandboxed;
        Box::pin(async move {
            let started = Instant::now();
            for _ in 0..times {
                let (instance, mut store) = sandboxed.instance().await?;
                sandboxed.finish(&instance, &mut store).await?;
            }
            Ok(started.elapsed())
        })
    });
    let [fresh, reused, without, core, raw] = in_turns(
        ROUNDS,
        BATCH,
        [
            fresh_instance,
            sandboxed.reusing(&reused),
            Variant::plain(|| unsandboxed.finish()),
            Variant::plain(|| core.authenticate()),
            Variant::plain(raw),
        ],
    )
    .await?
    .map(|stats| stats.scaled(1e-3));

    let row = |name, title, stats| {
        Row::new(name, title, "us", stats)
            .against("native webauthn-rs-core", core)
            .against("passkey-manager's own code, native", without)
            .against("aws-lc-rs verification alone", raw)
    };
    Ok(vec![
        row(
            "assertion/fresh-instance",
            "ES256 assertion through passkey-manager, an instance for each",
            fresh,
        )
        .at_most(
            core.median * FRESH_TARGET,
            "1.25 times native webauthn-rs-core",
        ),
        row(
            "assertion/reused-instance",
            "the same, one instance for all",
            reused,
        )
        .at_most(
            raw.median * WARM_TARGET,
            "1.6 times aws-lc-rs verification alone",
        ),
    ])
}

/// The challenge of all assertions that are not webauthn-rs-core's.
const CHALLENGE: [u8; 32] = [42; 32];
const CEREMONY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn ceremony(authenticator: &Authenticator) -> Ceremony {
    Ceremony {
        id: CEREMONY.into(),
        rp_id: RP_ID.into(),
        kind: Kind::Authentication,
        challenge: CHALLENGE.to_vec(),
        expires_at: clock().now() + 3_600_000,
        user: Some(User {
            id: authenticator.user_id.to_string(),
            name: String::new(),
            display_name: String::new(),
        }),
        user_verification: UserVerification::Preferred,
        resident_key: ResidentKey::Preferred,
        attestation: AttestationConveyance::None,
        algorithms: Vec::new(),
        credentials: vec![authenticator.id.clone()],
        extensions: Vec::new(),
    }
}

// === passkey-manager in the sandbox ===

struct Sandboxed {
    // The engine's epoch stops with the runtime in it.
    _bare: Bare,
    linked: Linked,
    values: Values,
    limits: Limits,
    response: AuthenticationResponse,
}

type Instance = (
    zeropass::capabilities::bindings::passkey_manager::PasskeyManager,
    wasmtime::Store<crate::alone::Alone>,
);

impl Sandboxed {
    fn new(places: &Places, authenticator: &Authenticator) -> anyhow::Result<Self> {
        let bare = Bare::new(places, true)?;
        let linked = Linked::new(&bare.passkey_manager_component(places)?)?;
        let signed = authenticator.sign(&CHALLENGE)?;
        // The reused instance lives as long as the row.
        let limits = Limits {
            deadline: std::time::Duration::from_secs(3600),
            ..bare.limits.clone()
        };
        Ok(Self {
            _bare: bare,
            linked,
            values: Values {
                profile: profile(),
                ceremony: ceremony(authenticator),
                credential: authenticator.credential()?.into(),
            },
            limits,
            response: AuthenticationResponse {
                id: URL_SAFE_NO_PAD.encode(&authenticator.id),
                raw_id: authenticator.id.clone(),
                client_data_json: signed.client_data_json,
                authenticator_data: signed.authenticator_data,
                signature: signed.signature,
                user_handle: Some(authenticator.user_id.as_bytes().to_vec()),
                client_extension_results: "{}".into(),
            },
        })
    }

    async fn instance(&self) -> anyhow::Result<Instance> {
        self.linked.instance(&self.values, &self.limits).await
    }

    /// Assertions that all go through this instance.
    fn reusing<'a>(&'a self, reused: &'a Mutex<Instance>) -> Variant<'a> {
        Variant::batches(move |times| {
            Box::pin(async move {
                let mut reused = reused.lock().await;
                let (instance, store) = &mut *reused;
                let started = Instant::now();
                for _ in 0..times {
                    self.finish(instance, store).await?;
                }
                Ok(started.elapsed())
            })
        })
    }

    async fn finish(
        &self,
        instance: &zeropass::capabilities::bindings::passkey_manager::PasskeyManager,
        store: &mut wasmtime::Store<crate::alone::Alone>,
    ) -> anyhow::Result<()> {
        let answer = instance
            .zeropass_passkeys_authentication()
            .call_finish(store, RP_ID, CEREMONY, &self.response)
            .await
            .map_err(sandbox)?;
        match answer {
            Ok(_) => Ok(()),
            Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
        }
    }
}

// === passkey-manager's code natively ===

struct Unsandboxed {
    pseudonyms: Pseudonyms,
    ceremony: passkey_manager::bindings::ceremonies::Ceremony,
    credential: passkey_manager::bindings::credentials::Credential,
    response: NativeResponse,
}

impl Unsandboxed {
    fn new(authenticator: &Authenticator) -> anyhow::Result<Self> {
        let signed = authenticator.sign(&CHALLENGE)?;
        Ok(Self {
            pseudonyms: Pseudonyms::new(&[1; 32]),
            ceremony: native::ceremony(ceremony(authenticator).into()),
            credential: native::credential(authenticator.credential()?),
            response: NativeResponse {
                id: URL_SAFE_NO_PAD.encode(&authenticator.id),
                raw_id: authenticator.id.clone(),
                client_data_json: signed.client_data_json,
                authenticator_data: signed.authenticator_data,
                signature: signed.signature,
                user_handle: Some(authenticator.user_id.as_bytes().to_vec()),
                client_extension_results: "{}".into(),
            },
        })
    }

    fn finish(&self) -> anyhow::Result<()> {
        let mut host =
            native::Values::new(native::profile(profile()), &self.pseudonyms, clock().now());
        host.credentials = vec![self.credential.clone()];
        host.ceremony.replace(Some(self.ceremony.clone()));
        match passkey_manager::authentication::finish(&host, RP_ID, CEREMONY, self.response.clone())
        {
            Ok(_) => Ok(()),
            Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
        }
    }
}

// === webauthn-rs-core natively ===

struct Core {
    core: WebauthnCore,
    state: AuthenticationState,
    response: PublicKeyCredential,
}

impl Core {
    fn new(authenticator: &Authenticator) -> anyhow::Result<Self> {
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

    fn authenticate(&self) -> anyhow::Result<()> {
        self.core
            .authenticate_credential(&self.response, &self.state)?;
        Ok(())
    }
}

// === aws-lc-rs alone ===

fn plain_verification(
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
