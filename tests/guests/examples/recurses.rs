//! Calls itself without end.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]
#![allow(unconditional_recursion, reason = "that is the point")]

use std::hint::black_box;

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1))) + depth
}

guests::guest!(|_, outparam| guests::answer(outparam, &deeper(0).to_string()));
