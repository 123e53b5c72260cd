//! The payloads of the Signal API (WebAuthn L3 section 5.1.10): what a page tells the
//! provider of a person's passkeys, ready for the browser's functions.

use serde::Serialize;
use uuid::Uuid;

use crate::{
    base64url,
    host::{Account, Passkey},
};

/// What a refusal of a passkey gives the page to pass on. The member's name is the
/// browser's function, less `signal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    unknown_credential: UnknownCredential,
}

/// UnknownCredentialOptions (section 5.1.10.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnknownCredential {
    rp_id: String,
    credential_id: String,
}

/// Everything there is to tell about an account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signals {
    all_accepted_credentials: AllAcceptedCredentials,
    current_user_details: CurrentUserDetails,
}

/// What a person is called from now on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    current_user_details: CurrentUserDetails,
}

/// AllAcceptedCredentialsOptions (section 5.1.10.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AllAcceptedCredentials {
    rp_id: String,
    user_id: String,
    all_accepted_credential_ids: Vec<String>,
}

/// CurrentUserDetailsOptions (section 5.1.10.4).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrentUserDetails {
    rp_id: String,
    user_id: String,
    name: String,
    display_name: String,
}

// === impl Signal ===

impl Signal {
    /// The relying party has no such passkey.
    pub fn unknown_credential(rp_id: &str, id: &[u8]) -> Self {
        Self {
            unknown_credential: UnknownCredential {
                rp_id: rp_id.to_owned(),
                credential_id: base64url::encode(id),
            },
        }
    }
}

// === impl Signals ===

impl Signals {
    /// Suspended passkeys are among the accepted ones: a provider would remove them for
    /// good, and they may be resumed.
    pub fn new(rp_id: &str, account: &Account, passkeys: &[Passkey]) -> Self {
        Self {
            all_accepted_credentials: AllAcceptedCredentials {
                rp_id: rp_id.to_owned(),
                user_id: user_handle(&account.id),
                all_accepted_credential_ids: passkeys
                    .iter()
                    .map(|passkey| base64url::encode(&passkey.id))
                    .collect(),
            },
            current_user_details: CurrentUserDetails::of(rp_id, account),
        }
    }
}

// === impl Details ===

impl Details {
    /// Of an account.
    pub fn of(rp_id: &str, account: &Account) -> Self {
        Self {
            current_user_details: CurrentUserDetails::of(rp_id, account),
        }
    }
}

// === impl CurrentUserDetails ===

impl CurrentUserDetails {
    fn of(rp_id: &str, account: &Account) -> Self {
        Self {
            rp_id: rp_id.to_owned(),
            user_id: user_handle(&account.id),
            name: account.name.clone(),
            display_name: account.display_name.clone(),
        }
    }
}

/// The user handle of an account, in base64url.
pub(super) fn user_handle(id: &str) -> String {
    match Uuid::try_parse(id) {
        Ok(id) => base64url::encode(id.as_bytes()),
        // Not of the contract; an empty handle is refused by every browser.
        Err(_) => String::new(),
    }
}
