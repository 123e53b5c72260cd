//! Prints for ever, and minds no error.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use std::io::Write as _;

guests::guest!(|_, _| {
    loop {
        let _ = std::io::stdout().write_all(b"the same line over and over again\n");
    }
});
