#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[path = "../../tests/ceremonies/kit/mod.rs"]
#[allow(dead_code, unused_imports)]
mod kit;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::authenticator_data(bytes));
