//! The command on wasm: steps joined to the imports.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ceremony_driver::{
    Attestation, AuthenticationStep, Recording, RegistrationStep, Setting, Steps, Tally,
    UserVerification, Verdict, Wrong, parse,
};

use bindings::zeropass::host::relying_party::{self as party, Profile};
use bindings::zeropass::passkeys::types::{
    AuthenticationResponse, Code, RegistrationResponse, Rejection,
};
use bindings::zeropass::passkeys::{authentication, registration};
use bindings::zeropass::standalone::setup;
use bindings::zeropass::store::ceremonies::{self, Ceremony, Kind, User};

mod bindings {
    #![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic)]
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a failure here is a failure of the test"
    )]
    #![allow(clippy::indexing_slicing, clippy::unimplemented, clippy::todo)]
    #![allow(rust_2018_idioms)]
    wit_bindgen::generate!({
        path: ["../../../wit/host", "../../../wit/store", "../../../wit/passkeys", "../wit"],
        world: "zeropass:standalone/ceremony-driver",
        generate_all,
    });
}

/// Long enough for any replay, in milliseconds.
const TIMEOUT: u32 = 300_000;

/// The ids of the two ceremonies; each recording has a store of its own.
const REGISTRATION: &str = "replayed-registration-";
const AUTHENTICATION: &str = "replayed-authentication";

/// Exit code 2 is for a file that can't be read, whatever the verdicts.
pub fn run() -> ExitCode {
    let mut file = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut file) {
        eprintln!("stdin: {error}");
        return ExitCode::from(2);
    }
    let recordings = match parse(&file) {
        Ok(recordings) => recordings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut tally = Tally::default();
    for recording in &recordings {
        replay(recording, &mut tally);
    }
    println!("{tally}");
    ExitCode::SUCCESS
}

fn replay(recording: &Recording, tally: &mut Tally) {
    let name = &recording.name;
    let steps = Steps::of(recording);
    if let Ok((setting, steps)) = &steps {
        for note in &steps.notes {
            eprintln!("{name}: {note}");
        }
        if setting.policy.now.is_some() {
            eprintln!("{name}: policy.now is not applied: the clock is the machine's");
        }
        setup::start(&profile(setting, steps), &setting.policy.attestation_roots);
    }
    let malformed = |wrong: &Wrong| {
        eprintln!("{name}: {wrong}");
        Verdict::Reject("malformed")
    };
    let registration = match &steps {
        Ok((setting, steps)) => steps
            .registration
            .as_ref()
            .map(|step| register(setting, steps, step)),
        Err(wrong) => Err(wrong),
    };
    let verdict = registration.unwrap_or_else(malformed);
    println!("{}", tally.line(name, "registration", verdict));

    if recording.authentication.is_none() {
        return;
    }
    let authentication = match &steps {
        Ok((setting, steps)) => match &steps.authentication {
            Some(Ok(step)) => Ok(authenticate(setting, steps, step)),
            Some(Err(wrong)) => Err(wrong),
            None => return,
        },
        Err(wrong) => Err(wrong),
    };
    let verdict = authentication.unwrap_or_else(malformed);
    println!("{}", tally.line(name, "authentication", verdict));
}

fn register(setting: &Setting, steps: &Steps, step: &RegistrationStep) -> Verdict {
    let response = RegistrationResponse {
        id: step.id.clone(),
        raw_id: step.raw_id.clone(),
        client_data_json: step.client_data_json.clone(),
        attestation_object: step.attestation_object.clone(),
        transports: Vec::new(),
        client_extension_results: "{}".to_owned(),
    };
    let refused = begin(setting, steps, Kind::Registration, &step.challenge, None);
    refused.unwrap_or_else(|| {
        verdict(registration::finish(
            &setting.rp_id,
            REGISTRATION,
            &response,
            None,
        ))
    })
}

fn authenticate(setting: &Setting, steps: &Steps, step: &AuthenticationStep) -> Verdict {
    let response = AuthenticationResponse {
        id: step.id.clone(),
        raw_id: step.raw_id.clone(),
        client_data_json: step.client_data_json.clone(),
        authenticator_data: step.authenticator_data.clone(),
        signature: step.signature.clone(),
        user_handle: step.user_handle.clone(),
        client_extension_results: "{}".to_owned(),
    };
    let allowed = step.user_handle.is_none().then(|| step.raw_id.clone());
    let kind = Kind::Authentication;
    let refused = begin(setting, steps, kind, &step.challenge, allowed);
    refused.unwrap_or_else(|| {
        verdict(authentication::finish(
            &setting.rp_id,
            AUTHENTICATION,
            &response,
        ))
    })
}

/// Put the ceremony into the store; a verdict only when the store refuses it.
fn begin(
    setting: &Setting,
    steps: &Steps,
    kind: Kind,
    challenge: &[u8],
    allowed: Option<Vec<u8>>,
) -> Option<Verdict> {
    let profile = profile(setting, steps);
    let user = (kind == Kind::Registration || allowed.is_some()).then(|| User {
        id: steps.user.to_string(),
        name: "replayed".to_owned(),
        display_name: "Replayed".to_owned(),
    });
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or_default();
    let put = ceremonies::put(&Ceremony {
        id: match kind {
            Kind::Registration => REGISTRATION,
            Kind::Authentication => AUTHENTICATION,
        }
        .to_owned(),
        rp_id: setting.rp_id.clone(),
        kind,
        challenge: challenge.to_vec(),
        expires_at: now.saturating_add(u64::from(TIMEOUT)),
        user,
        user_verification: profile.user_verification,
        resident_key: profile.resident_key,
        attestation: profile.attestation,
        algorithms: profile.algorithms,
        credentials: allowed.into_iter().collect(),
        extensions: Vec::new(),
    });
    put.err().map(|_| Verdict::Reject("malformed"))
}

fn profile(setting: &Setting, steps: &Steps) -> Profile {
    let policy = &setting.policy;
    Profile {
        id: setting.rp_id.clone(),
        name: setting.rp_id.clone(),
        origins: setting.origins.clone(),
        allow_cross_origin: policy.allow_cross_origin,
        top_origins: policy.top_origins.clone(),
        ceremony_timeout: TIMEOUT,
        user_verification: match policy.user_verification {
            UserVerification::Required => party::UserVerification::Required,
            UserVerification::Preferred => party::UserVerification::Preferred,
            UserVerification::Discouraged => party::UserVerification::Discouraged,
        },
        resident_key: party::ResidentKey::Preferred,
        attestation: match policy.attestation {
            Attestation::None => party::AttestationConveyance::None,
            Attestation::Indirect => party::AttestationConveyance::Indirect,
            Attestation::Direct => party::AttestationConveyance::Direct,
            Attestation::Enterprise => party::AttestationConveyance::Enterprise,
        },
        algorithms: steps.algorithms.clone(),
        authenticators: party::AuthenticatorPolicy {
            allowed: Vec::new(),
            denied: Vec::new(),
            device_bound: false,
            enterprise: true,
            anchored: !policy.attestation_roots.is_empty(),
            minimum_certification: None,
            refuse_compromised: false,
            at_sign_in: false,
        },
        lifecycle: party::LifecyclePolicy {
            counter: party::CounterPolicy::Deny,
            counter_synced: party::CounterPolicy::Deny,
            accept_late_backup_eligibility: false,
            keep_last_passkey: false,
            step_up: false,
        },
        extensions: Vec::new(),
        decoy: None,
    }
}

fn verdict<T>(result: Result<T, Rejection>) -> Verdict {
    match result {
        Ok(_) => Verdict::Accept,
        Err(rejection) => Verdict::Reject(name(rejection.code)),
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Malformed => "malformed",
        Code::TooLarge => "too-large",
        Code::NotPermitted => "not-permitted",
        Code::NotFound => "not-found",
        Code::CeremonyExpired => "ceremony-expired",
        Code::CeremonyUsed => "ceremony-used",
        Code::OriginMismatch => "origin-mismatch",
        Code::RpIdMismatch => "rp-id-mismatch",
        Code::ChallengeMismatch => "challenge-mismatch",
        Code::UserPresenceMissing => "user-presence-missing",
        Code::UserVerificationMissing => "user-verification-missing",
        Code::SignatureInvalid => "signature-invalid",
        Code::CounterRegressed => "counter-regressed",
        Code::CredentialUnknown => "credential-unknown",
        Code::CredentialSuspended => "credential-suspended",
        Code::CredentialExists => "credential-exists",
        Code::UserHandleMismatch => "user-handle-mismatch",
        Code::AlgorithmNotAllowed => "algorithm-not-allowed",
        Code::AttestationInvalid => "attestation-invalid",
        Code::AttestationUntrusted => "attestation-untrusted",
        Code::RateLimited => "rate-limited",
        Code::Busy => "busy",
    }
}
