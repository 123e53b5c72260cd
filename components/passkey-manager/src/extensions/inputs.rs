//! Extension inputs: read from a request, strictly, and made into options.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::protection::Protection;
use super::{CRED_PROPS, CRED_PROTECT, LARGE_BLOB, MIN_PIN_LENGTH, PRF};
use crate::base64url;
use crate::bindings::{Code, Rejection};
use crate::rejection::{malformed, reject, too_large};

/// Bytes of the JSON text. A blob to write is the largest thing in it.
const MAX_LENGTH: usize = 8 * 1024;

/// Credentials that inputs of `prf` may name.
const MAX_CREDENTIALS: usize = 64;

/// What a ceremony asks of extensions.
pub struct Inputs {
    /// A JSON object for `publicKey.extensions`.
    pub json: String,
    /// The identifiers of what was asked for, and what was demanded of it.
    pub identifiers: Vec<String>,
}

/// AuthenticationExtensionsClientInputsJSON of a registration.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registration {
    #[serde(skip_serializing_if = "Option::is_none")]
    cred_props: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_protection_policy: Option<Protection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_credential_protection_policy: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_pin_length: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prf: Option<RegistrationPrf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    large_blob: Option<RegistrationBlob>,
}

/// AuthenticationExtensionsClientInputsJSON of a sign-in.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Authentication {
    #[serde(skip_serializing_if = "Option::is_none")]
    prf: Option<AuthenticationPrf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    large_blob: Option<AuthenticationBlob>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RegistrationPrf {
    #[serde(skip_serializing_if = "Option::is_none")]
    eval: Option<Salts>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthenticationPrf {
    #[serde(skip_serializing_if = "Option::is_none")]
    eval: Option<Salts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_by_credential: Option<BTreeMap<String, Salts>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Salts {
    first: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RegistrationBlob {
    support: Support,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Support {
    Required,
    Preferred,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AuthenticationBlob {
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<String>,
}

/// The inputs of a registration: those of the request, and those that the relying
/// party always asks for.
///
/// # Errors
/// `too-large` over 8 KiB, `malformed` for what is not in the standard's form,
/// `not-permitted` for an extension that the relying party does not use.
pub fn registration_inputs(used: &[String], wanted: &str) -> Result<Inputs, Rejection> {
    let mut inputs: Registration = read(wanted)?;
    if inputs.enforce_credential_protection_policy.is_some()
        && inputs.credential_protection_policy.is_none()
    {
        return Err(malformed(
            "extensions: enforceCredentialProtectionPolicy without credentialProtectionPolicy",
        ));
    }
    if let Some(prf) = &inputs.prf {
        prf.eval.iter().try_for_each(Salts::check)?;
    }
    let asked = [
        (CRED_PROPS, inputs.cred_props.is_some()),
        (CRED_PROTECT, inputs.credential_protection_policy.is_some()),
        (MIN_PIN_LENGTH, inputs.min_pin_length.is_some()),
        (PRF, inputs.prf.is_some()),
        (LARGE_BLOB, inputs.large_blob.is_some()),
    ];
    permit(used, &asked)?;
    let uses = |name: &str| used.iter().any(|used| used == name);
    if uses(CRED_PROPS) {
        inputs.cred_props = Some(true);
    }
    if uses(MIN_PIN_LENGTH) {
        inputs.min_pin_length = Some(true);
    }
    let always = [CRED_PROPS, MIN_PIN_LENGTH];
    let enforced = inputs.enforce_credential_protection_policy == Some(true);
    let demand = inputs
        .credential_protection_policy
        .filter(|_| enforced)
        .and_then(Protection::demand);
    let identifiers = asked
        .iter()
        .filter(|(name, asked)| *asked || (always.contains(name) && uses(name)))
        .map(|(name, _)| *name)
        .chain(demand)
        .map(str::to_owned)
        .collect();
    Ok(Inputs {
        json: write(&inputs)?,
        identifiers,
    })
}

/// The inputs of a sign-in, with a name or without. Some are about passkeys of an allow
/// list, which only a sign-in with a name has: every browser refuses them without one
/// (sections 10.1.4 and 10.1.5).
///
/// # Errors
/// As [`registration_inputs`].
pub fn authentication_inputs(
    used: &[String],
    wanted: &str,
    named: bool,
) -> Result<Inputs, Rejection> {
    let inputs: Authentication = read(wanted)?;
    if let Some(prf) = &inputs.prf {
        prf.eval.iter().try_for_each(Salts::check)?;
        if let Some(by_credential) = &prf.eval_by_credential {
            if by_credential.len() > MAX_CREDENTIALS {
                return Err(malformed(format!(
                    "extensions: prf.evalByCredential names more than {MAX_CREDENTIALS} credentials"
                )));
            }
            if !by_credential.is_empty() && !named {
                return Err(nameless("prf.evalByCredential"));
            }
            by_credential.iter().try_for_each(|(id, salts)| {
                if id.is_empty() {
                    return Err(malformed(
                        "extensions: prf.evalByCredential has an empty id",
                    ));
                }
                bytes("prf.evalByCredential", id)?;
                salts.check()
            })?;
        }
    }
    if let Some(blob) = &inputs.large_blob {
        match (blob.read, &blob.write) {
            (Some(true), None) => {}
            (None, Some(_)) if !named => return Err(nameless("largeBlob.write")),
            (None, Some(written)) => bytes("largeBlob.write", written)?,
            _ => {
                return Err(malformed(
                    "extensions: largeBlob needs read = true or write, one of them",
                ));
            }
        }
    }
    let asked = [
        (PRF, inputs.prf.is_some()),
        (LARGE_BLOB, inputs.large_blob.is_some()),
    ];
    permit(used, &asked)?;
    let identifiers = asked
        .iter()
        .filter(|(_, asked)| *asked)
        .map(|(name, _)| (*name).to_owned())
        .collect();
    Ok(Inputs {
        json: write(&inputs)?,
        identifiers,
    })
}

// === impl Salts ===

impl Salts {
    fn check(&self) -> Result<(), Rejection> {
        bytes("prf: first", &self.first)?;
        match &self.second {
            Some(second) => bytes("prf: second", second),
            None => Ok(()),
        }
    }
}

fn read<T: Default + for<'de> Deserialize<'de>>(wanted: &str) -> Result<T, Rejection> {
    // What almost all requests bring.
    if wanted == "{}" {
        return Ok(T::default());
    }
    if wanted.len() > MAX_LENGTH {
        return Err(too_large("extensions", wanted.len(), MAX_LENGTH));
    }
    if !wanted.trim_start().starts_with('{') {
        return Err(malformed("extensions is not a JSON object"));
    }
    // No word of the value: it may be a secret.
    serde_json::from_str(wanted).map_err(|error| {
        malformed(format!(
            "extensions: not of the form that the standard gives them, at column {}",
            error.column()
        ))
    })
}

fn write(inputs: &impl Serialize) -> Result<String, Rejection> {
    serde_json::to_string(inputs).map_err(|_| malformed("extensions can't be written"))
}

fn bytes(what: &str, text: &str) -> Result<(), Rejection> {
    match base64url::decode(text) {
        Some(_) => Ok(()),
        None => Err(malformed(format!("extensions: {what} is not base64url"))),
    }
}

fn nameless(what: &str) -> Rejection {
    malformed(format!(
        "extensions: {what} is about passkeys of an allow list; begin the sign-in with a user"
    ))
}

fn permit(used: &[String], asked: &[(&str, bool)]) -> Result<(), Rejection> {
    let refused = asked
        .iter()
        .find(|(name, asked)| *asked && !used.iter().any(|used| used == name));
    match refused {
        Some((name, _)) => Err(reject(
            Code::NotPermitted,
            format!("the relying party does not use the extension {name}"),
        )),
        None => Ok(()),
    }
}
