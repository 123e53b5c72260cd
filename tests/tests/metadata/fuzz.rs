//! The body of the fuzz target on a stable compiler: mutations of whole payloads from a
//! fixed seed. `ZEROPASS_FUZZ_ROUNDS` is another number of them.

use serde_json::json;
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::metadata::Trust;
use zeropass_tests::fido::{Authority, entry};

use super::{Fido, MODEL, body, random};

const ROUNDS: usize = 5_000;

#[test]
fn mutated_blobs_are_read_without_harm() {
    let fido = Fido::new();
    let (trust, signer) = (Trust::load(&[fido.root()], None).unwrap(), &fido.signer);
    let maker = Authority::new("Maker");
    let payload = json!({
        "no": 7,
        "nextUpdate": "2999-12-31",
        "legalHeader": "a header",
        "entries": [
            entry(MODEL, &[&maker.der], &["FIDO_CERTIFIED_L2"]),
            entry([8; 16], &[], &["REVOKED", "ATTESTATION_KEY_COMPROMISE", "NEW_STATUS"]),
        ],
    });
    let whole = payload.to_string().into_bytes();
    let now = SystemClock.now();
    assert!(body::blob(&whole, &trust, signer, now));
    let rounds = std::env::var("ZEROPASS_FUZZ_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = random::Random::new();
    let mut believed = 0;
    for _ in 0..rounds {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(3) {
            random::change(&mut bytes, &mut random);
        }
        believed += usize::from(body::blob(&bytes, &trust, signer, now));
    }
    // Most of them touch a text that nothing rests on, or an entry that is left out.
    assert!(believed > rounds / 10, "{believed} of {rounds}");
}
