//! `GET /v1/users/{user}/signals`: what the page tells the provider of a person's
//! passkeys, so that its list agrees with ours (WebAuthn L3 section 5.1.10).

use crate::{
    call::Call, passkeys::user, problem::Problem, response::Response, wire::signal::Signals,
};

/// The passkeys that are accepted, and what the person is called.
pub fn signals(call: &Call<'_>) -> Result<Response, Problem> {
    let rp_id = &call.relying_party_of_query()?.id;
    let user = user(call)?;
    let account = call.host.accounts.find_by_id(rp_id, &user)?;
    let passkeys = call.host.lifecycle.list(rp_id, &user)?;
    Ok(Response::json(
        200,
        &Signals::new(rp_id, &account, &passkeys),
    ))
}
