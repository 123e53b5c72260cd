//! `PATCH /v1/users/{user}`: what a person is called.
//!
//! A person signs in with the name, so it stays unique among the active accounts of a
//! relying party. Passkeys, sessions and the user handle stay as they are; the answer
//! says what the page tells the person's passkey provider (WebAuthn L3 section
//! 5.1.10.4).

use serde::Serialize;

use crate::{
    call::Call,
    host::StoreError,
    passkeys::user,
    problem::Problem,
    response::Response,
    wire::{object, passkey::UserJson, signal::Details, user::Change},
};

#[derive(Serialize)]
struct Changed {
    user: UserJson,
    signal: Details,
}

/// Give a person another name, another display name, or both.
pub fn change(call: &Call<'_>) -> Result<Response, Problem> {
    let rp_id = &call.relying_party_of_query()?.id;
    let user = user(call)?;
    let Change(change) = Change::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    let changed = call.host.accounts.change(rp_id, &user, &change);
    let account = changed.map_err(|error| match error {
        StoreError::Exists => Problem::not_permitted("name: it belongs to another account"),
        StoreError::NotFound => Problem::not_found("there is no such user"),
        error => error.into(),
    })?;
    Ok(Response::json(
        200,
        &Changed {
            signal: Details::of(rp_id, &account),
            user: account.into(),
        },
    ))
}
