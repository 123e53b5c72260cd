//! What the host does for components: one file per WIT interface.
//!
//! Every function asks the gate first and hands the permit on; a denial is the
//! typed error `not-permitted`, never a trap. A component reaches only the
//! interfaces that its linker holds, which is decided in `registry`; the table in
//! [`interfaces`] is all there is to grant.

pub mod bindings;

mod accounts;
mod caller;
mod ceremonies;
mod codes;
mod context;
mod credentials;
mod ed25519;
mod ed448;
mod errors;
mod link;
mod log;
mod party;
mod passkeys;
mod relying_party;
mod routes;
mod sessions;
mod signatures;
mod state;
mod tokens;

pub use codes::{CODES, code_name};
pub use context::{Attempt, CallContext, Caller, Services};
pub use link::PasskeysLink;
pub(crate) use link::each_function;
pub use party::RelyingParty;
pub(crate) use passkeys::{busy, settle};
pub use routes::Routes;
pub use signatures::{SignatureError, verify as verify_signature};
pub use state::CallState;

use wasmtime::component::HasSelf;

use crate::runtime::LinkInterface;
use bindings::{auth_service, passkey_manager};

/// The version of the WIT packages that this host has. Components may use any
/// version that is compatible with it.
pub const WIT_VERSION: &str = "1.0.0";

/// Every zeropass interface that can be granted, with what adds it to a linker.
pub fn interfaces() -> Vec<(&'static str, LinkInterface<CallState>)> {
    use auth_service::zeropass::{host as ah, passkeys as ap, store as st};
    use passkey_manager::zeropass::{host as ph, passkeys as pp, store as pt};
    type S = HasSelf<CallState>;
    vec![
        ("zeropass:host/caller@1", |l| {
            ah::caller::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/tokens@1", |l| {
            ah::tokens::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/log@1", |l| {
            ph::log::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/relying-party@1", |l| {
            ph::relying_party::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/signatures@1", |l| {
            ph::signatures::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/types@1", |l| {
            pt::types::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/accounts@1", |l| {
            st::accounts::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/sessions@1", |l| {
            st::sessions::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/credentials@1", |l| {
            pt::credentials::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/ceremonies@1", |l| {
            pt::ceremonies::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/types@1", |l| {
            pp::types::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/registration@1", |l| {
            ap::registration::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/authentication@1", |l| {
            ap::authentication::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/lifecycle@1", |l| {
            ap::lifecycle::add_to_linker::<_, S>(l, |s| s)
        }),
    ]
}
