//! The bodies of a registration: WebAuthn L3 sections 5.1 (RegistrationResponseJSON)
//! and 5.1.9 (PublicKeyCredentialCreationOptionsJSON).

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    extensions::{asked, client_results, inputs},
    id::{credential_id, uuid},
    object::{Malformed, Object},
    passkey::{DescriptorJson, PasskeyJson, UserJson},
    signal::user_handle,
    text,
    words::{LONGEST_WORD, MOST_HINTS, USER_VERIFICATION, user_verification_word, word},
};
use crate::{
    base64url,
    host::{
        AttestationConveyance, CreationOptions, RegistrationResponse, ResidentKey, UserVerification,
    },
    time::rfc3339,
};

/// At most so many transports (WebAuthn L3 section 5.8.4); unknown ones are kept.
const MOST_TRANSPORTS: usize = 16;

/// The one kind of mediation that changes what is verified.
const MEDIATION: &[(&str, ())] = &[("conditional", ())];

const RESIDENT_KEY: &[(&str, ResidentKey)] = &[
    ("required", ResidentKey::Required),
    ("preferred", ResidentKey::Preferred),
    ("discouraged", ResidentKey::Discouraged),
];

const ATTESTATION: &[(&str, AttestationConveyance)] = &[
    ("none", AttestationConveyance::None),
    ("indirect", AttestationConveyance::Indirect),
    ("direct", AttestationConveyance::Direct),
    ("enterprise", AttestationConveyance::Enterprise),
];

/// The body of `POST /v1/registrations`.
pub struct Begin {
    /// None takes the caller's only relying party.
    pub rp_id: Option<String>,
    /// The relying party's own id of the person.
    pub user_id: Option<Uuid>,
    /// What the person signs in with.
    pub name: String,
    /// What the person is called.
    pub display_name: String,
    /// None takes the relying party's default, here and below.
    pub user_verification: Option<UserVerification>,
    /// WebAuthn L3 section 5.4.6.
    pub resident_key: Option<ResidentKey>,
    /// WebAuthn L3 section 5.4.7.
    pub attestation: Option<AttestationConveyance>,
    /// WebAuthn L3 section 5.1.3: nobody is asked.
    pub conditional: bool,
    /// WebAuthn L3 section 5.8.7.
    pub hints: Vec<String>,
    /// Extension inputs, an object in JSON.
    pub extensions: String,
}

/// The body of `POST /v1/registrations/{ceremony}`.
pub struct Finish {
    /// None takes the caller's only relying party.
    pub rp_id: Option<String>,
    /// None lets the passkey be named after its provider.
    pub label: Option<String>,
    /// What the authenticator answered.
    pub response: RegistrationResponse,
}

/// The answer to `POST /v1/registrations`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    ceremony: String,
    expires_at: String,
    public_key: CreationOptionsJson,
}

/// The answer to `POST /v1/registrations/{ceremony}`.
#[derive(Serialize)]
#[allow(missing_docs, reason = "openapi.json documents each field")]
pub struct Finished {
    pub passkey: PasskeyJson,
    pub user: UserJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationOptionsJson {
    rp: Entity,
    user: UserJson,
    challenge: String,
    pub_key_cred_params: Vec<Parameter>,
    timeout: u32,
    exclude_credentials: Vec<DescriptorJson>,
    authenticator_selection: Selection,
    attestation: &'static str,
    hints: Vec<String>,
    extensions: Map<String, Value>,
}

#[derive(Serialize)]
struct Entity {
    id: String,
    name: String,
}

#[derive(Serialize)]
struct Parameter {
    r#type: &'static str,
    alg: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

// === impl Begin ===

impl Begin {
    /// Read the body.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&[
            "user",
            "rpId",
            "userVerification",
            "attestation",
            "residentKey",
            "mediation",
            "hints",
            "extensions",
        ])?;
        let user = root.object("user")?;
        user.only(&["name", "displayName", "id"])?;
        Ok(Self {
            rp_id: root.optional_string("rpId")?.map(str::to_owned),
            user_id: uuid(&user, "id")?,
            name: text::required(&user, "name")?.to_owned(),
            display_name: text::required(&user, "displayName")?.to_owned(),
            user_verification: root.optional_word("userVerification", USER_VERIFICATION)?,
            resident_key: root.optional_word("residentKey", RESIDENT_KEY)?,
            attestation: root.optional_word("attestation", ATTESTATION)?,
            conditional: root.optional_word("mediation", MEDIATION)?.is_some(),
            hints: root.strings("hints", MOST_HINTS, LONGEST_WORD)?,
            extensions: inputs(&root)?,
        })
    }
}

// === impl Finish ===

impl Finish {
    /// Read the body. Browsers add fields to the credential; they are not looked at.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&["credential", "label", "rpId"])?;
        let credential = root.object("credential")?;
        let (id, raw_id) = credential_id(&credential)?;
        let response = credential.object("response")?;
        Ok(Self {
            rp_id: root.optional_string("rpId")?.map(str::to_owned),
            label: text::optional(&root, "label")?.map(str::to_owned),
            response: RegistrationResponse {
                id,
                raw_id,
                client_data_json: response.bytes("clientDataJSON")?,
                attestation_object: response.bytes("attestationObject")?,
                transports: response.strings("transports", MOST_TRANSPORTS, LONGEST_WORD)?,
                client_extension_results: client_results(&credential)?,
            },
        })
    }
}

// === impl Begun ===

impl From<CreationOptions> for Begun {
    fn from(options: CreationOptions) -> Self {
        let user_handle = user_handle(&options.user.id);
        Self {
            ceremony: options.ceremony,
            expires_at: rfc3339(options.expires_at),
            public_key: CreationOptionsJson {
                rp: Entity {
                    id: options.rp_id,
                    name: options.rp_name,
                },
                user: UserJson {
                    id: user_handle,
                    name: options.user.name,
                    display_name: options.user.display_name,
                },
                challenge: base64url::encode(&options.challenge),
                pub_key_cred_params: options
                    .algorithms
                    .into_iter()
                    .map(|alg| Parameter {
                        r#type: "public-key",
                        alg,
                    })
                    .collect(),
                timeout: options.timeout,
                exclude_credentials: options
                    .exclude_credentials
                    .into_iter()
                    .map(DescriptorJson::from)
                    .collect(),
                authenticator_selection: Selection {
                    resident_key: word(RESIDENT_KEY, options.resident_key),
                    require_resident_key: options.resident_key == ResidentKey::Required,
                    user_verification: user_verification_word(options.user_verification),
                },
                attestation: word(ATTESTATION, options.attestation),
                hints: options.hints,
                extensions: asked(&options.extensions),
            },
        }
    }
}
