//! `assertion`: an assertion, from the response's bytes to the verdict, by algorithm.
//!
//! Each side gets the ceremony and the credential in memory and the bytes that the
//! browser sent; each parses client data and authenticator data, compares
//! challenge, origin, relying party, flags and counter, and verifies the signature.
//! In the sandbox the signature is checked by the host's capability.

mod sandboxed;
mod signature;
mod unsandboxed;
mod webauthn_rs;

use std::time::Instant;

use tokio::sync::Mutex;
use zeropass::capabilities::bindings::ceremonies::{Ceremony, Kind, User};
use zeropass::capabilities::bindings::relying_party::{
    AttestationConveyance, ResidentKey, UserVerification,
};

use self::sandboxed::Sandboxed;
use self::signature::plain_verification;
use self::unsandboxed::Unsandboxed;
use self::webauthn_rs::Core;
use super::Places;
use crate::authenticator::{Algorithm, Authenticator};
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{RP_ID, clock};

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
