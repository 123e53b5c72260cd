//! Signing in, who is signed in, and signing out.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Finish};
use crate::{App, failure::Failure, session::Person, visitor::Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    name: Option<String>,
}

/// Without a name, the authenticator says who signs in.
pub async fn start(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Body(who): Body<Who>,
) -> Result<Json<Value>, Failure> {
    app.zeropass
        .on_behalf_of(visitor)
        .begin_authentication(who.name.as_deref())
        .await
        .map(Json)
}

/// The session token goes into the cookie, and nowhere else.
pub async fn finish(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Body(finish): Body<Finish>,
) -> Result<impl IntoResponse, Failure> {
    let signed_in = app
        .zeropass
        .on_behalf_of(visitor)
        .finish_authentication(&finish.ceremony, &finish.credential)
        .await?;
    let cookie = app
        .cookie
        .set(&signed_in.session.token)
        .map_err(|_| Failure::new(StatusCode::BAD_GATEWAY, "unexpected"))?;
    let body = json!({ "user": signed_in.user, "passkey": signed_in.passkey });
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(body)))
}

pub async fn me(person: Person) -> Json<Value> {
    Json(json!({ "id": person.id, "name": person.name }))
}

/// The session ends in zeropass first; a cookie that was copied is then worth nothing.
pub async fn sign_out(
    State(app): State<Arc<App>>,
    person: Person,
) -> Result<impl IntoResponse, Failure> {
    let zeropass = app.zeropass.on_behalf_of(person.visitor);
    zeropass.revoke_session(&person.token).await?;
    Ok((
        StatusCode::NO_CONTENT,
        AppendHeaders([(header::SET_COOKIE, app.cookie.clear())]),
    ))
}
