//! Client extensions (WebAuthn L3 section 9): which ones are asked for, and
//! what is read from their results.
//!
//! Results that nobody asked for are ignored, as sections 7.1 and 7.2 allow;
//! extensions that were asked for but not answered are never an error.

use serde::Deserialize;

use crate::bindings::Rejection;
use crate::rejection::{malformed, too_large};

/// The identifier of the credential properties extension (section 10.1.3).
pub const CRED_PROPS: &str = "credProps";

/// Extension inputs of a registration, as a JSON object.
pub const REGISTRATION_INPUTS: &str = r#"{"credProps":true}"#;

/// Extension inputs of an authentication, as a JSON object.
pub const AUTHENTICATION_INPUTS: &str = "{}";

const MAX_RESULTS_LENGTH: usize = 16 * 1024;

/// The results that mean something to this component.
#[derive(Debug, Default, Deserialize)]
pub struct ClientResults {
    #[serde(rename = "credProps")]
    cred_props: Option<CredentialProperties>,
}

#[derive(Debug, Default, Deserialize)]
struct CredentialProperties {
    rk: Option<bool>,
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
        serde_json::from_str(json)
            .map_err(|error| malformed(format!("clientExtensionResults: {error}")))
    }

    /// Whether the passkey is discoverable, if that was asked and answered.
    pub fn discoverable(&self, asked: &[String]) -> Option<bool> {
        if !asked.iter().any(|name| name == CRED_PROPS) {
            return None;
        }
        self.cred_props
            .as_ref()
            .and_then(|properties| properties.rk)
    }
}
