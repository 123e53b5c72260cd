//! The admin door: what operators ask of the host.
//!
//! Each request leaves an audit record with the operator and the target, whatever comes of
//! it, and is answered only when that record is durable. No body is read of an operator whom
//! policy does not allow what the request asks for; which revision is to be activated is
//! judged when the body has named it ([`ahead`]). So many requests are under way at most; more are refused
//! at once. What a request changes is told in
//! [`registry::rollout`](crate::registry::rollout); nothing is decided here.
//!
//! A workload's certificate is refused by policy, action by action, as an operator's
//! is on the service listener.

mod ahead;
mod answer;
mod forms;
mod host;
mod orders;
mod route;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, watch};

use self::ahead::nothing_of;
use self::answer::{Answered, Refused, Said, json, malformed, outcome, refused};
use self::route::Route;
use super::body;
use super::handler::{Handler, Peer, Response};
use super::owed::Owed;
use super::problem::problem;
use super::records::ConnectionRecords;
use crate::audit::{Actor, ComponentIdentity, Origin, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::policy::Permit;
use crate::policy::action::{self, OperatorAction};
use crate::registry::oci::Source;
use crate::registry::rollout::Rollouts;

/// The header with the signature of a pushed file: minisign's text in base64.
pub const SIGNATURE: &str = "zeropass-signature";

/// The largest body that is no component file, bytes.
const BODY: usize = 16 * 1024;

/// Requests under way at once, of all operators.
const UNDER_WAY: usize = 32;

/// The longest reason that history keeps, characters.
const MAX_REASON: usize = 500;

/// For the answers to an operator whom policy allows nothing any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// Changes that `history` shows.
const HISTORY: u32 = 100;

/// The metrics of the host as text, in the format of Prometheus.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the admin door allows.
#[derive(Debug, Clone)]
pub struct AdminLimits {
    /// Bytes of a component file.
    pub push: usize,
    /// For a body to arrive.
    pub body_timeout: Duration,
}

/// Answers the requests of the admin listener.
pub struct AdminDoor {
    services: Arc<Services>,
    rollouts: Arc<Rollouts>,
    policies: PathBuf,
    metrics: Metrics,
    limits: AdminLimits,
    /// Where it may pull revisions from.
    source: Option<Source>,
    connections: ConnectionRecords,
    under_way: Semaphore,
}

/// One request under way.
struct Asked {
    actor: Actor,
    trail: Trail,
}

// === impl AdminDoor ===

impl AdminDoor {
    /// A door to these rollouts. `policies` is the folder that a reload reads.
    pub fn new(
        services: Arc<Services>,
        rollouts: Arc<Rollouts>,
        policies: PathBuf,
        metrics: Metrics,
        limits: AdminLimits,
    ) -> Self {
        Self {
            connections: ConnectionRecords::new(Arc::clone(&services), "admin"),
            services,
            rollouts,
            policies,
            metrics,
            limits,
            source: None,
            under_way: Semaphore::new(UNDER_WAY),
        }
    }

    /// Let operators push by reference, too: the host pulls from this source.
    #[must_use]
    pub fn pulling_from(self, source: Option<Source>) -> Self {
        Self { source, ..self }
    }

    async fn answer<B>(&self, peer: &Peer, request: http::Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let owed = Owed::new(&self.services);
        let asked = Asked {
            actor: Actor {
                origin: Arc::new(Origin {
                    request_id: uuid::Uuid::now_v7().to_string(),
                    workload: peer.id.to_string(),
                    address: peer.address.to_string(),
                }),
                component: None,
            },
            trail: owed.trail.clone(),
        };
        let answered = match self.under_way.try_acquire() {
            Ok(_place) => self.dispatch(&asked, request).await,
            Err(_) => {
                let busy = refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "too many requests of operators at once; try again",
                );
                Err(self.unasked(&asked, request.uri().path(), busy))
            }
        };
        let written = self.services.store.append(&owed.trail).await;
        let origin = &asked.actor.origin;
        let answered = match (answered, written) {
            (answered, Ok(())) => answered,
            (_, Err(_)) => Err(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "the audit log can't be written",
            )),
        };
        let mut response = match answered {
            Ok((status, said)) => said.respond(status),
            Err(Refused {
                status,
                code,
                detail,
            }) => problem(status, code, &detail, &origin.request_id),
        };
        tracing::info!(
            request_id = origin.request_id,
            operator = origin.workload,
            status = response.status().as_u16(),
            "admin request"
        );
        if let Ok(id) = HeaderValue::from_str(&origin.request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }

    async fn dispatch<B>(&self, asked: &Asked, request: http::Request<B>) -> Answered
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let Some(route) = Route::of(&parts.method, parts.uri.path()) else {
            let nowhere = refused(
                StatusCode::NOT_FOUND,
                "not-found",
                "there is no such resource",
            );
            return Err(self.unasked(asked, parts.uri.path(), nowhere));
        };
        match route {
            Route::Components => self.components(asked).await,
            Route::Component(name) => {
                let permit = self.on::<action::ComponentsList>(asked, &name, None)?;
                let overview = self.rollouts.overview(&name).await;
                permit.settle(name, outcome(&overview));
                json(StatusCode::OK, &forms::Component::from(overview?))
            }
            Route::History(name) => {
                let permit = self.on::<action::ComponentsList>(asked, &name, None)?;
                let history = self.rollouts.history(&name, HISTORY).await;
                permit.settle(name, outcome(&history));
                let history = history?.into_iter().map(forms::Change::from).collect();
                json(StatusCode::OK, &forms::History { history })
            }
            Route::Push(name) => {
                let dry_run = dry_run(parts.uri.query());
                self.push(asked, &name, &parts.headers, body, dry_run).await
            }
            Route::Remove(name, revision) => {
                self.remove(asked, &name, &revision, dry_run(parts.uri.query()))
                    .await
            }
            Route::Activate(name) => {
                self.may_activate(asked, &name).await?;
                let form = self.form(body).await.and_then(forms::Activate::checked);
                let form = match form {
                    Ok(form) => form,
                    Err(refusal) => {
                        let permit = self.on::<action::ComponentsActivate>(asked, &name, None)?;
                        permit.settle(name, Outcome::Failed(refusal.code));
                        return Err(refusal);
                    }
                };
                self.activate(asked, &name, form).await
            }
            Route::RollBack(name) => {
                let permit = self.on::<action::ComponentsRollBack>(asked, &name, None)?;
                match self.form(body).await.and_then(forms::RollBack::checked) {
                    Ok(form) => self.roll_back(asked, permit, &name, form).await,
                    Err(refusal) => {
                        permit.settle(name, Outcome::Failed(refusal.code));
                        Err(refusal)
                    }
                }
            }
            Route::ReloadPolicy => self.reload(asked, dry_run(parts.uri.query())).await,
            Route::Status => {
                let permit = self.host::<action::HostStatus>(asked)?;
                permit.settle("host", Outcome::Success);
                json(StatusCode::OK, &self.status())
            }
            Route::Metrics => {
                let permit = self.host::<action::HostMetrics>(asked)?;
                permit.settle("host", Outcome::Success);
                Ok((StatusCode::OK, Said::Text((self.metrics)())))
            }
        }
    }

    /// The record of a request that is refused before it is known what it asks for.
    fn unasked(&self, asked: &Asked, path: &str, refusal: Refused) -> Refused {
        asked.trail.push(Record::plain(
            self.services.clock.now(),
            asked.actor.clone(),
            "admin.request",
            cut(path),
            Outcome::Failed(refusal.code),
        ));
        refusal
    }

    /// Permission to do `A` to a component: to `revision`, or to what serves.
    fn on<A: OperatorAction>(
        &self,
        asked: &Asked,
        name: &str,
        revision: Option<&ComponentIdentity>,
    ) -> Result<Permit<A>, Refused> {
        let serving = self.serving(name);
        let nothing = nothing_of(name);
        let component = revision.or(serving.as_deref()).unwrap_or(&nothing);
        let target = cut(name);
        Ok(self.services.gate.authorize_operator(
            &asked.actor,
            Some(component),
            &target,
            &asked.trail,
        )?)
    }

    /// What serves of a component.
    fn serving(&self, name: &str) -> Option<Arc<ComponentIdentity>> {
        let running = self.rollouts.running();
        let (_, running) = running.into_iter().find(|(one, _)| *one == name)?;
        Some(running.stable)
    }

    fn host<A: OperatorAction>(&self, asked: &Asked) -> Result<Permit<A>, Refused> {
        let gate = &self.services.gate;
        Ok(gate.authorize_operator(&asked.actor, None, "host", &asked.trail)?)
    }

    async fn form<B, T>(&self, body: B) -> Result<T, Refused>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        T: DeserializeOwned,
    {
        let body = body::collect(body, BODY, self.limits.body_timeout)
            .await
            .map_err(|error| refused(error.status(), error.code(), &error.to_string()))?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(text).map_err(|error| malformed(&error.to_string()))
    }
}

#[async_trait]
impl Handler for AdminDoor {
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
        let running = self.rollouts.running();
        let components: Vec<_> = running
            .into_iter()
            .map(|(_, running)| (*running.stable).clone())
            .collect();
        let gate = &self.services.gate;
        gate.admits_operator(peer.id.as_str(), &components)
    }

    /// So that whoever takes the last right from itself still reads that it did.
    fn farewell(&self) -> Duration {
        FAREWELL
    }

    fn policy_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.services.gate.changes())
    }
}

impl std::fmt::Debug for AdminDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminDoor")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

// === helpers ===

fn dry_run(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=true"))
}

/// What a request names may be anything; records and policy see a bounded part.
fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

fn tried(dry_run: bool) -> &'static str {
    if dry_run { " (dry run)" } else { "" }
}
