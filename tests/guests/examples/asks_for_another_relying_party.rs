//! Uses a capability that it has, for a relying party that the caller is not bound
//! to, and tells what came of it.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "the macros generate it")]

wit_bindgen::generate!({
    inline: "package zeropass:guests; world nosy { import zeropass:store/accounts@1.0.0; }",
    path: ["../../wit/host", "../../wit/store"],
    generate_all,
});

use zeropass::store::accounts::find_by_name;
use zeropass::store::types::Error;

/// The path is `/v1/users/{relying party}`.
fn ask(path: &str) -> &'static str {
    match find_by_name(path.trim_start_matches("/v1/users/"), "ada") {
        Ok(_) => "found",
        Err(Error::NotPermitted) => "not-permitted",
        Err(Error::NotFound) => "not-found",
        Err(_) => "another error",
    }
}

guests::guest!(|request, outparam| {
    let answer = ask(&guests::path(request));
    guests::answer(outparam, &format!("{{\"answer\":\"{answer}\"}}"));
});
