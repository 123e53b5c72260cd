#![no_main]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is what the fuzzer looks for"
)]

// One crate has the parts of both.
extern crate zeropass as zeropass_tests;

#[path = "../body.rs"]
mod body;

use std::sync::OnceLock;

use zeropass::clock::{Clock as _, SystemClock};
use zeropass::metadata::Trust;
use zeropass_tests::fido::{Authority, Signer};

/// A root, what it is trusted for, and a signer below it.
fn scene() -> &'static (Trust, Signer) {
    static SCENE: OnceLock<(Trust, Signer)> = OnceLock::new();
    SCENE.get_or_init(|| {
        let authority = Authority::new("Root");
        let file = std::env::temp_dir().join(format!("blob-root-{}", std::process::id()));
        std::fs::write(&file, &authority.der).expect("the root can be written");
        let trust = Trust::load(&[file], None).expect("the root is one");
        (trust, authority.signer())
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (trust, signer) = scene();
    body::blob(bytes, trust, signer, SystemClock.now());
});
