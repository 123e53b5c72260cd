//! The types and functions of the world, as generated from `/wit`. The types
//! are used everywhere in this crate; the imported functions only by
//! `component`.
#![allow(
    missing_docs,
    unsafe_code,
    rust_2018_idioms,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unimplemented,
    clippy::todo,
    reason = "generated; WIT documents it"
)]

wit_bindgen::generate!({
    path: ["../../wit/host", "../../wit/store", "../../wit/passkeys", "../../wit/components"],
    world: "zeropass:components/passkey-manager",
    generate_all,
    pub_export_macro: true,
});

pub use self::exports::zeropass::passkeys::{authentication, lifecycle, registration};
pub use self::zeropass::host::{log, relying_party, signatures};
pub use self::zeropass::passkeys::types::{
    Code, Descriptor, Passkey, PasskeyChange, Rejection, Remedy, Status, Subject, User,
};
pub use self::zeropass::store::{ceremonies, credentials, types as store};
