//! `/.well-known`: public documents, cacheable for five minutes. A relying
//! party's backend fetches them and serves them to browsers on its own origin.

use serde::Serialize;

use crate::{call::Call, problem::Problem, response::Response};

/// WebAuthn L3 section 5.11.1.
#[derive(Serialize)]
struct RelatedOrigins<'a> {
    origins: &'a [String],
}

/// Passkey Endpoints Well-Known URL, section 2: only those that are known.
#[derive(Serialize)]
struct PasskeyEndpoints<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    enroll: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manage: Option<&'a str>,
}

/// The keys that session tokens are signed with (RFC 7517 section 5).
pub fn jwks(call: &Call<'_>) -> Result<Response, Problem> {
    let keys = call.host.tokens.keys()?;
    // RFC 7517 section 8.5.2.
    Ok(Response::document(
        "application/jwk-set+json",
        keys.into_bytes(),
    ))
}

/// Other origins that may use this relying party's passkeys.
pub fn webauthn(call: &Call<'_>) -> Result<Response, Problem> {
    let party = call.relying_party_of_query()?;
    Ok(document(&RelatedOrigins {
        origins: &party.related_origins,
    }))
}

/// Where a person adds and manages passkeys.
pub fn passkey_endpoints(call: &Call<'_>) -> Result<Response, Problem> {
    let party = call.relying_party_of_query()?;
    Ok(document(&PasskeyEndpoints {
        enroll: party.enroll_url.as_deref(),
        manage: party.manage_url.as_deref(),
    }))
}

fn document(body: &impl Serialize) -> Response {
    // These forms always serialize: string keys, no failing implementation.
    Response::document(
        "application/json",
        serde_json::to_vec(body).unwrap_or_default(),
    )
}
