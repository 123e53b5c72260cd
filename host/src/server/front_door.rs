//! The front door: what happens to a request between the listener and auth-service.
//!
//! In this order: an id, the gate (may this workload use this part of the API?), the
//! body within its limit, a place among the requests in flight, one call of
//! auth-service, the records made durable, the answer. Whatever fails on the way
//! has an answer of the host's own, with a code, and a record. Nothing leaves the
//! host before the records of the request are durable.
//!
//! What the paths under a prefix mean is auth-service's to know; the prefixes are
//! the actions of policy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::handler::{Handler, Peer, Response, full};
use super::owed::Owed;
use super::problem::problem;
use super::records::ConnectionRecords;
use super::{body, codes, sticky};
use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::{CallContext, CallState, Caller, PasskeysLink, Routes, Services};
use crate::policy::action::{self, Action};
use crate::policy::{Denied, Permit};
use crate::registry::rollout::Sticky;
use crate::registry::rollout::judge::Ended;
use crate::registry::{CallError, Slot};
use crate::runtime::Deadline;

/// The header that carries a request's id back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the front door allows.
#[derive(Debug, Clone)]
pub struct FrontDoorLimits {
    /// Bytes of a request body.
    pub body: usize,
    /// From a request's head to its answer.
    pub request_timeout: Duration,
    /// Requests that are worked on at the same time. Each needs at most two
    /// component instances.
    pub in_flight: usize,
    /// Requests that wait for their turn; one more is answered `busy`.
    pub queue: usize,
    /// What sticks a caller to one side of a canary.
    pub sticky: Sticky,
}

/// Answers the requests of the service listener.
pub struct FrontDoor {
    services: Arc<Services>,
    passkeys: Option<Arc<dyn PasskeysLink>>,
    auth_service: Arc<Slot<ProxyPre<CallState>>>,
    limits: FrontDoorLimits,
    /// In flight and waiting together: who finds no place is turned away at once.
    places: Semaphore,
    in_flight: Semaphore,
    connections: ConnectionRecords,
}

/// The part of the API that a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Registrations,
    Authentications,
    Users,
    Sessions,
    Metadata,
}

/// An answer of the host's own.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// The code in the audit log, which may say more.
    recorded: &'static str,
    detail: String,
}

// === impl FrontDoor ===

impl FrontDoor {
    /// A front door to the revision in this slot, which calls passkey-manager through
    /// `passkeys`.
    pub fn new(
        services: Arc<Services>,
        passkeys: Option<Arc<dyn PasskeysLink>>,
        auth_service: Arc<Slot<ProxyPre<CallState>>>,
        limits: FrontDoorLimits,
    ) -> Self {
        Self {
            connections: ConnectionRecords::new(Arc::clone(&services), "service"),
            services,
            passkeys,
            auth_service,
            places: Semaphore::new(limits.in_flight.saturating_add(limits.queue)),
            in_flight: Semaphore::new(limits.in_flight),
            limits,
        }
    }

    /// The records of its connections, for a stop that waits for them.
    pub fn records(&self) -> ConnectionRecords {
        self.connections.clone()
    }

    /// Answer one request whose body may be of any kind: the listener's, or a
    /// test's own.
    pub async fn answer<B>(&self, peer: &Peer, request: http::Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let origin = Arc::new(Origin {
            request_id: uuid::Uuid::now_v7().to_string(),
            workload: peer.id.to_string(),
            address: peer.address.to_string(),
        });
        let owed = Owed::new(&self.services);
        let started = std::time::Instant::now();
        let (method, area) = (request.method().clone(), Area::of(request.uri().path()));
        let outcome = match area {
            Some(area) => {
                self.authorized(area, peer, &origin, &owed.trail, request)
                    .await
            }
            None => Err(self.nowhere(&origin, &owed.trail, &method)),
        };
        let answer = match (outcome, self.services.store.append(&owed.trail).await) {
            (Ok(answer), Ok(())) => answer.map(full),
            (Err(refusal), Ok(())) => refusal.respond(&origin),
            (_, Err(_)) => {
                tracing::error!(
                    request_id = origin.request_id,
                    "audit records could not be written: the answer is withheld"
                );
                refusal(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "the audit log can't be written",
                )
                .respond(&origin)
            }
        };
        tracing::info!(
            request_id = origin.request_id,
            workload = origin.workload,
            %method,
            area = area.map_or("-", Area::prefix),
            status = answer.status().as_u16(),
            microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        finish(answer, &origin)
    }

    /// A path outside the API. Its record has no word of it: a path may hold anything.
    fn nowhere(&self, origin: &Arc<Origin>, trail: &Trail, method: &Method) -> Refusal {
        let refusal = refusal(
            StatusCode::NOT_FOUND,
            "not-found",
            "there is no such resource",
        );
        let actor = Actor {
            origin: Arc::clone(origin),
            component: None,
        };
        let (time, outcome) = (self.services.clock.now(), Outcome::Failed(refusal.recorded));
        let target = method_name(method);
        trail.push(Record::plain(
            time,
            actor,
            "request.accept",
            target,
            outcome,
        ));
        refusal
    }

    async fn authorized<B>(
        &self,
        area: Area,
        peer: &Peer,
        origin: &Arc<Origin>,
        trail: &Trail,
        request: http::Request<B>,
    ) -> Result<http::Response<Bytes>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match area {
            Area::Registrations => {
                self.through::<action::ApiRegistrations, B>(area, peer, origin, trail, request)
                    .await
            }
            Area::Authentications => {
                self.through::<action::ApiAuthentications, B>(area, peer, origin, trail, request)
                    .await
            }
            Area::Users => {
                self.through::<action::ApiUsers, B>(area, peer, origin, trail, request)
                    .await
            }
            Area::Sessions => {
                self.through::<action::ApiSessions, B>(area, peer, origin, trail, request)
                    .await
            }
            Area::Metadata => {
                self.through::<action::ApiMetadata, B>(area, peer, origin, trail, request)
                    .await
            }
        }
    }

    async fn through<A: Action, B>(
        &self,
        area: Area,
        peer: &Peer,
        origin: &Arc<Origin>,
        trail: &Trail,
        request: http::Request<B>,
    ) -> Result<http::Response<Bytes>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let actor = Actor {
            origin: Arc::clone(origin),
            component: None,
        };
        let relying_parties = self.services.gate.served(&origin.workload);
        let permit: Permit<A> = self.services.gate.authorize(
            &actor,
            relying_parties.first().map(String::as_str),
            trail,
        )?;
        let target = format!("{} {}", method_name(request.method()), area.prefix());
        let routes = sticky::routes(self.limits.sticky, origin, &request);
        let context = CallContext {
            actor,
            caller: Arc::new(Caller {
                workload: origin.workload.clone(),
                thumbprint: peer.thumbprint,
                relying_parties,
            }),
            trail: trail.clone(),
            routes,
            deadline: Deadline::within(self.limits.request_timeout),
            attempt: None,
            services: Arc::clone(&self.services),
        };
        let answer = self.call(&context, request).await;
        permit.settle(
            target,
            match &answer {
                Ok(answer) => codes::outcome(answer),
                Err(refusal) => Outcome::Failed(refusal.recorded),
            },
        );
        answer
    }

    async fn call<B>(
        &self,
        context: &CallContext,
        request: http::Request<B>,
    ) -> Result<http::Response<Bytes>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let busy = || {
            refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many requests at once",
            )
        };
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let (parts, body) = request.into_parts();
        let body = body::collect(body, self.limits.body, self.limits.request_timeout)
            .await
            .map_err(|error| refusal(error.status(), error.code(), &error.to_string()))?;
        let _turn = tokio::time::timeout_at(context.deadline.instant(), self.in_flight.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let request = http::Request::from_parts(parts, body);
        let place = self.auth_service.route(&context.routes);
        let started = std::time::Instant::now();
        let passkeys = self.passkeys.as_ref();
        let result = place.revision.answer(context, passkeys, request).await;
        self.auth_service
            .observe(&place, ended(&result, &context.routes), started.elapsed());
        result.map_err(|error| {
            // The guest's own words may hold anything; they are in the log.
            let detail = match error {
                CallError::Busy => "too many requests at once",
                CallError::Deadline => "the request took too long",
                CallError::Withdrawn => "the component that answers this was withdrawn",
                _ => "the request could not be completed",
            };
            Refusal {
                recorded: match error {
                    CallError::Withdrawn => error.code(),
                    _ => "busy",
                },
                ..refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
            }
        })
    }
}

#[async_trait]
impl Handler for FrontDoor {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        self.answer(&peer, request).await
    }

    fn refused(&self, address: SocketAddr, code: &'static str) {
        self.connections.refused(address, code);
    }

    fn ended(&self, peer: &Peer, code: &'static str) {
        self.connections.ended(peer, code);
    }

    fn throttled(&self, peer: &Peer) {
        self.connections.throttled(peer);
    }

    fn admits(&self, peer: &Peer) -> bool {
        self.services.gate.admits(peer.id.as_str())
    }

    fn policy_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.services.gate.changes())
    }
}

impl std::fmt::Debug for FrontDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontDoor")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

// === impl Area ===

impl Area {
    fn of(path: &str) -> Option<Self> {
        let mut segments = path.split('/').skip(1);
        Some(match (segments.next()?, segments.next()) {
            ("v1", Some("registrations")) => Self::Registrations,
            ("v1", Some("authentications")) => Self::Authentications,
            ("v1", Some("users")) => Self::Users,
            ("v1", Some("sessions")) => Self::Sessions,
            (".well-known", Some(_)) | ("openapi.json", None) => Self::Metadata,
            _ => return None,
        })
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Registrations => "/v1/registrations",
            Self::Authentications => "/v1/authentications",
            Self::Users => "/v1/users",
            Self::Sessions => "/v1/sessions",
            Self::Metadata => "/.well-known",
        }
    }
}

// === impl Refusal ===

impl Refusal {
    fn respond(self, origin: &Origin) -> Response {
        problem(self.status, self.code, &self.detail, &origin.request_id)
    }
}

impl From<Denied> for Refusal {
    fn from(_: Denied) -> Self {
        refusal(
            StatusCode::FORBIDDEN,
            "not-permitted",
            "policy does not allow this workload to do this",
        )
    }
}

fn refusal(status: StatusCode, code: &'static str, detail: &str) -> Refusal {
    Refusal {
        status,
        code,
        recorded: code,
        detail: detail.to_owned(),
    }
}

/// How a call went, for the judge of the revision that took it.
fn ended(result: &Result<http::Response<Bytes>, CallError>, routes: &Routes) -> Option<Ended> {
    match result {
        // Passkey-manager's fault, on which its own canary is judged.
        Ok(answer) if answer.status().is_server_error() && routes.was_let_down() => None,
        Ok(answer) if answer.status().is_server_error() => Some(Ended::Error),
        Ok(answer) if answer.status().is_client_error() => Some(Ended::Denied),
        Ok(_) => Some(Ended::Well),
        Err(error) => error.ended(),
    }
}

/// Audit names only the methods that the API has.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

/// The request's id on, what belongs to one connection off.
fn finish(mut answer: Response, origin: &Origin) -> Response {
    let headers = answer.headers_mut();
    for hop in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(hop);
    }
    if let Ok(id) = HeaderValue::from_str(&origin.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_areas_by_whole_segments() {
        assert_eq!(Area::of("/v1/registrations"), Some(Area::Registrations));
        assert_eq!(Area::of("/v1/registrations/abc"), Some(Area::Registrations));
        assert_eq!(Area::of("/v1/registrationsx"), None);
        assert_eq!(Area::of("/v1"), None);
        assert_eq!(Area::of("//v1/users"), None);
        assert_eq!(Area::of("/.well-known/jwks.json"), Some(Area::Metadata));
        assert_eq!(Area::of("/openapi.json"), Some(Area::Metadata));
        assert_eq!(Area::of("/openapi.json/x"), None);
        assert_eq!(Area::of("*"), None);
    }
}
