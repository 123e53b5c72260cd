//! Signing in with a passkey (WebAuthn L3 section 7.2): as a named account, as a
//! name that has no passkeys, or as whoever the authenticator says.
//!
//! A named sign-in makes the same host calls and the same shape of answer whether
//! or not the name has passkeys.

use crate::assertion::{self, Assertion};
use crate::authenticator_data::AuthenticatorData;
use crate::authenticators;
use crate::base64url;
use crate::bindings::authentication::{Authenticated, BeginRequest, RequestOptions, Response};
use crate::bindings::ceremonies::{Ceremony, Kind, User};
use crate::bindings::credentials::{Credential, Use};
use crate::bindings::relying_party::{LifecyclePolicy, Profile};
use crate::bindings::{Code, Descriptor, Passkey, Rejection, Subject, store};
use crate::ceremony;
use crate::client_data::ClientData;
use crate::decoys;
use crate::extensions::{self, ClientResults};
use crate::host::Host;
use crate::rejection::{absent, malformed, reject, too_large};
use crate::transports;
use crate::user_handle;

/// The most bytes of authenticator data and of a signature that are accepted. Real
/// ones have some hundreds; post-quantum signatures have some thousands.
const MAX_AUTHENTICATOR_DATA: usize = 16 * 1024;
const MAX_SIGNATURE: usize = 8 * 1024;

/// How often a use is recorded anew when another sign-in of the passkey came first.
const MAX_TRIES: usize = 4;

/// The allow list of a sign-in, and whom it is for.
struct Allowed {
    user_id: Option<String>,
    credentials: Vec<Descriptor>,
}

/// Begin a sign-in: options for `navigator.credentials.get()`.
///
/// # Errors
/// `malformed` for an account id that is no UUID or for bad hints, and those of the relying party
/// and the store.
pub fn begin(host: &impl Host, request: BeginRequest) -> Result<RequestOptions, Rejection> {
    let rp_id = request.rp_id;
    let hints = transports::parse("hints", &request.hints)?;
    let profile = host.describe(&rp_id)?;
    let with_list = !matches!(request.subject, Subject::Anyone);
    let inputs =
        extensions::authentication_inputs(&profile.extensions, &request.extensions, with_list)?;
    let allowed = match &request.subject {
        Subject::Anyone => Allowed {
            user_id: None,
            credentials: Vec::new(),
        },
        Subject::Account(id) => {
            user_handle::of(id)?;
            named(host, &profile, id, Some(id))?
        }
        Subject::UnknownName(name) => named(host, &profile, name, None)?,
    };

    let ceremony = Ceremony {
        id: ceremony::new_id(host),
        rp_id,
        kind: Kind::Authentication,
        challenge: ceremony::new_challenge(host),
        expires_at: ceremony::expiry(host, &profile),
        user: allowed.user_id.map(|id| User {
            id,
            name: String::new(),
            display_name: String::new(),
        }),
        user_verification: request
            .user_verification
            .unwrap_or(profile.user_verification),
        resident_key: profile.resident_key,
        attestation: profile.attestation,
        algorithms: Vec::new(),
        credentials: allowed
            .credentials
            .iter()
            .map(|descriptor| descriptor.id.clone())
            .collect(),
        extensions: inputs.identifiers,
    };
    host.put_ceremony(&ceremony)?;

    Ok(RequestOptions {
        ceremony: ceremony.id,
        expires_at: ceremony.expires_at,
        rp_id: ceremony.rp_id,
        challenge: ceremony.challenge,
        timeout: profile.ceremony_timeout,
        allow_credentials: allowed.credentials,
        user_verification: ceremony.user_verification,
        hints,
        extensions: inputs.json,
    })
}

/// The allow list of a name. Suspended passkeys stand on it too, so that signing in
/// with one is answered with what is wrong. Without passkeys, a decoy.
fn named(
    host: &impl Host,
    profile: &Profile,
    name: &str,
    account: Option<&str>,
) -> Result<Allowed, Rejection> {
    // Each of these is asked for on both paths, so that they take as long.
    let key = decoys::Key::of(host, &profile.id)?;
    let form = match profile.decoy.clone() {
        Some(form) => Some(form),
        None => host.typical_credential(&profile.id)?,
    };
    let decoy = key.decoy(name, form);
    let nobody = decoys::user_id(&decoy.id);
    let credentials = host.credentials_of(&profile.id, account.unwrap_or(&nobody))?;

    match account {
        Some(id) if !credentials.is_empty() => Ok(Allowed {
            user_id: Some(id.to_owned()),
            credentials: credentials
                .into_iter()
                .map(|credential| Descriptor {
                    id: credential.id,
                    transports: credential.transports,
                })
                .collect(),
        }),
        _ => Ok(Allowed {
            user_id: Some(nobody),
            credentials: vec![decoy],
        }),
    }
}

/// Finish a sign-in: verify the assertion and record the use.
///
/// # Errors
/// The code of the first check that fails. The order is that of section 7.2, but what
/// needs no store comes first, and what is asked of a stored passkey comes after the
/// signature (see [`Assertion::verify`]).
pub fn finish(
    host: &impl Host,
    rp_id: &str,
    ceremony: &str,
    response: Response,
) -> Result<Authenticated, Rejection> {
    let ceremony = ceremony::take(host, rp_id, ceremony, Kind::Authentication)?;
    let profile = host.describe(rp_id)?;

    // Steps 1 to 4: the response's own form.
    ceremony::check_credential_id(&response.id, &response.raw_id)?;
    let results = ClientResults::parse(&response.client_extension_results)?;
    let signature = &response.signature;
    if signature.len() > MAX_SIGNATURE {
        return Err(too_large("signature", signature.len(), MAX_SIGNATURE));
    }
    let bytes = &response.authenticator_data;
    if bytes.len() > MAX_AUTHENTICATOR_DATA {
        return Err(too_large(
            "authenticatorData",
            bytes.len(),
            MAX_AUTHENTICATOR_DATA,
        ));
    }

    // Steps 7 to 18, before 5 and 6: they need no store, and say the same of every
    // passkey.
    let client_data = ClientData::parse(&response.client_data_json)?;
    client_data.check("webauthn.get", &ceremony.challenge, &profile)?;
    let data = AuthenticatorData::parse(bytes)?;
    data.check(rp_id, true, ceremony.user_verification)?;
    let assertion = Assertion {
        client_data: &client_data,
        authenticator_data: bytes,
        data: &data,
        signature,
    };

    // Step 5: a named sign-in takes only what is on its list.
    if ceremony.user.is_some() && !ceremony.credentials.contains(&response.raw_id) {
        return Err(unknown("this passkey is not one of those asked for"));
    }
    let credential = match host.credential(rp_id, &response.raw_id) {
        Ok(credential) => credential,
        Err(store::Error::NotFound) => {
            return Err(refuse_absent(host, &ceremony, &response, &assertion));
        }
        Err(other) => return Err(other.into()),
    };

    // Step 6: whose it is.
    check_user(&ceremony, &response, &credential)?;

    // Steps 19 to 21, and what the extensions told.
    assertion.verify(host, &credential, profile.lifecycle)?;
    let extensions = results.outputs(&ceremony.extensions, data.extensions.as_ref())?;

    // Not of Level 3: what the relying party takes may have changed since. Only who
    // holds the key gets to know.
    authenticators::check_stored(host, &profile, &credential, data.backup_eligible)?;

    // Steps 22 and 24.
    let credential = record(host, rp_id, credential, &assertion, profile.lifecycle)?;
    Ok(Authenticated {
        user_id: credential.user_id.clone(),
        passkey: Passkey::of(host, credential),
        user_verified: data.user_verified,
        extensions,
    })
}

/// Record what changed, in one step with the counter and the backup state that all this
/// rests on. When they changed since they were read, look again.
fn record(
    host: &impl Host,
    rp_id: &str,
    mut credential: Credential,
    assertion: &Assertion<'_>,
    policy: LifecyclePolicy,
) -> Result<Credential, Rejection> {
    let gone = || absent("this passkey was revoked meanwhile");
    let data = assertion.data;
    for _ in 0..MAX_TRIES {
        let counter = match assertion.usable(&credential, policy) {
            Ok(counter) => counter,
            Err(rejection) => {
                if rejection.code == Code::CounterRegressed {
                    warn(host, &credential, &rejection.detail);
                }
                return Err(rejection);
            }
        };
        let used = Use {
            previous_sign_count: credential.sign_count,
            sign_count: counter.keep,
            previous_backup_state: credential.backup_state,
            backup_state: data.backup_state,
            backup_eligible: data.backup_eligible,
            clone_alarm: counter.alarm,
            at: host.now(),
        };
        match host.record_use(rp_id, &credential.id, used) {
            Ok(used) => {
                if counter.alarm {
                    let told = assertion::counter_regressed(credential.sign_count, data.sign_count);
                    warn(host, &credential, &told.detail);
                }
                return Ok(used);
            }
            Err(store::Error::Conflict) => {
                credential =
                    host.credential(rp_id, &credential.id)
                        .map_err(|error| match error {
                            store::Error::NotFound => gone(),
                            other => other.into(),
                        })?;
            }
            Err(store::Error::NotFound) => return Err(gone()),
            Err(other) => return Err(other.into()),
        }
    }
    Err(store::Error::Conflict.into())
}

/// A line for the operator about a counter that did not grow.
fn warn(host: &impl Host, credential: &Credential, detail: &str) {
    host.warn(&format!(
        "passkey {} of user {}: {detail}",
        base64url::encode(&credential.id),
        credential.user_id,
    ));
}

/// What is said of a user handle, also of one that nobody has.
const OTHER_HANDLE: &str = "the user handle is not that of the passkey's account";

/// Section 7.2 step 6: the credential's owner, the pinned user and the user handle
/// must be one.
fn check_user(
    ceremony: &Ceremony,
    response: &Response,
    credential: &Credential,
) -> Result<(), Rejection> {
    let mismatch = |detail| Err(reject(Code::UserHandleMismatch, detail));
    if let Some(user) = &ceremony.user
        && user.id != credential.user_id
    {
        return mismatch("the passkey belongs to another account than the one signing in");
    }
    match &response.user_handle {
        Some(handle) => {
            let owner = user_handle::of(&credential.user_id)
                .map_err(|_| malformed("the stored passkey's owner has no UUID"))?;
            if handle.as_slice() != owner {
                return mismatch(OTHER_HANDLE);
            }
        }
        // Only a named sign-in may go without.
        None if ceremony.user.is_none() => {
            return mismatch("a sign-in without a name needs the user handle");
        }
        None => {}
    }
    Ok(())
}

/// What to say of a credential that is not stored. A decoy is refused exactly as a
/// real credential with a wrong user handle or signature would be; otherwise a guess at
/// either would tell names with passkeys from others.
fn refuse_absent(
    host: &impl Host,
    ceremony: &Ceremony,
    response: &Response,
    assertion: &Assertion<'_>,
) -> Rejection {
    let decoy = ceremony
        .user
        .as_ref()
        .is_some_and(|user| decoys::is_pinned(&response.raw_id, &user.id));
    if !decoy {
        return absent("no such passkey at this relying party");
    }
    if response.user_handle.is_some() {
        return reject(Code::UserHandleMismatch, OTHER_HANDLE);
    }
    let stand_in = decoys::stand_in(&ceremony.rp_id, &response.raw_id);
    assertion
        .verify_signature(host, &stand_in)
        .err()
        .unwrap_or_else(assertion::signature_invalid)
}

fn unknown(detail: &str) -> Rejection {
    reject(Code::CredentialUnknown, detail)
}
