//! Recorded ceremonies through a passkey-manager (`tests/standalone/README.md`).
//!
//! Each recording meets a kit of its own, whose clock stands at the recording's
//! `now`, or at the present. The stored ceremony is made from the recording; what
//! the recording leaves open is settled in [`ceremony_driver::Steps`]. A recorded
//! challenge may be shorter than those that a host's store keeps: how long it is was
//! for the server to decide that made it.

use anyhow::{Result, bail};
use ceremony_driver::{
    Attestation, AuthenticationStep, Recording, RegistrationStep, Steps, Tally,
    UserVerification as Recorded, Verdict,
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

/// Replay all, and print a line for each step and the count.
///
/// # Errors
/// When the component fails instead of answering.
pub async fn all(kit: &PasskeyManager, recordings: &[Recording]) -> Result<()> {
    let mut tally = Tally::default();
    for recording in recordings {
        for note in Steps::of(recording).notes {
            eprintln!("{}: {note}", recording.name);
        }
        for (step, verdict) in one(kit, recording).await? {
            println!("{}", tally.line(&recording.name, step, verdict));
        }
    }
    println!("{tally}");
    Ok(())
}

/// Replay one recording; its steps and what came of them.
///
/// # Errors
/// When the component fails instead of answering.
pub async fn one(
    kit: &PasskeyManager,
    recording: &Recording,
) -> Result<Vec<(&'static str, Verdict)>> {
    let kit = kit.afresh();
    let steps = Steps::of(recording);
    let now = recording
        .policy
        .now
        .map_or_else(|| SystemClock.now(), |now| now.0);
    kit.clock().set(now);
    kit.relying_party(profile(recording, &steps));
    let roots = recording.policy.attestation_roots.iter();
    kit.anchors(&recording.rp_id, roots.map(|root| root.0.clone()).collect());

    let mut verdicts = vec![(
        "registration",
        register(&kit, recording, &steps, now).await?,
    )];
    if let Some(step) = &steps.authentication {
        let verdict = authenticate(&kit, recording, &steps, step, now).await?;
        verdicts.push(("authentication", verdict));
    }
    Ok(verdicts)
}

async fn register(
    kit: &PasskeyManager,
    recording: &Recording,
    steps: &Steps,
    now: u64,
) -> Result<Verdict> {
    let step: &RegistrationStep = &steps.registration;
    let mut ceremony = ceremony(recording, steps, Kind::Registration, &step.challenge, now);
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
    let finished = kit
        .registration_finish(&recording.rp_id, REGISTRATION, response, None)
        .await;
    verdict(&recording.name, finished)
}

async fn authenticate(
    kit: &PasskeyManager,
    recording: &Recording,
    steps: &Steps,
    step: &AuthenticationStep,
    now: u64,
) -> Result<Verdict> {
    let mut ceremony = ceremony(recording, steps, Kind::Authentication, &step.challenge, now);
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
    let finished = kit
        .authentication_finish(&recording.rp_id, AUTHENTICATION, response)
        .await;
    verdict(&recording.name, finished)
}

/// The verdict, for scripts; why it is so, on stderr.
fn verdict<T>(name: &str, result: Result<T, CallError>) -> Result<Verdict> {
    match result {
        Ok(_) => Ok(Verdict::Accept),
        Err(CallError::Rejected(rejection)) => {
            eprintln!("{name}: {}", rejection.detail);
            Ok(Verdict::Reject(code_name(rejection.code)))
        }
        Err(error @ CallError::Failed(_)) => bail!(error),
    }
}

fn user(steps: &Steps) -> CeremonyUser {
    CeremonyUser {
        id: steps.user.to_string(),
        name: "replayed".into(),
        display_name: "Replayed".into(),
    }
}

fn profile(recording: &Recording, steps: &Steps) -> Profile {
    let policy = &recording.policy;
    Profile {
        id: recording.rp_id.clone(),
        name: recording.rp_id.clone(),
        origins: recording.origins.clone(),
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
    }
}

fn ceremony(
    recording: &Recording,
    steps: &Steps,
    kind: Kind,
    challenge: &[u8],
    now: u64,
) -> Ceremony {
    let profile = profile(recording, steps);
    Ceremony {
        id: match kind {
            Kind::Registration => REGISTRATION,
            Kind::Authentication => AUTHENTICATION,
        }
        .into(),
        rp_id: recording.rp_id.clone(),
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
