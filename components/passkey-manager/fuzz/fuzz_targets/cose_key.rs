#![no_main]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is what the fuzzer looks for"
)]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[path = "../../tests/ceremonies/kit/mod.rs"]
#[allow(dead_code, unused_imports)]
mod kit;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::cose_key(bytes));
