//! `zeropass:passkeys` on the wire: the types of `wit/passkeys`, and its functions.
#![allow(missing_docs, reason = "the fields are documented in WIT")]

use serde::de::IntoDeserializer as _;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Deserializer, Serialize};

use super::mirror::{record, words};
use super::{Bytes, Function, Package, Wire};
use crate::capabilities::bindings::{passkeys, relying_party};
use crate::policy::action;

words! {
    Code = passkeys::Code {
        Malformed, TooLarge, NotPermitted, NotFound, CeremonyExpired, CeremonyUsed, OriginMismatch,
        RpIdMismatch, ChallengeMismatch, UserPresenceMissing, UserVerificationMissing,
        SignatureInvalid, CounterRegressed, CredentialUnknown, CredentialSuspended,
        CredentialExists, UserHandleMismatch, AlgorithmNotAllowed, AttestationInvalid,
        AttestationUntrusted, RateLimited, Busy,
    }
}
words! { Status = passkeys::Status { Active, Suspended } }
words! { UserVerification = relying_party::UserVerification { Required, Preferred, Discouraged } }
words! { ResidentKey = relying_party::ResidentKey { Required, Preferred, Discouraged } }
words! {
    AttestationConveyance = relying_party::AttestationConveyance {
        None, Indirect, Direct, Enterprise,
    }
}

record! {
    Rejection = passkeys::Rejection {
        #[serde(deserialize_with = "code_or_no")]
        code: Code,
        #[serde(default)]
        detail: String,
        #[serde(default, deserialize_with = "known")]
        remedy: Option<Remedy>,
    }
}

/// A code that only a newer version knows says no all the same, and its detail says why.
fn code_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    let word = String::deserialize(deserializer)?;
    let known: Result<Code, ValueError> = Code::deserialize(word.into_deserializer());
    Ok(known.unwrap_or(Code::NotPermitted))
}

/// None for what only a newer version knows.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Remedy>, D::Error> {
    let value = Option::<ciborium::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| value.deserialized().ok()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    RetryAfter(u32),
    SignalUnknownCredential,
}

impl Wire<passkeys::Remedy> for Remedy {
    fn of(native: passkeys::Remedy) -> Self {
        match native {
            passkeys::Remedy::RetryAfter(seconds) => Self::RetryAfter(seconds),
            passkeys::Remedy::SignalUnknownCredential => Self::SignalUnknownCredential,
        }
    }

    fn native(self) -> passkeys::Remedy {
        match self {
            Self::RetryAfter(seconds) => passkeys::Remedy::RetryAfter(seconds),
            Self::SignalUnknownCredential => passkeys::Remedy::SignalUnknownCredential,
        }
    }
}

/// Extensions of an older version, which has none: an empty JSON object.
fn no_extensions() -> String {
    "{}".into()
}

record! {
    User = passkeys::User {
        id: String,
        name: String,
        display_name: String,
    }
}
record! {
    Passkey = passkeys::Passkey {
        id: Bytes,
        user_id: String,
        label: String,
        status: Status,
        created_at: u64,
        #[serde(default)]
        last_used_at: Option<u64>,
        algorithm: i32,
        aaguid: Bytes,
        #[serde(default)]
        provider: Option<String>,
        #[serde(default)]
        transports: Vec<String>,
        backup_eligible: bool,
        backup_state: bool,
        sign_count: u32,
        #[serde(default)]
        suspended_at: Option<u64>,
        #[serde(default)]
        clone_alarm_at: Option<u64>,
    }
}
record! {
    PasskeyChange = passkeys::PasskeyChange {
        #[serde(default)]
        label: Option<String>,
        #[serde(default)]
        status: Option<Status>,
    }
}
record! {
    Descriptor = passkeys::Descriptor {
        id: Bytes,
        #[serde(default)]
        transports: Vec<String>,
    }
}
record! {
    RegistrationRequest = passkeys::RegistrationRequest {
        rp_id: String,
        user: User,
        #[serde(default)]
        user_verification: Option<UserVerification>,
        #[serde(default)]
        resident_key: Option<ResidentKey>,
        #[serde(default)]
        attestation: Option<AttestationConveyance>,
        #[serde(default)]
        conditional: bool,
        #[serde(default)]
        hints: Vec<String>,
        #[serde(default = "no_extensions")]
        extensions: String,
    }
}
record! {
    CreationOptions = passkeys::CreationOptions {
        ceremony: String,
        expires_at: u64,
        rp_id: String,
        rp_name: String,
        user: User,
        challenge: Bytes,
        algorithms: Vec<i32>,
        timeout: u32,
        #[serde(default)]
        exclude_credentials: Vec<Descriptor>,
        user_verification: UserVerification,
        resident_key: ResidentKey,
        attestation: AttestationConveyance,
        #[serde(default)]
        hints: Vec<String>,
        extensions: String,
    }
}
record! {
    RegistrationResponse = passkeys::RegistrationResponse {
        id: String,
        raw_id: Bytes,
        client_data_json: Bytes,
        attestation_object: Bytes,
        #[serde(default)]
        transports: Vec<String>,
        client_extension_results: String,
    }
}
record! {
    Registered = passkeys::Registered {
        passkey: Passkey,
        user: User,
        #[serde(default = "no_extensions")]
        extensions: String,
    }
}
record! {
    AuthenticationRequest = passkeys::AuthenticationRequest {
        rp_id: String,
        subject: Subject,
        #[serde(default)]
        user_verification: Option<UserVerification>,
        #[serde(default)]
        hints: Vec<String>,
        #[serde(default = "no_extensions")]
        extensions: String,
    }
}
record! {
    RequestOptions = passkeys::RequestOptions {
        ceremony: String,
        expires_at: u64,
        rp_id: String,
        challenge: Bytes,
        timeout: u32,
        #[serde(default)]
        allow_credentials: Vec<Descriptor>,
        user_verification: UserVerification,
        #[serde(default)]
        hints: Vec<String>,
        extensions: String,
    }
}
record! {
    AuthenticationResponse = passkeys::AuthenticationResponse {
        id: String,
        raw_id: Bytes,
        client_data_json: Bytes,
        authenticator_data: Bytes,
        signature: Bytes,
        #[serde(default)]
        user_handle: Option<Bytes>,
        client_extension_results: String,
    }
}
record! {
    Authenticated = passkeys::Authenticated {
        user_id: String,
        passkey: Passkey,
        user_verified: bool,
        #[serde(default = "no_extensions")]
        extensions: String,
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Anyone,
    Account(String),
    UnknownName(String),
}

impl Wire<passkeys::Subject> for Subject {
    fn of(native: passkeys::Subject) -> Self {
        match native {
            passkeys::Subject::Anyone => Self::Anyone,
            passkeys::Subject::Account(id) => Self::Account(id),
            passkeys::Subject::UnknownName(name) => Self::UnknownName(name),
        }
    }

    fn native(self) -> passkeys::Subject {
        match self {
            Self::Anyone => passkeys::Subject::Anyone,
            Self::Account(id) => passkeys::Subject::Account(id),
            Self::UnknownName(name) => passkeys::Subject::UnknownName(name),
        }
    }
}

// ---- Functions.

/// A function of this package: its arguments, its answer, and whether it may be
/// called again when its answer got lost.
macro_rules! functions {
    ($($action:ident $arguments:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),+ } -> $answer:ty, $repeatable:literal;)+) => {
        $(
            #[derive(Clone, Serialize, Deserialize)]
            #[serde(rename_all = "kebab-case")]
            pub struct $arguments { $($(#[$attribute])* pub $field: $type),+ }

            impl Function for action::$action {
                const PACKAGE: Package = Package::Passkeys;
                const REPEATABLE: bool = $repeatable;
                type Arguments = $arguments;
                type Answer = $answer;
                type Error = Rejection;
            }
        )+
    };
}

functions! {
    // A second ceremony is one that nobody finishes.
    RegistrationBegin BeginRegistration { request: RegistrationRequest } -> CreationOptions, true;
    RegistrationFinish FinishRegistration {
        rp_id: String, ceremony: String, response: RegistrationResponse,
        #[serde(default)] label: Option<String>
    } -> Registered, false;
    AuthenticationBegin BeginAuthentication { request: AuthenticationRequest } -> RequestOptions, true;
    AuthenticationFinish FinishAuthentication {
        rp_id: String, ceremony: String, response: AuthenticationResponse
    } -> Authenticated, false;
    LifecycleList List { rp_id: String, user_id: String } -> Vec<Passkey>, true;
    LifecycleGet Get { rp_id: String, user_id: String, id: Bytes } -> Passkey, true;
    LifecycleRename Rename { rp_id: String, user_id: String, id: Bytes, label: String } -> Passkey, false;
    LifecycleSuspend Suspend { rp_id: String, user_id: String, id: Bytes } -> Passkey, false;
    LifecycleResume Resume { rp_id: String, user_id: String, id: Bytes } -> Passkey, false;
    LifecycleChange Change {
        rp_id: String, user_id: String, id: Bytes, change: PasskeyChange
    } -> Passkey, false;
    LifecycleRevoke Revoke { rp_id: String, user_id: String, id: Bytes } -> (), false;
    LifecycleWithdraw Withdraw { rp_id: String, user_id: String, id: Bytes } -> (), false;
}
