//! A synthetic call that a revision must answer before any traffic reaches it.
//!
//! The probe is nobody's request: its workload is `probe`, which no relying party
//! is bound to, and the relying party that it names can't exist (RFC 6761 keeps
//! `.invalid` free). So policy denies whatever the component would do with
//! anybody's data, and a good component says just that. All records of a probe
//! carry the workload `probe`.
//!
//! - auth-service must answer `GET` of its probe path (by default its own
//!   description, `/openapi.json`) with 200, and a description must be one;
//! - passkey-manager must answer `lifecycle.list` and `authentication.begin` with
//!   `not-permitted`. One that has an answer for a relying party that does not
//!   exist would have one for anything.

use std::sync::Arc;

use bytes::Bytes;

use super::call::{Begun, CallError};
use super::refusal::Refusal;
use super::revision::{AuthService, Linked, PasskeyManager};
use crate::audit::{Actor, Origin, Trail};
use crate::capabilities::bindings::passkeys::{AuthenticationRequest, Code, Rejection, Subject};
use crate::capabilities::{CallContext, Caller, Routes, Services, code_name};
use crate::runtime::Deadline;

/// The workload of all probes.
pub const PROBE: &str = "probe";
/// A relying party that can't exist.
const NOWHERE: &str = "probe.invalid";
/// The default probe path.
const DESCRIPTION: &str = "/openapi.json";

/// Why a revision has not answered as it must, for people.
#[derive(Debug)]
pub(super) enum ProbeError {
    /// What was wrong with the answer.
    Answer(String),
    /// The answer did not come in time: the revision may be at fault, or the machine.
    Late(String),
    /// This host could not ask, or not write down that it did.
    Unasked(String),
}

/// Call `revision` as it will be called, and see that it answers well. `path` is
/// what auth-service is asked for.
///
/// # Errors
/// [`ProbeError`].
pub(super) async fn probe(
    revision: &Linked,
    path: &str,
    services: &Arc<Services>,
) -> Result<(), ProbeError> {
    let limits = match revision {
        Linked::AuthService(revision) => &revision.limits,
        Linked::PasskeyManager(revision) => &revision.limits,
    };
    let trail = Trail::new();
    let context = CallContext {
        actor: Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: PROBE.into(),
                address: "local".into(),
            }),
            component: None,
        },
        caller: Arc::new(Caller {
            workload: PROBE.into(),
            thumbprint: [0; 32],
            relying_parties: Vec::new(),
        }),
        routes: Routes::default(),
        trail: trail.clone(),
        deadline: Deadline::within(limits.deadline),
        attempt: None,
        services: Arc::clone(services),
    };
    let outcome = match revision {
        Linked::AuthService(revision) => auth_service(revision, path, &context).await,
        Linked::PasskeyManager(revision) => passkey_manager(revision, &context).await,
    };
    // What the probe made policy decide is recorded like anything else.
    services
        .store
        .append(&trail)
        .await
        .map_err(|error| ProbeError::Unasked(format!("the probe's audit records: {error}")))?;
    outcome
}

async fn auth_service(
    revision: &AuthService,
    path: &str,
    context: &CallContext,
) -> Result<(), ProbeError> {
    let wrong = |what: String| Err(ProbeError::Answer(what));
    let request = http::Request::get(format!("https://{NOWHERE}{path}"))
        .body(Bytes::new())
        .map_err(|error| ProbeError::Answer(format!("GET {path}: {error}")))?;
    let answer = revision
        .answer(context, None, request, &Begun::default())
        .await
        .map_err(|error| failed(&format!("GET {path}"), &error))?;
    if answer.status() != http::StatusCode::OK {
        return wrong(format!(
            "GET {path} was answered {}; expected 200",
            answer.status().as_u16()
        ));
    }
    let is_description = || {
        serde_json::from_slice::<serde_json::Value>(answer.body()).is_ok_and(|body| {
            body.get("openapi")
                .is_some_and(serde_json::Value::is_string)
        })
    };
    if path == DESCRIPTION && !is_description() {
        return wrong(format!(
            "GET {path} was answered with something else than an OpenAPI document"
        ));
    }
    Ok(())
}

async fn passkey_manager(
    revision: &PasskeyManager,
    context: &CallContext,
) -> Result<(), ProbeError> {
    let listed = revision
        .run(context, &Begun::default(), async |instance, store| {
            instance
                .zeropass_passkeys_lifecycle()
                .call_list(store, NOWHERE, "nobody")
                .await
        })
        .await;
    denied("lifecycle.list", listed)?;
    let request = AuthenticationRequest {
        rp_id: NOWHERE.into(),
        subject: Subject::Anyone,
        user_verification: None,
        hints: Vec::new(),
        extensions: "{}".into(),
    };
    let begun = revision
        .run(context, &Begun::default(), async |instance, store| {
            instance
                .zeropass_passkeys_authentication()
                .call_begin(store, &request)
                .await
        })
        .await;
    denied("authentication.begin", begun)
}

fn denied<T>(
    function: &str,
    answer: Result<Result<T, Rejection>, CallError>,
) -> Result<(), ProbeError> {
    let expected = "expected not-permitted for a relying party that does not exist";
    match answer.map_err(|error| failed(function, &error))? {
        Err(rejection) if rejection.code == Code::NotPermitted => Ok(()),
        // Of the store, most likely: nothing that the component can say of itself.
        Err(rejection) if rejection.code == Code::Busy => {
            Err(ProbeError::Unasked(format!("{function} was answered busy")))
        }
        Err(rejection) => Err(ProbeError::Answer(format!(
            "{function} was answered {}; {expected}",
            code_name(rejection.code)
        ))),
        Ok(_) => Err(ProbeError::Answer(format!(
            "{function} succeeded; {expected}"
        ))),
    }
}

fn failed(what: &str, error: &CallError) -> ProbeError {
    let reason = format!("{what} failed: {error}");
    match error {
        CallError::Busy | CallError::Withdrawn => ProbeError::Unasked(reason),
        CallError::Deadline | CallError::Overrun => ProbeError::Late(reason),
        CallError::Trapped(_) | CallError::Unusable(_) => ProbeError::Answer(reason),
    }
}

// === impl ProbeError ===

impl From<ProbeError> for Refusal {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Answer(reason) => Self::Probe(reason),
            ProbeError::Late(reason) => Self::ProbeLate(reason),
            ProbeError::Unasked(reason) => Self::Unprobed(reason),
        }
    }
}
