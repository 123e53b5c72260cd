//! `POST /v1/authentications` and `/v1/authentications/{ceremony}`.
//!
//! Whether a name is known shows in no answer here: the link makes options for
//! unknown names that look like those for known ones. A sign-in ends with a
//! session in the store and a token that is bound to the caller's certificate.

use crate::{
    call::Call,
    host::{
        Account, AccountStatus, Authenticated, AuthenticationRequest, Claims, Host, StoreError,
        Subject,
    },
    problem::Problem,
    response::Response,
    time::rfc3339,
    wire::{
        authentication::{Begin, Begun, Finish, Finished, SessionJson, Who},
        extensions::outputs,
        object,
        signal::Signal,
    },
};

/// Start a sign-in, for somebody or for whoever comes.
pub fn begin(call: &Call<'_>) -> Result<Response, Problem> {
    let body = Begin::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    let rp_id = &call.relying_party(body.rp_id.as_deref())?.id;
    let options = call.host.authentication.begin(&AuthenticationRequest {
        rp_id: rp_id.clone(),
        subject: subject(&call.host, rp_id, body.who)?,
        user_verification: body.user_verification,
        hints: body.hints,
        extensions: body.extensions,
    })?;
    let ceremony = options.ceremony.clone();
    Ok(Response::json(201, &Begun::from(options)).created_at("/v1/authentications", &ceremony))
}

/// Verify the assertion and open a session.
pub fn finish(call: &Call<'_>) -> Result<Response, Problem> {
    let ceremony = call.ceremony()?;
    let body = Finish::read(&object::parse(
        call.request.body_of_type("application/json")?,
    )?)?;
    let rp_id = &call.relying_party(body.rp_id.as_deref())?.id;
    let authenticated = call
        .host
        .authentication
        .finish(rp_id, ceremony, &body.response)
        .map_err(|rejection| {
            Problem::from(rejection)
                .signalling(|| Signal::unknown_credential(rp_id, &body.response.raw_id))
        })?;
    let account = active_account(&call.host, rp_id, &authenticated.user_id)?;
    let session = open_session(&call.host, rp_id, &account, &authenticated)?;
    let extensions = outputs(&authenticated.extensions);
    Ok(Response::json(
        200,
        &Finished {
            user: account.into(),
            passkey: authenticated.passkey.into(),
            session,
            extensions,
        },
    ))
}

fn subject(host: &Host<'_>, rp_id: &str, who: Who) -> Result<Subject, Problem> {
    let (found, sought) = match who {
        Who::Anyone => return Ok(Subject::Anyone),
        Who::Name(name) => (host.accounts.find_by_name(rp_id, &name), name),
        Who::Id(id) => {
            let id = id.to_string();
            (host.accounts.find_by_id(rp_id, &id), id)
        }
    };
    match found {
        Ok(account) => Ok(Subject::Account(account.id)),
        Err(StoreError::NotFound) => Ok(Subject::UnknownName(sought)),
        Err(error) => Err(error.into()),
    }
}

/// The account behind a passkey. One that is still pending, because its
/// registration broke off after the passkey was stored, becomes active now.
fn active_account(host: &Host<'_>, rp_id: &str, user_id: &str) -> Result<Account, Problem> {
    let found = match host.accounts.find_by_id(rp_id, user_id) {
        Ok(account) if account.status == AccountStatus::Active => Ok(account),
        Ok(_) => host.accounts.activate(rp_id, user_id),
        Err(error) => Err(error),
    };
    found.map_err(|error| match error {
        StoreError::NotFound | StoreError::Exists => {
            Problem::credential_unknown("the passkey belongs to no account that can sign in")
        }
        error => error.into(),
    })
}

fn open_session(
    host: &Host<'_>,
    rp_id: &str,
    account: &Account,
    authenticated: &Authenticated,
) -> Result<SessionJson, Problem> {
    let session = host.sessions.create(
        rp_id,
        &account.id,
        &authenticated.passkey.id,
        authenticated.user_verified,
    )?;
    let token = host.tokens.sign(&Claims {
        rp_id: rp_id.to_owned(),
        user_id: account.id.clone(),
        session_id: session.id,
        issued_at: session.created_at,
        expires_at: session.expires_at,
        authenticated_at: session.created_at,
        methods: methods(authenticated.user_verified),
        user_verified: authenticated.user_verified,
    })?;
    Ok(SessionJson {
        token,
        expires_at: rfc3339(session.expires_at),
    })
}

/// RFC 8176 section 2: proof of possession of a key, with the user present as
/// every assertion has it. Several factors only when the authenticator also
/// verified who it was.
fn methods(user_verified: bool) -> Vec<String> {
    let factors = if user_verified {
        &["pop", "user", "mfa"][..]
    } else {
        &["pop", "user"][..]
    };
    factors.iter().map(|method| (*method).to_owned()).collect()
}
