//! Recorded ceremonies through a passkey-manager (`tests/standalone/README.md`).
//!
//! Each recording meets a kit of its own, whose clock stands at the recording's
//! `now`, or at the present. The stored ceremony is made from the recording; what
//! the recording leaves open is settled in [`ceremony_driver::Steps`]. A recorded
//! challenge may be shorter than those that a host's store keeps: how long it is was
//! for the server to decide that made it.

use anyhow::{Result, bail};
use ceremony_driver::{
    Attestation, AuthenticationStep, Recording, RegistrationStep, Setting, Steps, Tally,
    UserVerification as Recorded, Verdict, Wrong,
};
use zeropass::clock::{Clock as _, SystemClock};

use super::component::CallError;
use super::requests::any_authenticator;
use super::{
    AttestationConveyance, AuthenticationResponse, AuthenticatorPolicy, Ceremony, CeremonyUser,
    Kind, PasskeyManager, Profile, RegistrationResponse, ResidentKey, UserVerification, code_name,
};

const TIMEOUT: u32 = 300_000;
const REGISTRATION: &str = "replayed-registration-";
const AUTHENTICATION: &str = "replayed-authentication";

/// Replay all, and print a line for each step and the count. A step at which the
/// component fails instead of answering has the line `NAME STEP failed`, and the others go
/// on.
///
/// # Errors
/// After the count, when a step failed.
pub async fn all(kit: &PasskeyManager, recordings: &[Recording]) -> Result<()> {
    let mut tally = Tally::default();
    for recording in recordings {
        for (step, verdict) in one(kit, recording).await {
            println!("{}", tally.line(&recording.name, step, verdict));
        }
    }
    println!("{tally}");
    match tally.failed() {
        0 => Ok(()),
        failed => bail!("the component failed instead of answering, at {failed} of the steps"),
    }
}

/// Replay one recording; its steps and what came of them. What people should know of it
/// goes to stderr.
pub async fn one(kit: &PasskeyManager, recording: &Recording) -> Vec<(&'static str, Verdict)> {
    let name = &recording.name;
    let malformed = |wrong: &Wrong| {
        eprintln!("{name}: {wrong}");
        Verdict::Reject("malformed")
    };
    let (setting, steps) = match Steps::of(recording) {
        Ok(steps) => steps,
        Err(wrong) => {
            let both = ["registration", "authentication"].into_iter();
            let steps = 1 + usize::from(recording.authentication.is_some());
            let verdict = malformed(&wrong);
            return both.take(steps).map(|step| (step, verdict)).collect();
        }
    };
    for note in &steps.notes {
        eprintln!("{name}: {note}");
    }
    let kit = kit.afresh();
    let now = setting.policy.now.unwrap_or_else(|| SystemClock.now());
    kit.clock().set(now);
    kit.relying_party(profile(setting, &steps));
    kit.anchors(&setting.rp_id, setting.policy.attestation_roots.clone());

    let verdict = match &steps.registration {
        Ok(step) => verdict(name, register(&kit, setting, &steps, step, now).await),
        Err(wrong) => malformed(wrong),
    };
    let mut verdicts = vec![("registration", verdict)];
    if let Some(step) = &steps.authentication {
        let verdict = match step {
            Ok(step) => self::verdict(name, authenticate(&kit, setting, &steps, step, now).await),
            Err(wrong) => malformed(wrong),
        };
        verdicts.push(("authentication", verdict));
    }
    verdicts
}

async fn register(
    kit: &PasskeyManager,
    setting: &Setting,
    steps: &Steps,
    step: &RegistrationStep,
    now: u64,
) -> Result<(), CallError> {
    let mut ceremony = ceremony(setting, steps, Kind::Registration, &step.challenge, now);
    ceremony.user = Some(user(steps));
    kit.put_ceremony(ceremony);
    let response = RegistrationResponse {
        id: step.id.clone(),
        raw_id: step.raw_id.clone(),
        client_data_json: step.client_data_json.clone(),
        attestation_object: step.attestation_object.clone(),
        transports: Vec::new(),
        client_extension_results: "{}".into(),
    };
    let finished = kit.registration_finish(&setting.rp_id, REGISTRATION, response, None);
    finished.await.map(|_| ())
}

async fn authenticate(
    kit: &PasskeyManager,
    setting: &Setting,
    steps: &Steps,
    step: &AuthenticationStep,
    now: u64,
) -> Result<(), CallError> {
    let mut ceremony = ceremony(setting, steps, Kind::Authentication, &step.challenge, now);
    if step.user_handle.is_none() {
        ceremony.user = Some(user(steps));
        ceremony.credentials = vec![step.raw_id.clone()];
    }
    kit.put_ceremony(ceremony);
    let response = AuthenticationResponse {
        id: step.id.clone(),
        raw_id: step.raw_id.clone(),
        client_data_json: step.client_data_json.clone(),
        authenticator_data: step.authenticator_data.clone(),
        signature: step.signature.clone(),
        user_handle: step.user_handle.clone(),
        client_extension_results: "{}".into(),
    };
    let finished = kit.authentication_finish(&setting.rp_id, AUTHENTICATION, response);
    finished.await.map(|_| ())
}

/// The verdict, for scripts; why it is so, on stderr.
fn verdict(name: &str, result: Result<(), CallError>) -> Verdict {
    match result {
        Ok(()) => Verdict::Accept,
        Err(CallError::Rejected(rejection)) => {
            eprintln!("{name}: {}", rejection.detail);
            Verdict::Reject(code_name(rejection.code))
        }
        Err(error @ CallError::Failed(_)) => {
            eprintln!("{name}: {error:#}");
            Verdict::Failed
        }
    }
}

fn user(steps: &Steps) -> CeremonyUser {
    CeremonyUser {
        id: steps.user.to_string(),
        name: "replayed".into(),
        display_name: "Replayed".into(),
    }
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
            Recorded::Required => UserVerification::Required,
            Recorded::Preferred => UserVerification::Preferred,
            Recorded::Discouraged => UserVerification::Discouraged,
        },
        resident_key: ResidentKey::Preferred,
        attestation: match policy.attestation {
            Attestation::None => AttestationConveyance::None,
            Attestation::Indirect => AttestationConveyance::Indirect,
            Attestation::Direct => AttestationConveyance::Direct,
            Attestation::Enterprise => AttestationConveyance::Enterprise,
        },
        algorithms: steps.algorithms.clone(),
        authenticators: AuthenticatorPolicy {
            // The recording has it or has it not.
            enterprise: true,
            anchored: !policy.attestation_roots.is_empty(),
            ..any_authenticator()
        },
        lifecycle: super::requests::lifecycle(),
        extensions: Vec::new(),
        decoy: None,
    }
}

fn ceremony(setting: &Setting, steps: &Steps, kind: Kind, challenge: &[u8], now: u64) -> Ceremony {
    let profile = profile(setting, steps);
    Ceremony {
        id: match kind {
            Kind::Registration => REGISTRATION,
            Kind::Authentication => AUTHENTICATION,
        }
        .into(),
        rp_id: setting.rp_id.clone(),
        kind,
        challenge: challenge.to_vec(),
        expires_at: now.saturating_add(u64::from(TIMEOUT)),
        user: None,
        user_verification: profile.user_verification,
        resident_key: profile.resident_key,
        attestation: profile.attestation,
        algorithms: profile.algorithms,
        credentials: Vec::new(),
        extensions: Vec::new(),
    }
}
