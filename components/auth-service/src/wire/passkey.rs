//! A passkey and a user in JSON.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    object::{Malformed, Object},
    text,
};
use crate::{
    base64url,
    host::{Account, Descriptor, Passkey, Status},
    time::rfc3339,
};

/// A passkey as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "openapi.json documents each field")]
pub struct PasskeyJson {
    pub id: String,
    pub user_id: String,
    pub label: String,
    pub status: &'static str,
    pub created_at: String,
    pub last_used_at: Option<String>,
    pub algorithm: i32,
    pub aaguid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub transports: Vec<String>,
    pub backup_eligible: bool,
    pub backup_state: bool,
    pub sign_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone_alarm_at: Option<String>,
}

/// A person as the API shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "openapi.json documents each field")]
pub struct UserJson {
    pub id: String,
    pub name: String,
    pub display_name: String,
}

/// WebAuthn L3 section 5.8.3, PublicKeyCredentialDescriptorJSON.
#[derive(Serialize)]
#[allow(missing_docs, reason = "the standard documents each field")]
pub struct DescriptorJson {
    pub r#type: &'static str,
    pub id: String,
    pub transports: Vec<String>,
}

/// The body of `PATCH /v1/users/{user}/passkeys/{passkey}`: something changes.
pub struct Change {
    /// A new label.
    pub label: Option<String>,
    /// Suspend or resume.
    pub status: Option<Status>,
}

// === impl PasskeyJson ===

impl From<Passkey> for PasskeyJson {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: base64url::encode(&passkey.id),
            user_id: passkey.user_id,
            label: passkey.label,
            status: match passkey.status {
                Status::Active => "active",
                Status::Suspended => "suspended",
            },
            created_at: rfc3339(passkey.created_at),
            last_used_at: passkey.last_used_at.map(rfc3339),
            algorithm: passkey.algorithm,
            // Anything but 16 bytes breaks the contract: it says nothing.
            aaguid: Uuid::from_slice(&passkey.aaguid)
                .unwrap_or_default()
                .to_string(),
            provider: passkey.provider,
            transports: passkey.transports,
            backup_eligible: passkey.backup_eligible,
            backup_state: passkey.backup_state,
            sign_count: passkey.sign_count,
            suspended_at: passkey.suspended_at.map(rfc3339),
            clone_alarm_at: passkey.clone_alarm_at.map(rfc3339),
        }
    }
}

// === impl UserJson ===

impl From<Account> for UserJson {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            display_name: account.display_name,
        }
    }
}

// === impl DescriptorJson ===

impl From<Descriptor> for DescriptorJson {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            r#type: "public-key",
            id: base64url::encode(&descriptor.id),
            transports: descriptor.transports,
        }
    }
}

// === impl Change ===

impl Change {
    /// Read the body.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&["label", "status"])?;
        let label = text::optional(&root, "label")?.map(str::to_owned);
        let status = root.optional_word(
            "status",
            &[("active", Status::Active), ("suspended", Status::Suspended)],
        )?;
        if label.is_none() && status.is_none() {
            return Err(Malformed::new("body", "neither label nor status"));
        }
        Ok(Self { label, status })
    }
}
