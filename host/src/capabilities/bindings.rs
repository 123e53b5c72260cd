//! The WIT packages as Rust traits and types.
//!
//! Both worlds share one set of types, so that a value passes from the one
//! component to the other without conversion.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; WIT documents it"
)]

pub mod passkey_manager {
    wasmtime::component::bindgen!({
        path: ["../wit/host", "../wit/store", "../wit/passkeys", "../wit/components"],
        world: "zeropass:components/passkey-manager",
        imports: {
            default: async,
            "zeropass:host/log.write": async | trappable,
        },
        exports: { default: async },
        additional_derives: [PartialEq],
    });
}

pub mod auth_service {
    wasmtime::component::bindgen!({
        path: ["../wit/host", "../wit/store", "../wit/passkeys", "../wit/components"],
        world: "zeropass:components/auth-service",
        imports: { default: async },
        exports: { default: async },
        additional_derives: [PartialEq],
        with: {
            "zeropass:host/log": super::passkey_manager::zeropass::host::log,
            "zeropass:host/relying-party": super::passkey_manager::zeropass::host::relying_party,
            "zeropass:store/types": super::passkey_manager::zeropass::store::types,
            "zeropass:passkeys/types": super::passkey_manager::zeropass::passkeys::types,
        },
    });
}

pub use auth_service::zeropass::host::{caller, tokens};
pub use auth_service::zeropass::passkeys::{authentication, lifecycle, registration};
pub use auth_service::zeropass::store::{accounts, sessions};
pub use passkey_manager::zeropass::host::{log, relying_party, signatures};
pub use passkey_manager::zeropass::passkeys::types as passkeys;
pub use passkey_manager::zeropass::store::{ceremonies, credentials, types as store};
