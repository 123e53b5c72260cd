//! An auth-service that wants the credentials themselves.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "the macros generate it")]

wit_bindgen::generate!({
    inline: "package zeropass:guests; world thief { import zeropass:store/credentials@1.0.0; }",
    path: ["../../wit/host", "../../wit/store"],
    generate_all,
});

use zeropass::store::credentials;

guests::guest!(|_, outparam| {
    let all = credentials::list_for_user("example.com", "00000000-0000-4000-8000-000000000000");
    guests::answer(
        outparam,
        if all.is_ok() {
            "{\"stolen\":true}"
        } else {
            "{\"stolen\":false}"
        },
    );
});
