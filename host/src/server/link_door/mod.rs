//! The link door: where calls of a component arrive that runs on another host, or on
//! this one with a wire in between.
//!
//! It guarantees that every call was authorized by this host's own gate, on the facts
//! of this host's own configuration, and left a record of its own under the request's
//! id: what the caller's host has decided and recorded is worth nothing here. The record is
//! durable before the answer leaves, or, where the request is under way on this very host,
//! before that request's answer does. The handshake has proved which component calls
//! ([`LinkDoor`] serves one); which workload's request it serves, that component is believed.
//!
//! In this order: the peer, the version, a place among the calls in flight, the body
//! within its limit, the gate, the call within what is left of the caller's deadline,
//! the records made durable or handed to their request, the answer. Status 503 says that
//! nothing was begun, so that the caller may ask another host; 200 carries what the function
//! said.

mod call;
mod named;
mod passkeys;
mod rates;
mod refused;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use self::call::Incall;
use self::named::Named;
use self::refused::{Refused, not_admitted, not_served, respond};
use super::body;
use super::handler::{Handler, Peer, Response};
use super::owed::Owed;
use super::records::ConnectionRecords;
use crate::audit::{Actor, ComponentIdentity, Origin, Outcome, Record, Trail};
use crate::capabilities::{PasskeysLink, Services};
use crate::identity::SpiffeId;
use crate::link::wire::envelope::Shown;
use crate::link::wire::{self, Package};
use crate::registry::Callers;
use crate::registry::signature::MAX_MINISIG;
use crate::store::Error as StoreError;

/// What the link door allows.
#[derive(Debug, Clone)]
pub struct LinkDoorLimits {
    /// Bytes of one call.
    pub body: usize,
    /// The longest deadline that a caller is given.
    pub deadline: Duration,
    /// Calls at the same time; one more is told `busy` at once.
    pub calls: usize,
}

/// Answers the calls of one component.
pub struct LinkDoor {
    services: Arc<Services>,
    passkeys: Arc<dyn PasskeysLink>,
    /// The only peer, and its component's name.
    caller: (SpiffeId, &'static str),
    /// Which of its revisions may call; none where it is believed.
    callers: Option<Callers>,
    /// Whether accounts and sessions are served too, for a front tier.
    store: bool,
    limits: LinkDoorLimits,
    places: Semaphore,
    connections: ConnectionRecords,
}

// === impl LinkDoor ===

impl LinkDoor {
    /// A door for `caller`, the component of this name, to passkey-manager behind
    /// `passkeys`, and with `store` to accounts and sessions.
    pub fn new(
        services: Arc<Services>,
        passkeys: Arc<dyn PasskeysLink>,
        caller: (SpiffeId, &'static str),
        store: bool,
        limits: LinkDoorLimits,
    ) -> Self {
        Self {
            connections: ConnectionRecords::new(Arc::clone(&services), "link"),
            services,
            passkeys,
            caller,
            callers: None,
            store,
            places: Semaphore::new(limits.calls),
            limits,
        }
    }

    /// Ask of the caller's revision at every call whether policy admits it.
    #[must_use]
    pub fn admitting(self, callers: Callers) -> Self {
        Self {
            callers: Some(callers),
            ..self
        }
    }

    /// The records of its connections, for a stop that waits for them.
    pub fn records(&self) -> ConnectionRecords {
        self.connections.clone()
    }

    async fn answer(&self, peer: &Peer, request: http::Request<Incoming>) -> Response {
        let owed = Owed::new(&self.services);
        let answer = self.admitted(peer, request, &owed.trail).await;
        let answer = match self.append(&owed.trail).await {
            Ok(()) => answer,
            Err(_) => {
                tracing::error!("what was done is not durable: the answer is withheld");
                Err(Refused(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "audit-unwritable",
                    "records or changes can't be made durable".into(),
                ))
            }
        };
        match answer {
            Ok(body) => respond(StatusCode::OK, body),
            Err(refused) => refused.respond(),
        }
    }

    /// Make the records durable, and what was promised. Those of a request that came from this very host are left to
    /// it: they are in its log before its answer leaves.
    async fn append(&self, trail: &Trail) -> Result<(), StoreError> {
        if self.services.requests.take_over(trail) {
            return Ok(());
        }
        self.services.store.append(trail).await
    }

    async fn admitted(
        &self,
        peer: &Peer,
        request: http::Request<Incoming>,
        trail: &Trail,
    ) -> Result<Bytes, Refused> {
        self.expected(peer, trail)?;
        if request.method() == http::Method::GET && request.uri().path() == wire::HELLO {
            return Ok(wire::encode(&wire::VERSION));
        }
        let (parts, body) = request.into_parts();
        if parts.method == http::Method::POST && parts.uri.path() == wire::SHOW {
            return self.shown(peer, body, trail).await;
        }
        if parts.method == http::Method::POST && parts.uri.path() == wire::RATES {
            return self.taken(body).await;
        }
        let named = Named::read(&parts)?;
        let _place = self.place()?;
        let body = body::collect(body, self.limits.body, self.limits.deadline)
            .await
            .map_err(|error| Refused(error.status(), error.code(), error.to_string()))?;
        let incoming = Incall {
            door: self,
            address: peer.address,
            trail,
            body: &body,
        };
        match named.package {
            Package::Passkeys => passkeys::answer(&incoming, named.function).await,
            Package::Store if self.store => store::answer(&incoming, named.function).await,
            Package::Store => Err(not_served()),
        }
    }

    /// A place among the calls in flight.
    fn place(&self) -> Result<SemaphorePermit<'_>, Refused> {
        self.places.try_acquire().map_err(|_| {
            Refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many calls at once".into(),
            )
        })
    }

    /// A front host takes of what an identity may ask.
    async fn taken(&self, body: Incoming) -> Result<Bytes, Refused> {
        if !self.store {
            return Err(not_served());
        }
        let _place = self.place()?;
        let body = body::collect(body, rates::MAX, self.limits.deadline)
            .await
            .map_err(|error| Refused(error.status(), error.code(), error.to_string()))?;
        rates::answer(&*self.services.store, &body).await
    }

    /// A caller shows the signature of its revision.
    async fn shown(&self, peer: &Peer, body: Incoming, trail: &Trail) -> Result<Bytes, Refused> {
        let limit = MAX_MINISIG + 64;
        let body = body::collect(body, limit, self.limits.deadline)
            .await
            .map_err(|error| Refused(error.status(), error.code(), error.to_string()))?;
        let shown: Shown = wire::decode(&body)
            .map_err(|error| Refused(StatusCode::BAD_REQUEST, "malformed", error.to_string()))?;
        if let Some(callers) = &self.callers {
            callers.show(&shown.minisig).map_err(|distrust| {
                tracing::warn!(code = distrust.code(), %distrust, "link: a revision is not admitted");
                let outcome = Outcome::Failed(distrust.code());
                trail.push(self.about(peer, "revision.show", outcome));
                not_admitted(&distrust)
            })?;
        }
        Ok(wire::encode(&()))
    }

    /// The handshake takes no other peer; this holds even for a listener that is put
    /// together in another way.
    fn expected(&self, peer: &Peer, trail: &Trail) -> Result<(), Refused> {
        if peer.id == self.caller.0 {
            return Ok(());
        }
        trail.push(self.about(peer, "link.call", Outcome::Denied));
        let detail = format!("`{}` may not call over this link", peer.id);
        Err(Refused(StatusCode::FORBIDDEN, "not-permitted", detail))
    }

    /// A record of what a peer did that is no call of a component.
    fn about(&self, peer: &Peer, action: &'static str, outcome: Outcome) -> Record {
        let actor = Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: peer.id.to_string(),
                address: peer.address.to_string(),
            }),
            component: None,
        };
        Record::plain(self.services.clock.now(), actor, action, "link", outcome)
    }
}

#[async_trait]
impl Handler for LinkDoor {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        self.answer(&peer, request).await
    }

    fn refused(&self, address: SocketAddr, code: &'static str) {
        self.connections.refused(address, code);
    }

    fn ended(&self, peer: &Peer, code: &'static str) {
        self.connections.ended(peer, code);
    }

    /// The peer is a component: it stays for as long as one of its revisions may call
    /// anything.
    fn admits(&self, _: &Peer) -> bool {
        let gate = &self.services.gate;
        let may = |revision: &ComponentIdentity| gate.admits_component(revision);
        self.callers.as_ref().is_none_or(|callers| callers.any(may))
    }

    fn policy_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.services.gate.changes())
    }
}

impl std::fmt::Debug for LinkDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkDoor")
            .field("caller", &self.caller.0)
            .field("store", &self.store)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
