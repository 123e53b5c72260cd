//! `/v1/users/{user}/passkeys`: a person's passkeys after their registration.

use serde::Serialize;

use crate::{
    base64url,
    call::Call,
    host::{PasskeyChange, Status},
    problem::Problem,
    response::Response,
    step_up,
    wire::{
        id::parse_uuid,
        object,
        passkey::{Change, PasskeyJson},
    },
};

#[derive(Serialize)]
struct Many {
    passkeys: Vec<PasskeyJson>,
}

#[derive(Serialize)]
struct One {
    passkey: PasskeyJson,
}

/// All of a person's passkeys.
pub fn list(call: &Call<'_>) -> Result<Response, Problem> {
    let rp_id = &call.relying_party_of_query()?.id;
    let user = user(call)?;
    // An account without passkeys has an empty list; no account is not found.
    call.host.accounts.find_by_id(rp_id, &user)?;
    let passkeys = call.host.lifecycle.list(rp_id, &user)?;
    let passkeys = passkeys.into_iter().map(PasskeyJson::from).collect();
    Ok(Response::json(200, &Many { passkeys }))
}

/// Rename, suspend, resume; label and status change together or not at all.
pub fn change(call: &Call<'_>) -> Result<Response, Problem> {
    let rp_id = &call.relying_party_of_query()?.id;
    let (user, id) = (user(call)?, passkey(call)?);
    let body = Change::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    step_up::to_change(call, rp_id, &user)?;
    let lifecycle = call.host.lifecycle;
    let passkey = match (body.label, body.status) {
        (None, Some(Status::Suspended)) => lifecycle.suspend(rp_id, &user, &id)?,
        (None, Some(Status::Active)) => lifecycle.resume(rp_id, &user, &id)?,
        (Some(label), None) => lifecycle.rename(rp_id, &user, &id, &label)?,
        (label, status) => lifecycle.change(rp_id, &user, &id, &PasskeyChange { label, status })?,
    };
    Ok(Response::json(
        200,
        &One {
            passkey: passkey.into(),
        },
    ))
}

/// Remove a passkey for good.
pub fn revoke(call: &Call<'_>) -> Result<Response, Problem> {
    let rp_id = &call.relying_party_of_query()?.id;
    let (user, id) = (user(call)?, passkey(call)?);
    step_up::to_change(call, rp_id, &user)?;
    call.host.lifecycle.revoke(rp_id, &user, &id)?;
    Ok(Response::empty(204))
}

/// The path's user, in the spelling that the store keeps.
pub(crate) fn user(call: &Call<'_>) -> Result<String, Problem> {
    parse_uuid(call.param(0))
        .map(|id| id.to_string())
        .ok_or_else(|| Problem::not_found("there is no such user"))
}

/// The path's passkey.
fn passkey(call: &Call<'_>) -> Result<Vec<u8>, Problem> {
    base64url::decode(call.param(1))
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Problem::not_found("there is no such passkey"))
}
