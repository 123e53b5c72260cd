//! The front door: what happens to a request between the listener and auth-service.
//!
//! In this order: an id, the gate (may this workload use this part of the API?), the
//! body within its limit, a place among the requests in flight, one call of
//! auth-service, the records made durable, the answer. Whatever fails on the way
//! has an answer of the host's own, with a code, and a record. Nothing leaves the
//! host before the records of the request are durable; but for [`public`] documents that
//! have left before, while the database is away.
//!
//! What the paths under a prefix mean is auth-service's to know; the prefixes are
//! the actions of policy: [`area`]. The host's own answers are in [`refusal`].

mod area;
mod public;
mod refusal;

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

use self::area::{Area, method_name};
use self::public::{Document, PROMPT, Public};
use self::refusal::Refusal;
use super::handler::{Handler, Peer, Response, full};
use super::leases::{Counted, Leases};
use super::owed::Owed;
use super::records::ConnectionRecords;
use super::{body, codes, sticky};
use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::{CallContext, CallState, Caller, PasskeysLink, Routes, Services};
use crate::policy::Permit;
use crate::policy::action::{self, Action};
use crate::registry::rollout::Sticky;
use crate::registry::rollout::judge::Ended;
use crate::registry::{CallError, Slot};
use crate::runtime::Deadline;
use crate::store::{self, RateLimit};

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
    public: Public,
    /// None where no other host has the store, or nobody is limited.
    leases: Option<Leases>,
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
            public: Public::default(),
            leases: None,
            limits,
        }
    }

    /// Limit what each identity asks of all hosts on this store together.
    #[must_use]
    pub fn limiting(self, limit: RateLimit) -> Self {
        let store = Arc::clone(&self.services.store);
        Self {
            leases: Some(Leases::new(Counted { store, limit }, limit)),
            ..self
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
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let area = Area::of(uri.path());
        let outcome = match area {
            Some(area) => {
                // Until its own part is done, and the trail is written after that: what is owed
                // for calls of it that came back to this host is on the trail by then.
                let under_way = &self.services.requests;
                let _under_way = under_way.begin(&origin.request_id, &owed.trail);
                self.authorized(area, peer, &origin, &owed.trail, request)
                    .await
            }
            None => Err(self.nowhere(&origin, &owed.trail, &method)),
        };
        let document = Document::of(area, (&method, &uri), &origin, &outcome);
        let again = document
            .as_ref()
            .is_some_and(|one| self.public.has_left(one));
        let appended = match self.append(&owed.trail, again).await {
            Ok(()) => {
                document.into_iter().for_each(|one| self.public.leaves(one));
                true
            }
            Err(_) if again && self.services.store.away() => {
                tracing::warn!(
                    request_id = origin.request_id,
                    "the database is away: a document that has left before leaves again, its audit record waits"
                );
                true
            }
            Err(_) => false,
        };
        let answer = match (outcome, appended) {
            (Ok(answer), true) => answer.map(full),
            (Err(refusal), true) => refusal.respond(&origin),
            (_, false) => {
                tracing::error!(
                    request_id = origin.request_id,
                    "what was done is not durable: the answer is withheld"
                );
                Refusal::busy("records or changes can't be made durable").respond(&origin)
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

    /// Make the records durable. What may leave `again` without does not wait for a database that
    /// is away.
    async fn append(&self, trail: &Trail, again: bool) -> Result<(), store::Error> {
        let store = &self.services.store;
        if again && store.away() {
            let appended = tokio::time::timeout(PROMPT, store.append(trail)).await;
            return appended.unwrap_or(Err(store::Error::Busy));
        }
        store.append(trail).await
    }

    /// A path outside the API. Its record has no word of it: a path may hold anything.
    fn nowhere(&self, origin: &Arc<Origin>, trail: &Trail, method: &Method) -> Refusal {
        let refusal = Refusal::new(
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
        let busy = || Refusal::busy("too many requests at once");
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let (parts, body) = request.into_parts();
        let body = body::collect(body, self.limits.body, self.limits.request_timeout)
            .await
            .map_err(|error| Refusal::new(error.status(), error.code(), &error.to_string()))?;
        let _turn = tokio::time::timeout_at(context.deadline.instant(), self.in_flight.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let request = http::Request::from_parts(parts, body);
        let watch = self.auth_service.watch(&context.routes).of_caller();
        let passkeys = self.passkeys.as_ref();
        let revision = &watch.place().revision;
        let result = revision
            .answer(context, passkeys, request, watch.begun())
            .await;
        watch.ended(ended(&result, &context.routes));
        result.map_err(Refusal::from)
    }
}

#[async_trait]
impl Handler for FrontDoor {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        self.answer(&peer, request).await
    }

    async fn count(&self, peer: &Peer) -> Result<(), Duration> {
        match &self.leases {
            Some(leases) => leases.ask(&peer.id).await,
            None => Ok(()),
        }
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
