//! The types of the two components and of the host, made into each other.

use auth_service::host as api;
use auth_service::problem::Problem;
use passkey_manager::bindings as ceremonies;
use zeropass::policy::Denied;
use zeropass::store;

macro_rules! code {
    ($($variant:ident),+) => {
        /// A refusal of passkey-manager in the words of auth-service.
        pub fn rejected(rejection: ceremonies::Rejection) -> Problem {
            Problem::new(
                match rejection.code {
                    $(ceremonies::Code::$variant => api::Code::$variant),+
                },
                rejection.detail,
            )
        }
    };
}
code! {
    Malformed, TooLarge, NotPermitted, NotFound, CeremonyExpired, CeremonyUsed, OriginMismatch,
    RpIdMismatch, ChallengeMismatch, UserPresenceMissing, UserVerificationMissing,
    SignatureInvalid, CounterRegressed, CredentialUnknown, CredentialSuspended, CredentialExists,
    UserHandleMismatch, AlgorithmNotAllowed, AttestationInvalid, AttestationUntrusted, RateLimited,
    Busy
}

/// The host can't answer now.
pub fn busy(detail: &str) -> Problem {
    Problem::new(api::Code::Busy, detail)
}

/// Policy said no.
pub fn denied(_: Denied) -> Problem {
    Problem::not_permitted("policy does not allow this")
}

/// The store said no.
pub fn stored(error: store::Error) -> Problem {
    match error {
        store::Error::NotFound => api::StoreError::NotFound,
        store::Error::Exists => api::StoreError::Exists,
        store::Error::Expired => api::StoreError::Expired,
        store::Error::Used => api::StoreError::Used,
        store::Error::Conflict => api::StoreError::Conflict,
        store::Error::Malformed(_) => api::StoreError::Malformed,
        _ => api::StoreError::Busy,
    }
    .into()
}

/// An account.
pub fn account(account: store::Account) -> api::Account {
    api::Account {
        id: account.id,
        rp_id: account.rp_id,
        name: account.name,
        display_name: account.display_name,
        status: match account.status {
            store::AccountStatus::Pending => api::AccountStatus::Pending,
            store::AccountStatus::Active => api::AccountStatus::Active,
        },
        created_at: account.created_at,
    }
}

/// A passkey.
pub fn passkey(passkey: ceremonies::Passkey) -> api::Passkey {
    api::Passkey {
        id: passkey.id,
        user_id: passkey.user_id,
        label: passkey.label,
        status: match passkey.status {
            ceremonies::Status::Active => api::Status::Active,
            ceremonies::Status::Suspended => api::Status::Suspended,
        },
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
        algorithm: passkey.algorithm,
        aaguid: passkey.aaguid,
        provider: passkey.provider,
        transports: passkey.transports,
        backup_eligible: passkey.backup_eligible,
        backup_state: passkey.backup_state,
        sign_count: passkey.sign_count,
        suspended_at: passkey.suspended_at,
        clone_alarm_at: passkey.clone_alarm_at,
    }
}

/// How a begun sign-in goes to the browser.
pub fn options(options: ceremonies::authentication::RequestOptions) -> api::RequestOptions {
    use ceremonies::relying_party::UserVerification as Theirs;
    api::RequestOptions {
        ceremony: options.ceremony,
        expires_at: options.expires_at,
        rp_id: options.rp_id,
        challenge: options.challenge,
        timeout: options.timeout,
        allow_credentials: options
            .allow_credentials
            .into_iter()
            .map(|descriptor| api::Descriptor {
                id: descriptor.id,
                transports: descriptor.transports,
            })
            .collect(),
        hints: options.hints,
        user_verification: match options.user_verification {
            Theirs::Required => api::UserVerification::Required,
            Theirs::Preferred => api::UserVerification::Preferred,
            Theirs::Discouraged => api::UserVerification::Discouraged,
        },
        extensions: options.extensions,
    }
}

/// What the browser answered.
pub fn response(response: api::AuthenticationResponse) -> ceremonies::authentication::Response {
    ceremonies::authentication::Response {
        id: response.id,
        raw_id: response.raw_id,
        client_data_json: response.client_data_json,
        authenticator_data: response.authenticator_data,
        signature: response.signature,
        user_handle: response.user_handle,
        client_extension_results: response.client_extension_results,
    }
}
