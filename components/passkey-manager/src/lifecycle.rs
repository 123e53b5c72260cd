//! The life of a passkey after its registration: list, look, rename, suspend,
//! resume, revoke.
//!
//! Whether the last active passkey of an account may go is the relying party's
//! policy; the store decides it in the same step as the change.
//!
//! Another account's passkey is `not-found`, the same as none.

use crate::bindings::credentials::{Credential, CredentialChange as Change, Status};
use crate::bindings::{Code, Passkey, PasskeyChange, Rejection, Status as PasskeyStatus};
use crate::host::Host;
use crate::label;
use crate::rejection::reject;

/// An account's passkeys, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list(host: &impl Host, rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, Rejection> {
    let credentials = host.credentials_of(rp_id, user_id)?;
    Ok(Passkey::all(host, credentials))
}

/// One passkey of an account.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn get(host: &impl Host, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
    let credential = host.credential(rp_id, id)?;
    owned(host, credential, user_id)
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
    owned(host, credential, user_id)
}

/// Keep a passkey but let nobody sign in with it. Its sessions end.
///
/// # Errors
/// `not-found`, `not-permitted` for a last passkey that must stay, and those of the
/// store.
pub fn suspend(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<Passkey, Rejection> {
    let keep_last = keeps_last(host, rp_id)?;
    let credential =
        host.set_credential_status(rp_id, user_id, id, Status::Suspended, keep_last)?;
    owned(host, credential, user_id)
}

/// Let a suspended passkey sign in again. A clone alarm is over with it.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn resume(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<Passkey, Rejection> {
    let credential = host.set_credential_status(rp_id, user_id, id, Status::Active, false)?;
    owned(host, credential, user_id)
}

/// Change label and status, both or neither.
///
/// # Errors
/// Those of [`rename`], [`suspend`] and [`resume`].
pub fn change(
    host: &impl Host,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
    change: PasskeyChange,
) -> Result<Passkey, Rejection> {
    let change = Change {
        label: change.label.as_deref().map(label::parse).transpose()?,
        status: change.status.map(|status| match status {
            PasskeyStatus::Active => Status::Active,
            PasskeyStatus::Suspended => Status::Suspended,
        }),
    };
    let keep_last = change.status == Some(Status::Suspended) && keeps_last(host, rp_id)?;
    let credential = host.change_credential(rp_id, user_id, id, &change, keep_last)?;
    owned(host, credential, user_id)
}

/// Remove a passkey for good. Its sessions end.
///
/// # Errors
/// `not-found`, `not-permitted` for a last passkey that must stay, and those of the
/// store.
pub fn revoke(host: &impl Host, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
    let keep_last = keeps_last(host, rp_id)?;
    host.remove_credential(rp_id, user_id, id, keep_last)?;
    Ok(())
}

/// Take back a passkey whose account can't be had; it may be the last one.
///
/// # Errors
/// `not-found`, and those of the store.
pub fn withdraw(host: &impl Host, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
    host.remove_credential(rp_id, user_id, id, false)?;
    Ok(())
}

fn keeps_last(host: &impl Host, rp_id: &str) -> Result<bool, Rejection> {
    Ok(host.describe(rp_id)?.lifecycle.keep_last_passkey)
}

fn owned(host: &impl Host, credential: Credential, user_id: &str) -> Result<Passkey, Rejection> {
    if credential.user_id == user_id {
        Ok(Passkey::of(host, credential))
    } else {
        Err(reject(Code::NotFound, "no such passkey of this account"))
    }
}
