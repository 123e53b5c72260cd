//! Step-up: who adds, changes or removes a passkey has just signed in.
//!
//! Where the relying party's configuration sets `fresh-sign-in`, the backend presents
//! the person's session token in the header `zeropass-session`, and it is proven as
//! introspection proves it; then it must be of this very account, come from a sign-in
//! with user verification, and be no older than that. Without the setting the
//! backend's word is enough, and the header is not read.

use crate::{
    call::Call,
    host::ServedParty,
    http::SESSION_HEADER,
    problem::Problem,
    sessions::{Unproven, prove},
};

/// Before a passkey is added to an account. One that has none needs no sign-in:
/// nobody could have signed in to it, and a session that somebody sends ended with its
/// passkey. What begins so adds the first passkey and no other.
pub(crate) fn to_add(call: &Call<'_>, rp_id: &str, user_id: &str) -> Result<(), Problem> {
    let Some(limit) = limit(call, rp_id) else {
        return Ok(());
    };
    if call.host.lifecycle.list(rp_id, user_id)?.is_empty() {
        return Ok(());
    }
    demand(call, rp_id, user_id, limit)
}

/// Before a passkey is changed or removed.
pub(crate) fn to_change(call: &Call<'_>, rp_id: &str, user_id: &str) -> Result<(), Problem> {
    match limit(call, rp_id) {
        Some(limit) => demand(call, rp_id, user_id, limit),
        None => Ok(()),
    }
}

/// Milliseconds.
fn limit(call: &Call<'_>, rp_id: &str) -> Option<u64> {
    let parties: &[ServedParty] = &call.caller.relying_parties;
    let party = parties.iter().find(|party| party.id == rp_id)?;
    party.fresh_sign_in
}

fn demand(call: &Call<'_>, rp_id: &str, user_id: &str, limit: u64) -> Result<(), Problem> {
    let refuse = |what: &str| {
        Err(Problem::not_permitted(format!(
            "{SESSION_HEADER}: {what}; let the person sign in again, with user verification, and send the token of that session within {} seconds",
            limit / 1000
        )))
    };
    let Some(token) = &call.request.session else {
        return refuse("missing");
    };
    let proven = match prove(call, token) {
        Ok(proven) => proven,
        Err(Unproven::Inactive) => return refuse("not the token of a session that goes on"),
        Err(Unproven::Unknown(problem)) => return Err(problem),
    };
    let claims = &proven.verified.claims;
    if claims.rp_id != rp_id || claims.user_id != user_id {
        return refuse("the session is of another account");
    }
    if !proven.session.user_verified {
        return refuse("the sign-in was without user verification");
    }
    // A sign-in of the future is one of a host whose clock is ahead.
    if call
        .host
        .clock
        .now()
        .saturating_sub(proven.session.created_at)
        > limit
    {
        return refuse("the sign-in is too long ago");
    }
    Ok(())
}
