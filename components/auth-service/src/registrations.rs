//! `POST /v1/registrations` and `/v1/registrations/{ceremony}`.
//!
//! A registration without a user id always makes a new pending account, even
//! for a taken name, so its answer says nothing about who is registered. The
//! name is claimed when the ceremony finishes; who loses that claim keeps no
//! passkey.

use crate::{
    call::Call,
    host::{Account, Host, Level, Registered, RegistrationRequest, StoreError, User},
    problem::Problem,
    response::Response,
    step_up,
    wire::{
        extensions::outputs,
        object,
        registration::{Begin, Begun, Finish, Finished},
    },
};

/// Start a ceremony for a new account, or for one more passkey of an account.
pub fn begin(call: &Call<'_>) -> Result<Response, Problem> {
    let body = Begin::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    let rp_id = &call.relying_party(body.rp_id.as_deref())?.id;
    let account = account(call, rp_id, &body)?;
    let options = call.host.registration.begin(&RegistrationRequest {
        rp_id: rp_id.clone(),
        user: User {
            id: account.id,
            name: account.name,
            display_name: body.display_name,
        },
        user_verification: body.user_verification,
        resident_key: body.resident_key,
        attestation: body.attestation,
        conditional: body.conditional,
        hints: body.hints,
        extensions: body.extensions,
    })?;
    let ceremony = options.ceremony.clone();
    Ok(Response::json(201, &Begun::from(options)).created_at("/v1/registrations", &ceremony))
}

/// Verify the authenticator's answer, keep the passkey, and claim the name.
pub fn finish(call: &Call<'_>) -> Result<Response, Problem> {
    let ceremony = call.ceremony()?;
    let body = Finish::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    let rp_id = &call.relying_party(body.rp_id.as_deref())?.id;
    let registered =
        call.host
            .registration
            .finish(rp_id, ceremony, &body.response, body.label.as_deref())?;
    let account = match call.host.accounts.activate(rp_id, &registered.user.id) {
        Ok(account) => account,
        Err(StoreError::Exists) => {
            withdraw(&call.host, rp_id, &registered);
            return Err(Problem::not_permitted(
                "the name belongs to another account",
            ));
        }
        Err(StoreError::NotFound) => {
            withdraw(&call.host, rp_id, &registered);
            return Err(Problem::not_found(
                "the account is gone; begin a new registration",
            ));
        }
        // The passkey stays: the first sign-in with it activates the account.
        Err(error) => return Err(error.into()),
    };
    let extensions = outputs(&registered.extensions);
    Ok(Response::json(
        201,
        &Finished {
            passkey: registered.passkey.into(),
            user: account.into(),
            extensions,
        },
    ))
}

/// The account that the passkey will belong to.
fn account(call: &Call<'_>, rp_id: &str, body: &Begin) -> Result<Account, Problem> {
    let host = &call.host;
    let Some(id) = body.user_id else {
        return Ok(host
            .accounts
            .create(rp_id, None, &body.name, &body.display_name)?);
    };
    let id = id.to_string();
    let found = match host.accounts.find_by_id(rp_id, &id) {
        Err(StoreError::NotFound) => {
            match host
                .accounts
                .create(rp_id, Some(&id), &body.name, &body.display_name)
            {
                // A parallel request was first with this id.
                Err(StoreError::Exists) => host.accounts.find_by_id(rp_id, &id)?,
                created => return Ok(created?),
            }
        }
        found => found?,
    };
    // A registration renames nobody, and a passkey under a name that its account
    // does not have would sign in as somebody the person did not choose.
    if found.name != body.name {
        return Err(Problem::not_permitted(
            "user.name: the account of this id has another name",
        ));
    }
    // A pending account may have one: where its activation failed.
    step_up::to_add(call, rp_id, &found.id)?;
    Ok(found)
}

/// Take back a passkey whose account can't be had.
fn withdraw(host: &Host<'_>, rp_id: &str, registered: &Registered) {
    let withdrawn = host
        .lifecycle
        .withdraw(rp_id, &registered.user.id, &registered.passkey.id);
    if withdrawn.is_err() {
        // Harmless: its account stays pending, and a sign-in activates it or fails.
        host.log.write(
            Level::Warn,
            &format!(
                "a passkey of account {} was left without a name",
                registered.user.id
            ),
        );
    }
}
