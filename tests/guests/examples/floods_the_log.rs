//! Writes to the host's log for ever.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "the macros generate it")]

wit_bindgen::generate!({
    inline: "package zeropass:guests; world flood { import zeropass:host/log@1.0.0; }",
    path: ["../../wit/host"],
    generate_all,
});

use zeropass::host::log::{Level, write};

guests::guest!(|_, _| {
    loop {
        write(Level::Error, "the same line over and over again");
    }
});
