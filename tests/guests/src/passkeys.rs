//! A passkey-manager without passkeys: it answers the host's probe as a good one does,
//! begins sign-ins that nobody can finish, and knows nothing else.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::unimplemented, clippy::todo)]
#![allow(rust_2018_idioms)]

wit_bindgen::generate!({
    path: ["../../wit/host", "../../wit/store", "../../wit/passkeys", "../../wit/components"],
    world: "zeropass:components/passkey-manager",
    generate_all,
    pub_export_macro: true,
});

use exports::zeropass::passkeys::{authentication, lifecycle, registration};

pub use zeropass::passkeys::types::{Code, Rejection};
use zeropass::passkeys::types::{Passkey, PasskeyChange, UserVerification};

/// The relying party of the probe, which can't exist.
const NOWHERE: &str = "probe.invalid";

/// What a guest does before it answers well.
pub trait Misbehaves {
    fn misbehave() -> Result<(), Rejection>;
}

pub fn denied() -> Rejection {
    Rejection {
        code: Code::NotPermitted,
        detail: "this component denies everything".into(),
        remedy: None,
    }
}

impl<T: Misbehaves> authentication::Guest for T {
    fn begin(
        request: authentication::BeginRequest,
    ) -> Result<authentication::RequestOptions, Rejection> {
        if request.rp_id == NOWHERE {
            return Err(denied());
        }
        T::misbehave()?;
        Ok(authentication::RequestOptions {
            ceremony: "none".into(),
            expires_at: 4_000_000_000_000,
            rp_id: request.rp_id,
            challenge: vec![7; 32],
            timeout: 60_000,
            allow_credentials: Vec::new(),
            user_verification: UserVerification::Preferred,
            hints: request.hints,
            extensions: "{}".into(),
        })
    }

    fn finish(
        _: String,
        _: String,
        _: authentication::Response,
    ) -> Result<authentication::Authenticated, Rejection> {
        Err(denied())
    }
}

impl<T: Misbehaves> registration::Guest for T {
    fn begin(_: registration::BeginRequest) -> Result<registration::CreationOptions, Rejection> {
        Err(denied())
    }

    fn finish(
        _: String,
        _: String,
        _: registration::Response,
        _: Option<String>,
    ) -> Result<registration::Registered, Rejection> {
        Err(denied())
    }
}

impl<T: Misbehaves> lifecycle::Guest for T {
    fn list(_: String, _: String) -> Result<Vec<Passkey>, Rejection> {
        Err(denied())
    }

    fn get(_: String, _: String, _: Vec<u8>) -> Result<Passkey, Rejection> {
        Err(denied())
    }

    fn rename(_: String, _: String, _: Vec<u8>, _: String) -> Result<Passkey, Rejection> {
        Err(denied())
    }

    fn suspend(_: String, _: String, _: Vec<u8>) -> Result<Passkey, Rejection> {
        Err(denied())
    }

    fn resume(_: String, _: String, _: Vec<u8>) -> Result<Passkey, Rejection> {
        Err(denied())
    }

    fn change(_: String, _: String, _: Vec<u8>, _: PasskeyChange) -> Result<Passkey, Rejection> {
        Err(denied())
    }

    fn revoke(_: String, _: String, _: Vec<u8>) -> Result<(), Rejection> {
        Err(denied())
    }

    fn withdraw(_: String, _: String, _: Vec<u8>) -> Result<(), Rejection> {
        Err(denied())
    }
}
