//! Registering a new passkey (WebAuthn L3 section 7.1).
//!
//! The policy of a registration is settled when it begins and kept with the
//! stored ceremony; what finishes it reads nothing else but the relying party's
//! origins, and which authenticators it takes.

use crate::attestation::{self, Evidence};
use crate::attestation_object::AttestationObject;
use crate::authenticator_data::AuthenticatorData;
use crate::authenticators;
use crate::bindings::ceremonies::{self, Ceremony, Kind};
use crate::bindings::credentials::{Credential, Status};
use crate::bindings::registration::{BeginRequest, CreationOptions, Registered, Response};
use crate::bindings::relying_party::{AttestationConveyance, ResidentKey};
use crate::bindings::{Code, Descriptor, Passkey, Rejection, User, store};
use crate::ceremony;
use crate::client_data::ClientData;
use crate::cose::{CoseKey, REGISTRABLE};
use crate::decoys;
use crate::extensions::{self, ClientResults};
use crate::host::Host;
use crate::label;
use crate::mediation;
use crate::provider;
use crate::rejection::{malformed, reject};
use crate::transports;
use crate::user_handle;

/// The label of a passkey whose product is not known.
const DEFAULT_LABEL: &str = "Passkey";

/// Begin a registration: options for `navigator.credentials.create()`.
///
/// # Errors
/// `malformed` for a user id that is no UUID or for bad hints,
/// `algorithm-not-allowed` when the relying party offers nothing that can be
/// registered, `not-permitted` for enterprise attestation where that is not taken, and
/// those of the relying party and the store.
pub fn begin(host: &impl Host, request: BeginRequest) -> Result<CreationOptions, Rejection> {
    user_handle::of(&request.user.id)?;
    let hints = transports::parse("hints", &request.hints)?;
    let profile = host.describe(&request.rp_id)?;
    let algorithms: Vec<i32> = profile
        .algorithms
        .iter()
        .copied()
        .filter(|algorithm| REGISTRABLE.contains(algorithm))
        .collect();
    if algorithms.is_empty() {
        return Err(reject(
            Code::AlgorithmNotAllowed,
            format!(
                "the relying party offers the COSE algorithms {:?}, and of {REGISTRABLE:?} one at least is needed",
                profile.algorithms
            ),
        ));
    }
    let inputs = extensions::registration_inputs(&profile.extensions, &request.extensions)?;
    let mut asked = inputs.identifiers;
    asked.extend(mediation::identifier(request.conditional));
    let attestation = request.attestation.unwrap_or(profile.attestation);
    if attestation == AttestationConveyance::Enterprise && !profile.authenticators.enterprise {
        return Err(reject(
            Code::NotPermitted,
            "this relying party does not ask for enterprise attestation",
        ));
    }
    let existing = host.credentials_of(&request.rp_id, &request.user.id)?;

    let user = request.user;
    let ceremony = Ceremony {
        id: ceremony::new_id(host),
        rp_id: request.rp_id,
        kind: Kind::Registration,
        challenge: ceremony::new_challenge(host),
        expires_at: ceremony::expiry(host, &profile),
        user: Some(ceremonies::User {
            id: user.id.clone(),
            name: user.name.clone(),
            display_name: user.display_name.clone(),
        }),
        user_verification: request
            .user_verification
            .unwrap_or(profile.user_verification),
        resident_key: request.resident_key.unwrap_or(profile.resident_key),
        attestation,
        algorithms,
        credentials: existing.iter().map(|known| known.id.clone()).collect(),
        extensions: asked,
    };
    host.put_ceremony(&ceremony)?;

    Ok(CreationOptions {
        ceremony: ceremony.id,
        expires_at: ceremony.expires_at,
        rp_id: ceremony.rp_id,
        rp_name: profile.name,
        user,
        challenge: ceremony.challenge,
        algorithms: ceremony.algorithms,
        timeout: profile.ceremony_timeout,
        exclude_credentials: existing
            .into_iter()
            .map(|known| Descriptor {
                id: known.id,
                transports: known.transports,
            })
            .collect(),
        user_verification: ceremony.user_verification,
        resident_key: ceremony.resident_key,
        attestation: ceremony.attestation,
        hints,
        extensions: inputs.json,
    })
}

/// Finish a registration: verify what the browser returned, and store the passkey.
///
/// # Errors
/// The code of the first check that fails, in the order of section 7.1.
pub fn finish(
    host: &impl Host,
    rp_id: &str,
    ceremony: &str,
    response: Response,
    label: Option<String>,
) -> Result<Registered, Rejection> {
    let ceremony = ceremony::take(host, rp_id, ceremony, Kind::Registration)?;
    let user = ceremony
        .user
        .as_ref()
        .ok_or_else(|| malformed("the stored registration names no user"))?;
    let profile = host.describe(rp_id)?;

    // Steps 1 to 4: the response's own form.
    ceremony::check_credential_id(&response.id, &response.raw_id)?;
    let transports = transports::parse("transports", &response.transports)?;
    let results = ClientResults::parse(&response.client_extension_results)?;
    let label = label.as_deref().map(label::parse).transpose()?;

    // Steps 5 to 12: client data.
    let client_data = ClientData::parse(&response.client_data_json)?;
    client_data.check("webauthn.create", &ceremony.challenge, &profile)?;

    // Step 13: the attestation object, and what it holds.
    let object = AttestationObject::parse(&response.attestation_object)?;
    check_enterprise(&object, ceremony.attestation)?;
    let data = AuthenticatorData::parse(object.authenticator_data)?;
    let attested = data
        .attested
        .as_ref()
        .ok_or_else(|| malformed("the authenticator data holds no credential (flag AT)"))?;

    // Steps 14 to 17, and 18. Step 19 is a policy on backup states that nobody set.
    let presence = !mediation::is_conditional(&ceremony);
    data.check(rp_id, presence, ceremony.user_verification)?;
    authenticators::check_backup(&profile.authenticators, data.backup_eligible)?;

    // Level 3 leaves this one out, but the browser's word for the id must not
    // differ from the authenticator's. Step 25, its size, is part of the parse.
    if attested.credential_id != response.raw_id {
        return Err(malformed("rawId is not the id of the attested credential"));
    }

    // Step 20: the algorithm is one that was offered.
    let key = CoseKey::parse(attested.public_key)?;
    if !ceremony.algorithms.contains(&key.algorithm) {
        return Err(reject(
            Code::AlgorithmNotAllowed,
            format!(
                "the passkey uses COSE algorithm {}, and {:?} were offered",
                key.algorithm, ceremony.algorithms
            ),
        ));
    }

    // Steps 21 to 24.
    let model = attestation::verify(
        host,
        &Evidence {
            format: object.format,
            statement: &object.statement,
            authenticator_data: object.authenticator_data,
            client_data_hash: client_data.hash(),
            attested,
            key: &key,
        },
        &attestation::Policy {
            rp_id,
            authenticators: &profile.authenticators,
            conveyance: ceremony.attestation,
        },
    )?;
    authenticators::check_model(host, rp_id, &profile.authenticators, &model)?;
    let aaguid = authenticators::aaguid(&model);

    // What the extensions told.
    let extensions = results.outputs(&ceremony.extensions, data.extensions.as_ref())?;
    let discoverable = results.discoverable(&ceremony.extensions)?;
    check_discoverable(&ceremony, discoverable)?;

    // Step 26: a credential belongs to one account. The store decides for ids
    // that are registered in this very moment.
    if is_taken(host, &ceremony, attested.credential_id)? {
        return Err(taken());
    }

    // Steps 27 and 28: the credential record.
    let provider = provider::of(host, rp_id, aaguid);
    let label = label.unwrap_or_else(|| {
        // Metadata may have names that no label may have.
        let named = provider.as_deref().and_then(|name| label::parse(name).ok());
        named.unwrap_or_else(|| DEFAULT_LABEL.to_owned())
    });
    let credential = Credential {
        rp_id: rp_id.to_owned(),
        user_id: user.id.clone(),
        id: response.raw_id,
        label,
        status: Status::Active,
        created_at: host.now(),
        last_used_at: None,
        public_key: attested.public_key.to_vec(),
        algorithm: key.algorithm,
        sign_count: data.sign_count,
        aaguid: aaguid.to_vec(),
        transports,
        backup_eligible: data.backup_eligible,
        backup_state: data.backup_state,
        user_verified: data.user_verified,
        discoverable,
        attestation_format: object.format.to_owned(),
        suspended_at: None,
        clone_alarm_at: None,
    };
    // Who began on an account without passkeys was not asked for a sign-in.
    let only_first = profile.lifecycle.step_up && ceremony.credentials.is_empty();
    host.insert_credential(&credential, only_first)
        .map_err(|error| match error {
            store::Error::Exists => taken(),
            store::Error::Conflict => reject(
                Code::NotPermitted,
                "the account got a passkey since this registration began; let the person sign in and begin again",
            ),
            other => other.into(),
        })?;

    Ok(Registered {
        passkey: Passkey::from_provider(credential, provider),
        user: User {
            id: user.id.clone(),
            name: user.name.clone(),
            display_name: user.display_name.clone(),
        },
        extensions,
    })
}

/// Whether the id is one that no new passkey may have: it is stored, whoever owns it, or
/// it is the decoy of a name. Of a decoy as much is asked as of a stored one, or else who
/// registers the ids of an allow list would learn which of them are none.
fn is_taken(host: &impl Host, ceremony: &Ceremony, id: &[u8]) -> Result<bool, Rejection> {
    if ceremony.credentials.iter().any(|excluded| excluded == id) {
        return Ok(true);
    }
    let decoy = decoys::Key::of(host, &ceremony.rp_id)?.is_decoy(id);
    match host.credential(&ceremony.rp_id, id) {
        Ok(_) => Ok(true),
        Err(store::Error::NotFound) => Ok(decoy),
        Err(other) => Err(other.into()),
    }
}

fn taken() -> Rejection {
    reject(Code::CredentialExists, "this passkey is registered already")
}

/// Not of Level 3: a passkey that can't be found without its name is none for who requires
/// that (section 5.4.6). Only where the browser tells (`credProps`).
fn check_discoverable(ceremony: &Ceremony, discoverable: Option<bool>) -> Result<(), Rejection> {
    if ceremony.resident_key == ResidentKey::Required && discoverable == Some(false) {
        return Err(reject(
            Code::NotPermitted,
            "a discoverable passkey is required, and this one is not (credProps.rk)",
        ));
    }
    Ok(())
}

/// Not of Level 3: an attestation that tells one device from all others is taken only by
/// who asked for it (section 5.4.7), and is none without a statement.
fn check_enterprise(
    object: &AttestationObject<'_>,
    asked: AttestationConveyance,
) -> Result<(), Rejection> {
    if !object.enterprise {
        return Ok(());
    }
    if asked != AttestationConveyance::Enterprise {
        return Err(reject(
            Code::NotPermitted,
            "the attestation is one of an enterprise (epAtt), and this ceremony did not ask for it",
        ));
    }
    if object.format == "none" {
        return Err(reject(
            Code::AttestationInvalid,
            "the attestation claims to be one of an enterprise (epAtt) and has no statement",
        ));
    }
    Ok(())
}
