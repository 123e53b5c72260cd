//! One call of a revision: a fresh instance, armed limits, one answer.
//!
//! The instance lives in a store of its own, which is dropped with the call,
//! whatever came of it. A call that can't have an instance before its deadline is
//! `busy`; the pool itself is never exhausted.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::revision::{AuthService, PasskeyManager, Revision};
use crate::audit::ComponentIdentity;
use crate::capabilities::bindings::passkey_manager::PasskeyManager as Instance;
use crate::capabilities::{CallContext, CallState, PasskeysLink};
use crate::runtime::output::Output;
use crate::runtime::{Computed, Deadline, Sandbox};

/// Why a call ended without an answer of the component's own. None of these says
/// anything about the request; the caller may try again.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No instance was free in time.
    #[error("no instance was free in time")]
    Busy,
    /// Policy has taken the revision back, and there is none in its place.
    #[error("policy has withdrawn the component's revision")]
    Withdrawn,
    /// The call took longer than its deadline.
    #[error("the component did not answer in time")]
    Deadline,
    /// The same, and the component has spent the time computing.
    #[error("the component computed until its time was up")]
    Overrun,
    /// The component trapped or was stopped by a limit.
    #[error("the component failed: {0}")]
    Trapped(String),
    /// The component ended without an answer, or with one that is not valid HTTP
    /// or is longer than its limit.
    #[error("the component's answer is not usable: {0}")]
    Unusable(String),
}

/// When a call got its instance, for whoever outlives it.
#[derive(Debug, Default)]
pub struct Begun(OnceLock<Instant>);

// === impl Begun ===

impl Begun {
    /// Not yet, where there is none.
    pub fn when(&self) -> Option<Instant> {
        self.0.get().copied()
    }

    pub(super) fn at(&self, moment: Instant) {
        let _ = self.0.set(moment);
    }
}

// === impl CallError ===

impl CallError {
    /// A stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Withdrawn => "component-withdrawn",
            Self::Deadline | Self::Overrun => "deadline",
            Self::Trapped(_) => "trapped",
            Self::Unusable(_) => "unusable-answer",
        }
    }
}

// === impl Revision ===

impl<P> Revision<P> {
    /// A store for one call, with everything armed but the deadline.
    fn store(
        &self,
        engine: &wasmtime::Engine,
        context: CallContext,
        passkeys: Option<Arc<dyn PasskeysLink>>,
    ) -> (Store<CallState>, Computed) {
        let output = Output::new(
            Arc::clone(&self.identity),
            Arc::from(context.actor.origin.request_id.as_str()),
            self.limits.output_bytes,
        );
        let sandbox = Sandbox::new(&self.limits, output);
        let deadline = context.deadline;
        let state = CallState {
            sandbox,
            context,
            passkeys,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.sandbox.limiter);
        store.set_hostcall_fuel(self.limits.hostcall_bytes);
        let computed = deadline.arm(&mut store);
        (store, computed)
    }

    /// Wait for a free instance, then run `call` with the deadline around it.
    async fn within<T>(
        &self,
        queue: Deadline,
        begun: &Begun,
        call: impl AsyncFnOnce(Deadline) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        if self.is_withdrawn() {
            return Err(CallError::Withdrawn);
        }
        let _instance = tokio::time::timeout_at(queue.instant(), self.instances.acquire())
            .await
            .map_err(|_| CallError::Busy)?
            .map_err(|_| CallError::Busy)?;
        // Policy may have taken it back while the call waited.
        if self.is_withdrawn() {
            return Err(CallError::Withdrawn);
        }
        // Armed here, so that waiting in the queue is not billed to the guest.
        let deadline = queue.or_within(self.limits.deadline);
        begun.at(Instant::now());
        tokio::time::timeout_at(deadline.instant(), call(deadline))
            .await
            .map_err(|_| CallError::Deadline)?
    }
}

/// What wasmtime reports, told apart by what it means here.
fn failure(
    error: &wasmtime::Error,
    deadline: Deadline,
    computed: &Computed,
    identity: &ComponentIdentity,
    refused: Option<&str>,
) -> CallError {
    if matches!(
        error.downcast_ref::<wasmtime::Trap>(),
        Some(wasmtime::Trap::Interrupt)
    ) && deadline.passed()
    {
        return match computed.at_length() {
            true => CallError::Overrun,
            false => CallError::Deadline,
        };
    }
    let reason = match refused {
        Some(what) => format!("its {what} limit was reached"),
        None => error.root_cause().to_string(),
    };
    tracing::warn!(
        component = identity.name,
        revision = identity.revision,
        reason,
        "component call failed"
    );
    CallError::Trapped(reason)
}

impl PasskeyManager {
    /// Run `call` on a fresh instance of this revision; `begun` learns when it has one.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn run<T>(
        &self,
        context: &CallContext,
        begun: &Begun,
        call: impl AsyncFnOnce(&Instance, &mut Store<CallState>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        self.within(context.deadline, begun, async |deadline| {
            let context = context.nested(Arc::clone(&self.identity), deadline);
            let (mut store, computed) = self.store(self.pre.engine(), context, None);
            let result = async {
                let instance = self.pre.instantiate_async(&mut store).await?;
                call(&instance, &mut store).await
            }
            .await;
            result.map_err(|error| {
                failure(
                    &error,
                    deadline,
                    &computed,
                    &self.identity,
                    store.data().sandbox.limiter.refused,
                )
            })
        })
        .await
    }
}

impl AuthService {
    /// Answer one request on a fresh instance of this revision. The body is whole
    /// in both directions: nothing leaves the host before the call has ended well
    /// and its records are durable. Without a way to passkey-manager every call there
    /// is `busy`. `begun` learns when it has its instance.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(
        &self,
        context: &CallContext,
        passkeys: Option<&Arc<dyn PasskeysLink>>,
        request: http::Request<Bytes>,
        begun: &Begun,
    ) -> Result<http::Response<Bytes>, CallError> {
        self.within(context.deadline, begun, async |deadline| {
            let context = context.nested(Arc::clone(&self.identity), deadline);
            let (mut store, computed) = self.store(self.pre.engine(), context, passkeys.cloned());
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let request = request.map(|body| {
                Full::new(body).map_err(|never| -> wasmtime_wasi_http::Error { match never {} })
            });
            let unusable = |error: &dyn std::fmt::Display| CallError::Unusable(error.to_string());

            let mut http = store.data_mut().http();
            let request = http
                .new_incoming_request::<_>(Scheme::Https, request)
                .map_err(|error| unusable(&error))?;
            let outparam = http
                .new_response_outparam(sender)
                .map_err(|error| unusable(&error))?;

            let run = async {
                let proxy = self.pre.instantiate_async(&mut store).await?;
                proxy
                    .wasi_http_incoming_handler()
                    .call_handle(&mut store, request, outparam)
                    .await
            };
            let answer = async {
                match receiver.await {
                    Ok(Ok(response)) => collect(response, self.limits.response_bytes).await,
                    Ok(Err(code)) => Err(CallError::Unusable(format!("{code:?}"))),
                    Err(_) => Err(CallError::Unusable("the component set no response".into())),
                }
            };
            let ended = drive(run, answer).await;
            ended.map_err(|ended| match ended {
                Ended::Failed(error) => {
                    let refused = store.data().sandbox.limiter.refused;
                    failure(&error, deadline, &computed, &self.identity, refused)
                }
                Ended::Unusable(error) => error,
            })
        })
        .await
    }
}

/// How a call ended that brought no answer.
enum Ended {
    Failed(wasmtime::Error),
    Unusable(CallError),
}

/// Move the guest and the reader of its answer together: the guest writes the body
/// while it runs, and both must end well.
async fn drive(
    run: impl Future<Output = wasmtime::Result<()>>,
    answer: impl Future<Output = Result<http::Response<Bytes>, CallError>>,
) -> Result<http::Response<Bytes>, Ended> {
    tokio::pin!(run, answer);
    tokio::select! {
        ran = &mut run => {
            ran.map_err(Ended::Failed)?;
            answer.await.map_err(Ended::Unusable)
        }
        answered = &mut answer => match answered {
            Ok(answered) => {
                run.await.map_err(Ended::Failed)?;
                Ok(answered)
            }
            // No answer usually means that the guest has just trapped; then that
            // is what went wrong. A body beyond its limit need not wait for a guest
            // that may never end.
            Err(error) => match futures::poll!(run) {
                std::task::Poll::Ready(Err(trap)) => Err(Ended::Failed(trap)),
                _ => Err(Ended::Unusable(error)),
            },
        },
    }
}

async fn collect(
    response: http::Response<wasmtime_wasi_http::p2::body::HyperOutgoingBody>,
    limit: usize,
) -> Result<http::Response<Bytes>, CallError> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        CallError::Unusable(if error.is::<LengthLimitError>() {
            format!("its body is longer than {limit} bytes")
        } else {
            error.to_string()
        })
    })?;
    Ok(http::Response::from_parts(parts, body.to_bytes()))
}
