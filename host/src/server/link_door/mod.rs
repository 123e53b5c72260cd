//! The link door: where calls of a component arrive that runs on another host, or on
//! this one with a wire in between.
//!
//! It guarantees that every call was authorized by this host's own gate, on the facts
//! of this host's own configuration, and left a record of its own under the request's
//! id before its answer leaves: what the caller's host has decided and recorded is
//! worth nothing here. The handshake has proved which component calls ([`LinkDoor`]
//! serves one); which workload's request it serves, that component is believed.
//!
//! In this order: the peer, the version, a place among the calls in flight, the body
//! within its limit, the gate, the call within what is left of the caller's deadline,
//! the records made durable, the answer. Status 503 says that nothing was begun, so
//! that the caller may ask another host; 200 carries what the function said.

mod passkeys;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use super::body;
use super::handler::{Handler, Peer, Response, full};
use super::owed::Owed;
use super::records::ConnectionRecords;
use crate::audit::{Actor, ComponentIdentity, Origin, Outcome, Record, Trail};
use crate::capabilities::{CallContext, Caller, PasskeysLink, Services};
use crate::identity::SpiffeId;
use crate::link::wire::envelope::{Answer, Call, Refusal, Request};
use crate::link::wire::{self, Function, Package};
use crate::policy::action::Action;
use crate::registry::Routes;
use crate::runtime::Deadline;

/// The longest id of a request that is repeated in records.
const MAX_REQUEST_ID: usize = 64;
/// The longest digest or version of a component that is repeated in records.
const MAX_REVISION: usize = 128;
/// Relying parties of one request.
const MAX_RELYING_PARTIES: usize = 1_024;

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
    /// Whether accounts and sessions are served too, for a front tier.
    store: bool,
    limits: LinkDoorLimits,
    places: Semaphore,
    connections: ConnectionRecords,
}

/// What a path names.
struct Named<'a> {
    package: Package,
    function: &'a str,
}

/// A status with a code: the call was not begun, or its answer is withheld.
struct Refused(StatusCode, &'static str, String);

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
            store,
            places: Semaphore::new(limits.calls),
            limits,
        }
    }

    async fn answer(&self, peer: &Peer, request: http::Request<Incoming>) -> Response {
        let owed = Owed::new(&self.services);
        let answer = self.admitted(peer, request, &owed.trail).await;
        let answer = match self.services.store.append(&owed.trail).await {
            Ok(()) => answer,
            Err(_) => {
                tracing::error!("audit records could not be written: the answer is withheld");
                Err(Refused(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "audit-unwritable",
                    "the audit log can't be written".into(),
                ))
            }
        };
        match answer {
            Ok(body) => respond(StatusCode::OK, body),
            Err(refused) => refused.respond(),
        }
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
        let named = Named::read(&parts)?;
        let _place = self.places.try_acquire().map_err(|_| {
            Refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many calls at once".into(),
            )
        })?;
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
            Package::Store => Err(Refused(
                StatusCode::NOT_FOUND,
                "not-served",
                "this host serves no front tier: set link.role = \"back\" for it".into(),
            )),
        }
    }

    /// The handshake takes no other peer; this holds even for a listener that is put
    /// together in another way.
    fn expected(&self, peer: &Peer, trail: &Trail) -> Result<(), Refused> {
        if peer.id == self.caller.0 {
            return Ok(());
        }
        trail.push(Record {
            time: self.services.clock.now(),
            actor: Actor {
                origin: Arc::new(Origin {
                    request_id: uuid::Uuid::now_v7().to_string(),
                    workload: peer.id.to_string(),
                    address: peer.address.to_string(),
                }),
                component: None,
            },
            action: "link.call",
            relying_party: "-".into(),
            target: "link".into(),
            outcome: Outcome::Denied,
            policies: Arc::from([]),
        });
        let detail = format!("`{}` may not call over this link", peer.id);
        Err(Refused(StatusCode::FORBIDDEN, "not-permitted", detail))
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

// === a call that has arrived ===

/// A call whose body is there and whose function is known.
struct Incall<'a> {
    door: &'a LinkDoor,
    address: SocketAddr,
    trail: &'a Trail,
    body: &'a [u8],
}

impl Incall<'_> {
    /// Arguments, and the context of a call of the component that calls, on behalf of
    /// the request that it names.
    fn read<F: Function>(&self) -> Result<(CallContext, F::Arguments), Refused> {
        let call: Call<F::Arguments> = wire::decode(self.body)
            .map_err(|error| Refused(StatusCode::BAD_REQUEST, "malformed", error.to_string()))?;
        let Request {
            id,
            workload,
            thumbprint,
            place,
            relying_parties,
        } = call.request;
        let revision = [&call.component.digest, &call.component.revision];
        let thumbprint = match thumbprint {
            Some(bytes) => bytes.0.try_into().ok(),
            None => Some([0; 32]),
        };
        let (Some(thumbprint), Ok(_), true) = (
            thumbprint,
            SpiffeId::parse(&workload),
            id.len() <= MAX_REQUEST_ID
                && revision.iter().all(|text| text.len() <= MAX_REVISION)
                && relying_parties.len() <= MAX_RELYING_PARTIES,
        ) else {
            return Err(Refused(
                StatusCode::BAD_REQUEST,
                "malformed",
                "request or component is not of the documented form".into(),
            ));
        };
        let served = self.door.services.gate.served(&workload);
        // The same for all calls of the request, whichever host they come from. A caller
        // of before knows no place.
        let routes = match place {
            Some(place) => Routes::at(place),
            None => Routes::of(&workload, &id),
        };
        let context = CallContext {
            actor: Actor {
                origin: Arc::new(Origin {
                    request_id: id,
                    workload: workload.clone(),
                    // What this host saw, not what it was told.
                    address: self.address.to_string(),
                }),
                component: Some(Arc::new(ComponentIdentity {
                    // What the certificate says, not what the caller says.
                    name: self.door.caller.1.to_owned(),
                    digest: call.component.digest,
                    revision: call.component.revision,
                })),
            },
            caller: Arc::new(Caller {
                workload,
                thumbprint,
                relying_parties: relying_parties
                    .into_iter()
                    .filter(|id| served.contains(id))
                    .collect(),
            }),
            routes,
            trail: self.trail.clone(),
            deadline: Deadline::within(Duration::from_millis(call.deadline))
                .or_within(self.door.limits.deadline),
            attempt: None,
            services: Arc::clone(&self.door.services),
        };
        Ok((context, call.arguments))
    }
}

/// What a function said, as a body.
fn said<F: Function>(result: Result<F::Answer, F::Error>) -> Bytes {
    wire::encode(&match result {
        Ok(answer) => Answer::Ok(answer),
        Err(error) => Answer::Error(error),
    })
}

fn unknown(package: Package, function: &str) -> Refused {
    let function: String = function.chars().take(64).collect();
    let detail = format!("{} has no function `{function}` here", package.name());
    Refused(StatusCode::NOT_FOUND, "unknown-function", detail)
}

// === impl Named ===

impl<'a> Named<'a> {
    /// Method, package and version; the function is for the package to know.
    fn read(parts: &'a http::request::Parts) -> Result<Self, Refused> {
        let unknown = |what: &str| {
            let detail = format!("expected POST /PACKAGE/vMAJOR/INTERFACE.FUNCTION, {what}");
            Refused(StatusCode::NOT_FOUND, "unknown-function", detail)
        };
        if parts.method != http::Method::POST {
            return Err(unknown("not another method"));
        }
        let mut segments = parts.uri.path().split('/').skip(1);
        let (Some(package), Some(version), Some(function), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(unknown("not another path"));
        };
        let package = Package::from_name(package).ok_or_else(|| unknown("a known package"))?;
        let major = version
            .strip_prefix('v')
            .and_then(|major| major.parse::<u32>().ok())
            .ok_or_else(|| unknown("a version like v1"))?;
        if major != wire::MAJOR {
            let detail = format!(
                "this host serves {} in version {}, not {major}: upgrade the older of the two hosts",
                package.name(),
                wire::VERSION,
            );
            return Err(Refused(
                StatusCode::NOT_IMPLEMENTED,
                "version-unsupported",
                detail,
            ));
        }
        Ok(Self { package, function })
    }
}

// === impl Refused ===

impl Refused {
    fn respond(self) -> Response {
        let Self(status, code, detail) = self;
        let body = wire::encode(&Refusal {
            code: code.to_owned(),
            detail,
        });
        let mut answer = respond(status, body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

fn respond(status: StatusCode, body: Bytes) -> Response {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE));
    headers.insert(
        wire::VERSION_HEADER,
        HeaderValue::from_static(wire::VERSION),
    );
    answer
}

/// Whether `F` is the function of this name.
fn is<F: Action>(function: &str) -> bool {
    F::NAME == function
}
