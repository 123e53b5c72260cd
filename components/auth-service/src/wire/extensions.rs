//! Extensions on their way through: inputs to passkey-manager, which judges them, and
//! outputs back.
//!
//! The results of `prf` are secrets of the page. A page that sends them makes a
//! mistake, and they go no further than this file.

use serde_json::{Map, Value};

use super::object::{Malformed, Object};

/// `extensions` of a body, an object in JSON; `{}` when it is not there.
pub(super) fn inputs(body: &Object<'_>) -> Result<String, Malformed> {
    body.json("extensions")
}

/// `clientExtensionResults` of a credential without the results of `prf`.
pub(super) fn client_results(credential: &Object<'_>) -> Result<String, Malformed> {
    const FIELD: &str = "clientExtensionResults";
    let Some(results) = credential.optional_object(FIELD)? else {
        return Ok("{}".into());
    };
    let Some(prf) = results.optional_object("prf").ok().flatten() else {
        return credential.json(FIELD);
    };
    let mut stripped = results.fields().clone();
    let mut kept = prf.fields().clone();
    kept.remove("results");
    stripped.insert("prf".into(), Value::Object(kept));
    Ok(Value::Object(stripped).to_string())
}

/// Outputs from the contract's JSON text, when there are any.
pub fn outputs(json: &str) -> Option<Map<String, Value>> {
    serde_json::from_str::<Map<String, Value>>(json)
        .ok()
        .filter(|outputs| !outputs.is_empty())
}

/// Extension inputs from the contract's JSON text. Text that is no object
/// breaks the contract and asks for no extension.
pub(super) fn asked(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}
