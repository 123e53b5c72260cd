//! A good body for each request, with what its fields hold.

use serde_json::{Value, json};

use crate::kit::*;

/// What a browser's `toJSON()` gives, with the fields that browsers add.
pub fn registration_response() -> Value {
    json!({
        "id": "AQID-g",
        "rawId": "AQID-g",
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": {
            "clientDataJSON": "e30",
            "attestationObject": "oA",
            "authenticatorData": "AQ",
            "publicKeyAlgorithm": -7,
            "transports": ["internal", "teleport"],
        },
        "clientExtensionResults": {"credProps": {"rk": true}},
    })
}

pub fn authentication_response() -> Value {
    json!({
        "id": "AQID-g",
        "rawId": "AQID-g",
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": {
            "clientDataJSON": "e30",
            "authenticatorData": "AQ",
            "signature": "Ag",
            "userHandle": "Aw",
        },
        "clientExtensionResults": {},
    })
}

/// What a field holds, which decides how it can be wrong.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Text,
    Bytes,
    Object,
    Words,
    /// One word of a list.
    Choice,
    Uuid,
    /// A name, display name or label.
    Shown,
}
use Kind::*;

/// A field's path, what it holds, and whether it is required.
pub type Field = (&'static str, Kind, bool);

/// A good body for each request that has one, with its fields.
pub fn bodies() -> Vec<(&'static str, Value, Vec<Field>)> {
    vec![
        (
            "POST /v1/registrations",
            json!({
                "user": {"name": "ada", "displayName": "Ada L.", "id": USER},
                "rpId": RP,
                "userVerification": "required",
                "attestation": "none",
                "residentKey": "required",
                "mediation": "conditional",
                "hints": ["security-key"],
            }),
            vec![
                ("user", Object, true),
                ("user.name", Shown, true),
                ("user.displayName", Shown, true),
                ("user.id", Uuid, false),
                ("rpId", Text, false),
                ("userVerification", Choice, false),
                ("attestation", Choice, false),
                ("residentKey", Choice, false),
                ("mediation", Choice, false),
                ("hints", Words, false),
            ],
        ),
        (
            "POST /v1/registrations/ceremony-1",
            json!({"credential": registration_response(), "label": "Phone", "rpId": RP}),
            vec![
                ("credential", Object, true),
                ("credential.id", Text, true),
                ("credential.rawId", Bytes, true),
                ("credential.type", Choice, true),
                ("credential.response", Object, true),
                ("credential.response.clientDataJSON", Bytes, true),
                ("credential.response.attestationObject", Bytes, true),
                ("credential.response.transports", Words, false),
                ("credential.clientExtensionResults", Object, false),
                ("label", Shown, false),
                ("rpId", Text, false),
            ],
        ),
        (
            "POST /v1/authentications",
            json!({
                "user": {"name": "ada"},
                "rpId": RP,
                "userVerification": "required",
                "hints": ["hybrid"],
            }),
            vec![
                ("user", Object, false),
                ("user.name", Shown, false),
                ("rpId", Text, false),
                ("userVerification", Choice, false),
                ("hints", Words, false),
            ],
        ),
        (
            "POST /v1/authentications",
            json!({"user": {"id": USER}}),
            vec![("user.id", Uuid, false)],
        ),
        (
            "POST /v1/authentications/ceremony-2",
            json!({"credential": authentication_response(), "rpId": RP}),
            vec![
                ("credential", Object, true),
                ("credential.id", Text, true),
                ("credential.rawId", Bytes, true),
                ("credential.type", Choice, true),
                ("credential.response", Object, true),
                ("credential.response.clientDataJSON", Bytes, true),
                ("credential.response.authenticatorData", Bytes, true),
                ("credential.response.signature", Bytes, true),
                ("credential.response.userHandle", Bytes, false),
                ("credential.clientExtensionResults", Object, false),
                ("rpId", Text, false),
            ],
        ),
        (
            "PATCH /v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a/passkeys/AQID-g",
            json!({"label": "Phone", "status": "active"}),
            vec![("label", Shown, false), ("status", Choice, false)],
        ),
        (
            "PATCH /v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a",
            json!({"name": "ada2", "displayName": "Ada King"}),
            vec![("name", Shown, false), ("displayName", Shown, false)],
        ),
    ]
}
