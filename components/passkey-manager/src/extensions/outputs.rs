//! Extension outputs: the client's, in JSON, and the authenticator's, in CBOR.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{CRED_PROPS, CRED_PROTECT, LARGE_BLOB, MIN_PIN_LENGTH, PRF, protection};
use crate::bindings::Rejection;
use crate::cbor::Value;
use crate::rejection::{malformed, too_large};

const MAX_RESULTS_LENGTH: usize = 16 * 1024;

/// The client's results that mean something to this component.
/// They are read further only where they were asked for.
#[derive(Default, Deserialize)]
pub struct ClientResults {
    #[serde(rename = "credProps")]
    cred_props: Option<Json>,
    prf: Option<Json>,
    #[serde(rename = "largeBlob")]
    large_blob: Option<Json>,
}

// === impl ClientResults ===

impl ClientResults {
    /// Read `clientExtensionResults`, a JSON object.
    ///
    /// # Errors
    /// `too-large` over 16 KiB, `malformed` when it is not such an object.
    pub fn parse(json: &str) -> Result<Self, Rejection> {
        if json.len() > MAX_RESULTS_LENGTH {
            return Err(too_large(
                "clientExtensionResults",
                json.len(),
                MAX_RESULTS_LENGTH,
            ));
        }
        // serde would read a struct from an array too.
        if !json.trim_start().starts_with('{') {
            return Err(malformed("clientExtensionResults is not a JSON object"));
        }
        serde_json::from_str(json).map_err(|error| {
            // No word of the value: it may be a secret.
            malformed(format!(
                "clientExtensionResults: not of the standard's form, line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }

    /// Whether the passkey is discoverable, if that was asked and answered.
    ///
    /// # Errors
    /// `malformed` for an answer of the wrong form.
    pub fn discoverable(&self, asked: &[String]) -> Result<Option<bool>, Rejection> {
        if !asked.iter().any(|name| name == CRED_PROPS) {
            return Ok(None);
        }
        let properties = members(CRED_PROPS, self.cred_props.as_ref())?;
        match properties.and_then(|properties| properties.get("rk")) {
            Some(Json::Bool(rk)) => Ok(Some(*rk)),
            None | Some(Json::Null) => Ok(None),
            Some(_) => Err(malformed("clientExtensionResults.credProps.rk: no boolean")),
        }
    }

    /// What the extensions that were asked for answered, as a JSON object. Of `prf` no
    /// more than whether the passkey has it.
    ///
    /// # Errors
    /// `malformed` for an output of the wrong form, `not-permitted` for a level of
    /// credential protection below the one that the ceremony demands.
    pub fn outputs(
        &self,
        asked: &[String],
        authenticator: Option<&Value<'_>>,
    ) -> Result<String, Rejection> {
        let mut outputs = Map::new();
        for name in asked {
            let output = match name.as_str() {
                CRED_PROPS => self.discoverable(asked)?.map(|rk| object("rk", rk.into())),
                PRF => self.prf()?,
                LARGE_BLOB => self.large_blob()?,
                CRED_PROTECT => number(authenticator, CRED_PROTECT, 1..=3)?,
                MIN_PIN_LENGTH => number(authenticator, MIN_PIN_LENGTH, 0..=63)?,
                // A demand, or of a later revision, which began this ceremony.
                _ => None,
            };
            if let Some(output) = output {
                outputs.insert(name.clone(), output);
            }
        }
        protection::check(asked, &outputs)?;
        Ok(Json::Object(outputs).to_string())
    }

    fn prf(&self) -> Result<Option<Json>, Rejection> {
        let Some(prf) = members(PRF, self.prf.as_ref())? else {
            return Ok(None);
        };
        match prf.get("enabled") {
            Some(Json::Bool(enabled)) => Ok(Some(object("enabled", (*enabled).into()))),
            None => Ok(None),
            Some(_) => Err(malformed("clientExtensionResults.prf.enabled: no boolean")),
        }
    }

    fn large_blob(&self) -> Result<Option<Json>, Rejection> {
        let Some(blob) = members(LARGE_BLOB, self.large_blob.as_ref())? else {
            return Ok(None);
        };
        let mut output = Map::new();
        for (name, value) in blob {
            match (name.as_str(), value) {
                ("supported" | "written", Json::Bool(_)) | ("blob", Json::String(_)) => {
                    output.insert(name.clone(), value.clone());
                }
                ("supported" | "written" | "blob", _) => {
                    return Err(malformed(format!(
                        "clientExtensionResults.largeBlob.{name}: not of its type"
                    )));
                }
                _ => {}
            }
        }
        Ok(Some(Json::Object(output)))
    }
}

fn object(name: &str, value: Json) -> Json {
    Json::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn members<'a>(
    name: &str,
    value: Option<&'a Json>,
) -> Result<Option<&'a Map<String, Json>>, Rejection> {
    match value {
        None => Ok(None),
        Some(Json::Object(members)) => Ok(Some(members)),
        Some(_) => Err(malformed(format!(
            "clientExtensionResults.{name}: no object"
        ))),
    }
}

/// A whole number of the authenticator's outputs.
fn number(
    outputs: Option<&Value<'_>>,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<Json>, Rejection> {
    match outputs.and_then(|outputs| outputs.get(name)) {
        None => Ok(None),
        Some(Value::Integer(number)) if range.contains(number) => Ok(Some((*number).into())),
        Some(_) => Err(malformed(format!(
            "authenticator extensions: {name} is no number from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}
