//! Generated from the WIT packages: the types of the contract, and the imported
//! functions. The types are used everywhere in this crate; the functions only in
//! the `component` module, because outside a component they have nothing to call.

#![allow(
    missing_docs,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated; WIT documents it"
)]

wit_bindgen::generate!({
    path: ["../../wit/host", "../../wit/store", "../../wit/passkeys", "../../wit/components"],
    world: "zeropass:components/auth-service",
    generate_all,
    additional_derives: [PartialEq],
});
