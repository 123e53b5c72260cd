//! Allocates for ever, and touches what it gets.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use std::hint::black_box;

guests::guest!(|_, _| {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 64 * 1024]));
    }
});
