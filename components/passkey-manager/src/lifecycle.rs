//! The life of a passkey after its registration: list, look, rename, suspend,
//! resume, revoke.
//!
//! Another account's passkey is `not-found`, the same as none.

use crate::bindings::credentials::{Credential, Status};
use crate::bindings::{Code, Passkey, Rejection};
use crate::host::Host;
use crate::label;
use crate::rejection::reject;

/// An account's passkeys, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list(host: &impl Host, rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, Rejection> {
    let credentials = host.credentials_of(rp_id, user_id)?;
    Ok(credentials.into_iter().map(Passkey::from).collect())
}

/// One passkey of an account.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn get(host: &impl Host, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
    let credential = host.credential(rp_id, id)?;
    owned(credential, user_id)
}

/// Change a passkey's label.
///
/// # Errors
/// `malformed` for a bad label, `not-found`, and those of the store.
pub fn rename(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
    label: &str,
) -> Result<Passkey, Rejection> {
    let label = label::parse(label)?;
    let credential = host.rename_credential(rp_id, user_id, id, &label)?;
    owned(credential, user_id)
}

/// Keep a passkey but let nobody sign in with it.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn suspend(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<Passkey, Rejection> {
    let credential = host.set_credential_status(rp_id, user_id, id, Status::Suspended)?;
    owned(credential, user_id)
}

/// Let a suspended passkey sign in again.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn resume(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<Passkey, Rejection> {
    let credential = host.set_credential_status(rp_id, user_id, id, Status::Active)?;
    owned(credential, user_id)
}

/// Remove a passkey for good.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn revoke(host: &impl Host, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
    host.remove_credential(rp_id, user_id, id)?;
    Ok(())
}

fn owned(credential: Credential, user_id: &str) -> Result<Passkey, Rejection> {
    if credential.user_id == user_id {
        Ok(credential.into())
    } else {
        Err(reject(Code::NotFound, "no such passkey of this account"))
    }
}
