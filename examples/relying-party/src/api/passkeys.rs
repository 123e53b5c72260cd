//! The passkeys of the person who is signed in: list, add, change, revoke.
//!
//! Every handler takes a [`Person`], so that none can run without one, and
//! passes on that person's id. A passkey of someone else is `not-found`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::Value;

use super::{Body, Finish};
use crate::{
    App,
    failure::Failure,
    id::Id,
    session::Person,
    zeropass::{Change, User},
};

pub async fn list(State(app): State<Arc<App>>, person: Person) -> Result<Json<Value>, Failure> {
    let zeropass = app.zeropass.on_behalf_of(person.visitor);
    zeropass.passkeys(&person.id).await.map(Json)
}

/// For the page to pass on to the provider of the person's passkeys.
pub async fn signals(State(app): State<Arc<App>>, person: Person) -> Result<Json<Value>, Failure> {
    let zeropass = app.zeropass.on_behalf_of(person.visitor);
    zeropass.signals(&person.id).await.map(Json)
}

pub async fn start(State(app): State<Arc<App>>, person: Person) -> Result<Json<Value>, Failure> {
    let user = User {
        id: Some(&person.id),
        name: &person.name,
        display_name: &person.name,
    };
    app.zeropass
        .on_behalf_of(person.visitor)
        .begin_registration(user, Some(&person.token))
        .await
        .map(Json)
}

/// The account is the one that `start` named; zeropass kept it with the ceremony.
pub async fn finish(
    State(app): State<Arc<App>>,
    person: Person,
    Body(finish): Body<Finish>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let registered = app
        .zeropass
        .on_behalf_of(person.visitor)
        .finish_registration(&finish.ceremony, &finish.credential)
        .await?;
    Ok((StatusCode::CREATED, Json(registered)))
}

pub async fn change(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<Value>, Failure> {
    let passkey = Id::parse(id).ok_or_else(Failure::malformed)?;
    app.zeropass
        .on_behalf_of(person.visitor)
        .change_passkey(&person.id, &passkey, &change, &person.token)
        .await
        .map(Json)
}

pub async fn revoke(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let passkey = Id::parse(id).ok_or_else(Failure::malformed)?;
    app.zeropass
        .on_behalf_of(person.visitor)
        .revoke_passkey(&person.id, &passkey, &person.token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
