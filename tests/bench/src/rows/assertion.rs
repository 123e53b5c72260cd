//! `assertion`: an ES256 assertion, from the response's bytes to the verdict.
//!
//! Each side gets the ceremony and the credential in memory and the bytes that the
//! browser sent; each parses client data and authenticator data, compares
//! challenge, origin, relying party, flags and counter, and verifies the signature.
//! In the sandbox the signature is checked by the host's capability.

use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey_manager::bindings::authentication::Response as NativeResponse;
use tokio::sync::Mutex;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationExtensionsClientOutputs, AuthenticationState,
    AuthenticatorAssertionResponseRaw, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType,
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
use crate::authenticator::{Assertion, Authenticator};
use crate::bare::{Bare, sandbox};
use crate::native;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{ORIGIN, RP_ID, clock, profile};

/// The sandbox's time over that of native webauthn-rs-core, at most.
const TARGET: f64 = 1.25;

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
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
    let reused_instance = Variant::batches(|times| {
        let (sandboxed, reused) = (&sandboxed, &reused);
        Box::pin(async move {
            let mut reused = reused.lock().await;
            let (instance, store) = &mut *reused;
            let started = Instant::now();
            for _ in 0..times {
                sandboxed.finish(instance, store).await?;
            }
            Ok(started.elapsed())
        })
    });
    let [fresh, reused, without, core, raw] = in_turns(
        ROUNDS,
        BATCH,
        [
            fresh_instance,
            reused_instance,
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
            .at_most(core.median * TARGET, "1.25 times native webauthn-rs-core")
    };
    Ok(vec![
        row(
            "assertion/fresh-instance",
            "ES256 assertion through passkey-manager, an instance for each",
            fresh,
        ),
        row(
            "assertion/reused-instance",
            "the same, one instance for all",
            reused,
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
        let (x, y) = authenticator.coordinates()?;
        let credential = CoreCredential {
            cred_id: authenticator.id.clone(),
            cred: COSEKey {
                type_: COSEAlgorithm::ES256,
                key: COSEKeyType::EC_EC2(COSEEC2Key {
                    curve: ECDSACurve::SECP256R1,
                    x: x.to_vec(),
                    y: y.to_vec(),
                }),
            },
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
) -> anyhow::Result<impl FnMut() -> anyhow::Result<()>> {
    let signed = authenticator.sign(&CHALLENGE)?;
    let hash = digest(&SHA256, &signed.client_data_json);
    let message = [&signed.authenticator_data, hash.as_ref()].concat();
    let point = authenticator.point().to_vec();
    Ok(move || {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point)
            .verify(&message, &signed.signature)
            .map_err(|_| anyhow::anyhow!("the signature did not verify"))
    })
}
