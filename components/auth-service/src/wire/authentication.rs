//! The bodies of a sign-in: WebAuthn L3 sections 5.1 (AuthenticationResponseJSON)
//! and 5.1.10 (PublicKeyCredentialRequestOptionsJSON).

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    extensions::{asked, client_results, inputs},
    id::{credential_id, uuid},
    object::{Malformed, Object},
    passkey::{DescriptorJson, PasskeyJson, UserJson},
    text,
    words::{LONGEST_WORD, MOST_HINTS, USER_VERIFICATION, user_verification_word},
};
use crate::{
    base64url,
    host::{AuthenticationResponse, RequestOptions, UserVerification},
    time::rfc3339,
};

/// Who wants to sign in.
pub enum Who {
    /// Whoever the authenticator says.
    Anyone,
    /// By the account's name.
    Name(String),
    /// By the account's id.
    Id(Uuid),
}

/// The body of `POST /v1/authentications`.
pub struct Begin {
    /// None takes the caller's only relying party.
    pub rp_id: Option<String>,
    /// Who wants to sign in.
    pub who: Who,
    /// None takes the relying party's default.
    pub user_verification: Option<UserVerification>,
    /// WebAuthn L3 section 5.8.7.
    pub hints: Vec<String>,
    /// Extension inputs, an object in JSON.
    pub extensions: String,
}

/// The body of `POST /v1/authentications/{ceremony}`.
pub struct Finish {
    /// None takes the caller's only relying party.
    pub rp_id: Option<String>,
    /// What the authenticator answered.
    pub response: AuthenticationResponse,
}

/// The answer to `POST /v1/authentications`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    ceremony: String,
    expires_at: String,
    public_key: RequestOptionsJson,
}

/// The answer to `POST /v1/authentications/{ceremony}`.
#[derive(Serialize)]
#[allow(missing_docs, reason = "openapi.json documents each field")]
pub struct Finished {
    pub user: UserJson,
    pub passkey: PasskeyJson,
    pub session: SessionJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Map<String, Value>>,
}

/// A new session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "openapi.json documents each field")]
pub struct SessionJson {
    pub token: String,
    pub expires_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOptionsJson {
    challenge: String,
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<DescriptorJson>,
    user_verification: &'static str,
    hints: Vec<String>,
    extensions: Map<String, Value>,
}

// === impl Begin ===

impl Begin {
    /// Read the body.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&["user", "rpId", "userVerification", "hints", "extensions"])?;
        Ok(Self {
            rp_id: root.optional_string("rpId")?.map(str::to_owned),
            who: Who::read(&root)?,
            user_verification: root.optional_word("userVerification", USER_VERIFICATION)?,
            hints: root.strings("hints", MOST_HINTS, LONGEST_WORD)?,
            extensions: inputs(&root)?,
        })
    }
}

// === impl Who ===

impl Who {
    fn read(root: &Object<'_>) -> Result<Self, Malformed> {
        let Some(user) = root.optional_object("user")? else {
            return Ok(Self::Anyone);
        };
        user.only(&["name", "id"])?;
        match (text::optional(&user, "name")?, uuid(&user, "id")?) {
            (Some(name), None) => Ok(Self::Name(name.to_owned())),
            (None, Some(id)) => Ok(Self::Id(id)),
            (Some(_), Some(_)) => Err(Malformed::new("user", "both name and id; give one")),
            (None, None) => Err(Malformed::new("user", "neither name nor id")),
        }
    }
}

// === impl Finish ===

impl Finish {
    /// Read the body. Browsers add fields to the credential; they are not looked at.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&["credential", "rpId"])?;
        let credential = root.object("credential")?;
        let (id, raw_id) = credential_id(&credential)?;
        let response = credential.object("response")?;
        // Null where the authenticator keeps no user handle; some say so by an empty one.
        let user_handle = match response.is_null_or_empty("userHandle") {
            true => None,
            false => response.optional_bytes("userHandle")?,
        };
        Ok(Self {
            rp_id: root.optional_string("rpId")?.map(str::to_owned),
            response: AuthenticationResponse {
                id,
                raw_id,
                client_data_json: response.bytes("clientDataJSON")?,
                authenticator_data: response.bytes("authenticatorData")?,
                signature: response.bytes("signature")?,
                user_handle,
                client_extension_results: client_results(&credential)?,
            },
        })
    }
}

// === impl Begun ===

impl From<RequestOptions> for Begun {
    fn from(options: RequestOptions) -> Self {
        Self {
            ceremony: options.ceremony,
            expires_at: rfc3339(options.expires_at),
            public_key: RequestOptionsJson {
                challenge: base64url::encode(&options.challenge),
                timeout: options.timeout,
                rp_id: options.rp_id,
                allow_credentials: options
                    .allow_credentials
                    .into_iter()
                    .map(DescriptorJson::from)
                    .collect(),
                user_verification: user_verification_word(options.user_verification),
                hints: options.hints,
                extensions: asked(&options.extensions),
            },
        }
    }
}
