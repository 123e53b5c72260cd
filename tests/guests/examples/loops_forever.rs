//! Computes for ever.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use std::hint::black_box;

guests::guest!(|_, _| {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
});
