//! What the fuzz target of FIDO metadata does with its bytes; the target for `cargo fuzz`
//! and the bounded run of the suite (`tests/tests/metadata`) share it.
//!
//! The bytes are tried twice: as the text of a BLOB, and as a payload that is signed
//! first, so that what stands behind the signature is reached as well. Neither may
//! panic, and what is believed must hold what its payload says.

use serde_json::Value;
use zeropass::metadata::{Blob, Trust};
use zeropass_tests::fido::Signer;

/// Whether the payload was believed.
pub fn blob(bytes: &[u8], trust: &Trust, signer: &Signer, now: u64) -> bool {
    // Whoever changes a BLOB has no signature for it.
    assert!(Blob::read(bytes, trust, now).is_err());
    let Ok(payload) = serde_json::from_slice::<Value>(bytes) else {
        return false;
    };
    let Ok(believed) = Blob::read(signer.sign(&payload).as_bytes(), trust, now) else {
        return false;
    };
    assert_eq!(payload["no"].as_u64(), Some(believed.number()));
    true
}
