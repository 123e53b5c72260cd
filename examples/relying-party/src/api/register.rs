//! A new account, with its first passkey.
//!
//! Nobody is signed in here, so no account is named but by the new one's
//! name. zeropass never adds a passkey to an existing account this way: when
//! the name is taken, the finish is refused with `not-permitted`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::{Body, Finish};
use crate::{App, failure::Failure, visitor::Visitor, zeropass::User};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccount {
    name: String,
    display_name: String,
}

pub async fn start(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Body(new): Body<NewAccount>,
) -> Result<Json<Value>, Failure> {
    let user = User {
        id: None,
        name: &new.name,
        display_name: &new.display_name,
    };
    app.zeropass
        .on_behalf_of(visitor)
        .begin_registration(user, None)
        .await
        .map(Json)
}

/// Gives no session: the page signs in with the new passkey next.
pub async fn finish(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Body(finish): Body<Finish>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let registered = app
        .zeropass
        .on_behalf_of(visitor)
        .finish_registration(&finish.ceremony, &finish.credential)
        .await?;
    Ok((StatusCode::CREATED, Json(registered)))
}
