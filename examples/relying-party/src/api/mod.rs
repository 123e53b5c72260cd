//! What the page calls: JSON in, JSON out, failures as `{"code": ...}`.
//!
//! | request | body | does |
//! |---|---|---|
//! | POST `/api/register/start` | `{name, displayName}` | begins a new account |
//! | POST `/api/register/finish` | `{ceremony, credential}` | stores its first passkey |
//! | POST `/api/sign-in/start` | `{name?}` | begins a sign-in |
//! | POST `/api/sign-in/finish` | `{ceremony, credential}` | sets the session cookie |
//! | GET `/api/me` | | `{id, name}` of the person |
//! | POST `/api/sign-out` | `{}` | ends the session |
//! | GET `/api/passkeys` | | the person's passkeys |
//! | POST `/api/passkeys/start`, `/finish` | `{}`, `{ceremony, credential}` | adds a passkey |
//! | PATCH `/api/passkeys/{id}` | `{label?, status?}` | renames, suspends, resumes |
//! | DELETE `/api/passkeys/{id}` | | revokes |
//! | GET `/api/signals` | | payloads of the browser's Signal API |
//!
//! A ceremony's id goes through the page: it is single use, and nothing can be
//! done with it without our client certificate. Whose account a request is
//! about never comes from the page, only from the session.

mod passkeys;
mod register;
mod sign_in;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::StatusCode,
    middleware,
    routing::{get, patch, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{App, failure::Failure, guard, id::Id};

/// The largest request body, in bytes; zeropass takes no larger one either.
const LARGEST: usize = 64 * 1024;

/// A JSON body whose rejection has a code.
struct Body<T>(T);

/// The second half of a ceremony.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    ceremony: Id,
    /// What the browser returned, for zeropass to check.
    credential: Value,
}

pub fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/register/start", post(register::start))
        .route("/register/finish", post(register::finish))
        .route("/sign-in/start", post(sign_in::start))
        .route("/sign-in/finish", post(sign_in::finish))
        .route("/me", get(sign_in::me))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/passkeys", get(passkeys::list))
        .route("/signals", get(passkeys::signals))
        .route("/passkeys/start", post(passkeys::start))
        .route("/passkeys/finish", post(passkeys::finish))
        .route(
            "/passkeys/{id}",
            patch(passkeys::change).delete(passkeys::revoke),
        )
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "not-found"))
        .method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "malformed")
        })
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            guard::same_origin,
        ))
        .with_state(Arc::clone(app))
}

// === impl Body ===

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large"))
            }
            Err(_) => Err(Failure::malformed()),
        }
    }
}
