//! `GET /openapi.json`: the description of this API, written by hand. Tests hold
//! it and the routes against each other.

use crate::{call::Call, problem::Problem, response::Response};

/// OpenAPI 3.1, in JSON.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// The document as it stands.
pub fn document(_: &Call<'_>) -> Result<Response, Problem> {
    Ok(Response::document("application/json", DOCUMENT.into()))
}
