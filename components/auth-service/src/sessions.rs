//! `POST /v1/sessions/introspect` (RFC 7662) and `/v1/sessions/revoke` (RFC 7009).
//!
//! A token says what was true at sign-in; introspection asks what is true now:
//! the workload, the session, the account and the passkey. Any of them
//! wanting makes the token inactive, and the answer does not say which
//! (RFC 7662 section 2.2). Inactive is final, so it is said of nothing but the token:
//! a host that is busy, or a store or link that does not let this component in at the
//! moment, is `busy`.
//!
//! A token is bound to the workload that it was given to, by its SPIFFE id: the
//! certificate of that id is renewed every few hours, and sessions outlast it. The
//! certificate of the sign-in stays in the token as `cnf`.

use serde::Serialize;

use crate::{
    base64url,
    call::Call,
    host::{
        Account, AccountStatus, Code, Rejection, Session, Status, StoreError, TokenError, Verified,
    },
    problem::Problem,
    response::Response,
    wire::form,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// RFC 7662 section 2.2, with `cnf` of RFC 8705 section 3.1, `auth_time` of
/// OpenID Connect and `amr` of RFC 8176. Times in seconds.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: u64,
    exp: u64,
    auth_time: u64,
    amr: &'a [String],
    uv: bool,
    username: &'a str,
    client_id: &'a str,
    token_type: &'static str,
    cnf: Confirmation,
}

#[derive(Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

/// A token that is worth something now.
pub(crate) struct Proven {
    pub(crate) verified: Verified,
    pub(crate) session: Session,
    account: Account,
}

/// Why no answer says that a token is active.
pub(crate) enum Unproven {
    /// Asked again, the answer is the same.
    Inactive,
    /// The host could not tell now.
    Unknown(Problem),
}

/// What a token is worth now, to this caller.
pub fn introspect(call: &Call<'_>) -> Result<Response, Problem> {
    let token = form::token(call.request.body_of_type(FORM)?)?;
    match prove(call, &token) {
        Ok(proven) => Ok(Response::json(200, &active(&proven))),
        Err(Unproven::Inactive) => Ok(Response::json(200, &Inactive { active: false })),
        Err(Unproven::Unknown(problem)) => Err(problem),
    }
}

/// End a token's session. A token that is worth nothing is no error (RFC 7009
/// section 2.2), but a session that could not be ended is.
pub fn revoke(call: &Call<'_>) -> Result<Response, Problem> {
    let token = form::token(call.request.body_of_type(FORM)?)?;
    let claims = match call.host.tokens.verify(&token) {
        Ok(verified) => verified.claims,
        Err(TokenError::Invalid) => return Ok(Response::empty(200)),
        Err(error) => return Err(error.into()),
    };
    // The caller may have another certificate by now: signing out must work
    // all the same. Another relying party's token is worth nothing here.
    if !serves(call, &claims.rp_id) {
        return Ok(Response::empty(200));
    }
    match call.host.sessions.revoke(&claims.rp_id, &claims.session_id) {
        Ok(()) | Err(StoreError::NotFound) => Ok(Response::empty(200)),
        Err(error) => Err(error.into()),
    }
}

/// What a token is worth now, to this caller; that it was used is written down.
pub(crate) fn prove(call: &Call<'_>, token: &str) -> Result<Proven, Unproven> {
    let host = call.host;
    let verified = host.tokens.verify(token)?;
    let claims = &verified.claims;
    require(verified.workload == call.caller.workload)?;
    require(serves(call, &claims.rp_id))?;
    let session = host.sessions.touch(&claims.rp_id, &claims.session_id)?;
    require(session.user_id == claims.user_id)?;
    require(session.revoked_at.is_none())?;
    require(session.expires_at > host.clock.now())?;
    let account = host.accounts.find_by_id(&claims.rp_id, &claims.user_id)?;
    require(account.status == AccountStatus::Active)?;
    let passkey = host
        .lifecycle
        .get(&claims.rp_id, &claims.user_id, &session.credential_id)?;
    require(passkey.status == Status::Active)?;
    // A suspension ended the sessions before it, also when it is over.
    require(
        passkey
            .suspended_at
            .is_none_or(|at| at < session.created_at),
    )?;
    Ok(Proven {
        verified,
        session,
        account,
    })
}

fn require(condition: bool) -> Result<(), Unproven> {
    if condition {
        Ok(())
    } else {
        Err(Unproven::Inactive)
    }
}

fn serves(call: &Call<'_>, rp_id: &str) -> bool {
    call.caller
        .relying_parties
        .iter()
        .any(|party| party.id == rp_id)
}

fn active(proven: &Proven) -> Active<'_> {
    let Proven {
        verified,
        session,
        account,
    } = proven;
    let claims = &verified.claims;
    Active {
        active: true,
        iss: &verified.issuer,
        sub: &claims.user_id,
        aud: &claims.rp_id,
        jti: &claims.session_id,
        iat: claims.issued_at / 1000,
        exp: claims.expires_at / 1000,
        auth_time: claims.authenticated_at / 1000,
        amr: &claims.methods,
        uv: session.user_verified,
        username: &account.name,
        // The caller itself.
        client_id: &verified.workload,
        token_type: "Bearer",
        cnf: Confirmation {
            thumbprint: base64url::encode(&verified.certificate_thumbprint),
        },
    }
}

// === impl Unproven ===

impl Unproven {
    /// This component was refused, which says nothing about the token.
    fn withheld() -> Self {
        Self::Unknown(Problem::new(
            Code::Busy,
            "what the token is worth can't be told now; try again",
        ))
    }
}

impl From<TokenError> for Unproven {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Busy => Self::Unknown(error.into()),
            TokenError::NotPermitted => Self::withheld(),
            TokenError::Invalid => Self::Inactive,
        }
    }
}

impl From<StoreError> for Unproven {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Conflict => Self::Unknown(error.into()),
            StoreError::NotPermitted => Self::withheld(),
            _ => Self::Inactive,
        }
    }
}

impl From<Rejection> for Unproven {
    fn from(rejection: Rejection) -> Self {
        match rejection.code {
            Code::Busy | Code::RateLimited => Self::Unknown(rejection.into()),
            Code::NotPermitted => Self::withheld(),
            _ => Self::Inactive,
        }
    }
}
