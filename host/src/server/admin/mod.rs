//! The admin door: what operators ask of the host.
//!
//! Each request is authorized by policy before a byte of its body is read, leaves one
//! audit record with the operator and the target, whatever comes of it, and is
//! answered only when that record is durable. What a request changes is told in
//! [`registry::rollout`](crate::registry::rollout); nothing is decided here.
//!
//! A workload's certificate is refused by policy, action by action, as an operator's
//! is on the service listener.

mod forms;
mod route;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::route::Route;
use super::body;
use super::handler::{Handler, Peer, Response, full};
use super::owed::Owed;
use super::problem::problem;
use super::records::ConnectionRecords;
use crate::audit::{Actor, ComponentIdentity, Origin, Outcome, Trail};
use crate::capabilities::Services;
use crate::policy::action::{self, OperatorAction};
use crate::policy::{Denied, Permit};
use crate::registry::rollout::{Order, RolloutError, Rollouts, Wish};

/// The header with the signature of a pushed file: minisign's text in base64.
pub const SIGNATURE: &str = "zeropass-signature";

/// The largest body that is no component file, bytes.
const BODY: usize = 16 * 1024;

/// The longest reason that history keeps, characters.
const MAX_REASON: usize = 500;

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
    connections: ConnectionRecords,
}

/// One request under way.
struct Asked {
    actor: Actor,
    trail: Trail,
}

/// An answer that is none of success.
struct Refused {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

type Answered = Result<(StatusCode, Said), Refused>;

/// The body of an answer.
enum Said {
    Json(Vec<u8>),
    Text(String),
    Nothing,
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
        }
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
        let answered = self.dispatch(&asked, request).await;
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
            return Err(refused(
                StatusCode::NOT_FOUND,
                "not-found",
                "there is no such resource",
            ));
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
            Route::Push(name) => self.push(asked, &name, &parts.headers, body).await,
            Route::Remove(name, revision) => {
                self.remove(asked, &name, &revision, dry_run(parts.uri.query()))
                    .await
            }
            Route::Activate(name) => {
                let form: forms::Activate = match self.form(body).await {
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
                let form: forms::RollBack = match self.form(body).await {
                    Ok(form) => form,
                    Err(refusal) => {
                        let permit = self.on::<action::ComponentsRollBack>(asked, &name, None)?;
                        permit.settle(name, Outcome::Failed(refusal.code));
                        return Err(refusal);
                    }
                };
                self.roll_back(asked, &name, form).await
            }
            Route::ReloadPolicy => self.reload(asked).await,
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

    /// The components that the operator may see; refused where there are none.
    async fn components(&self, asked: &Asked) -> Answered {
        let mut components = Vec::new();
        let mut denied = None;
        for name in self.rollouts.names() {
            match self.on::<action::ComponentsList>(asked, name, None) {
                Ok(permit) => {
                    let overview = self.rollouts.overview(name).await;
                    permit.settle(name, outcome(&overview));
                    components.push(forms::Component::from(overview?));
                }
                Err(refusal) => denied = Some(refusal),
            }
        }
        match denied {
            Some(refusal) if components.is_empty() => Err(refusal),
            _ => json(StatusCode::OK, &forms::Components { components }),
        }
    }

    async fn push<B>(&self, asked: &Asked, name: &str, headers: &HeaderMap, body: B) -> Answered
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let nothing = ComponentIdentity {
            name: name.to_owned(),
            digest: String::new(),
            revision: String::new(),
        };
        // Asked before the file is read, hence without its digest.
        let permit = self.on::<action::ComponentsPush>(asked, name, Some(&nothing))?;
        let read = async {
            let minisig = signature(headers)?;
            let wasm = body::collect(body, self.limits.push, self.limits.body_timeout)
                .await
                .map_err(|error| refused(error.status(), error.code(), &error.to_string()))?;
            Ok::<_, Refused>((minisig, wasm))
        };
        let (minisig, wasm) = match read.await {
            Ok(read) => read,
            Err(refusal) => {
                permit.settle(name, Outcome::Failed(refusal.code));
                return Err(refusal);
            }
        };
        let digest = crate::registry::sha256(&wasm);
        let order = self.order(asked, permit, format!("{name} {digest}"));
        let pushed = self
            .rollouts
            .push(order, name, wasm.to_vec(), minisig)
            .await?;
        let status = match pushed.new {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        json(status, &forms::Push::from(pushed))
    }

    async fn activate(&self, asked: &Asked, name: &str, form: forms::Activate) -> Answered {
        let wish = Wish {
            revision: form.revision,
            canary: form.canary,
            rollback: form.rollback,
            dry_run: form.dry_run,
            why: reason(&form.reason)?,
        };
        let meant = self.meant(name, &wish.revision).await;
        let permit = self.on::<action::ComponentsActivate>(asked, name, Some(&meant))?;
        let target = format!("{name} {}{}", meant.digest, tried(wish.dry_run));
        let order = self.order(asked, permit, target);
        let change = self.rollouts.activate(order, name, &wish).await?;
        json(StatusCode::OK, &change)
    }

    async fn roll_back(&self, asked: &Asked, name: &str, form: forms::RollBack) -> Answered {
        let why = reason(&form.reason)?;
        let permit = self.on::<action::ComponentsRollBack>(asked, name, None)?;
        let order = self.order(asked, permit, format!("{name}{}", tried(form.dry_run)));
        let change = self
            .rollouts
            .roll_back(order, name, &why, form.dry_run)
            .await?;
        json(StatusCode::OK, &change)
    }

    async fn remove(&self, asked: &Asked, name: &str, wanted: &str, dry_run: bool) -> Answered {
        let meant = self.meant(name, wanted).await;
        let permit = self.on::<action::ComponentsRemove>(asked, name, Some(&meant))?;
        let target = format!("{name} {}{}", meant.digest, tried(dry_run));
        let order = self.order(asked, permit, target);
        let removed = self.rollouts.remove(order, name, wanted, dry_run).await?;
        match dry_run {
            true => json(StatusCode::OK, &forms::Revision::from(removed)),
            false => Ok((StatusCode::NO_CONTENT, Said::Nothing)),
        }
    }

    async fn reload(&self, asked: &Asked) -> Answered {
        let permit = self.host::<action::PolicyReload>(asked)?;
        let (services, folder) = (Arc::clone(&self.services), self.policies.clone());
        let reloaded = tokio::task::spawn_blocking(move || services.gate.reload(&folder)).await;
        let reloaded = match reloaded {
            Ok(Ok(epoch)) => Ok(epoch),
            Ok(Err(error)) => Err(refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "policy-refused",
                &format!("{error}; the old policies stay in force"),
            )),
            Err(_) => Err(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "the policies could not be read",
            )),
        };
        match reloaded {
            Ok(epoch) => {
                let digest = self.services.gate.digest();
                permit.settle(digest.clone(), Outcome::Success);
                json(StatusCode::OK, &forms::Policy { epoch, digest })
            }
            Err(refusal) => {
                permit.settle("host", Outcome::Failed(refusal.code));
                Err(refusal)
            }
        }
    }

    fn status(&self) -> forms::Status {
        let gate = &self.services.gate;
        forms::Status {
            host: self.rollouts.host().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            policy: forms::Policy {
                epoch: gate.epoch(),
                digest: gate.digest(),
            },
            components: self
                .rollouts
                .running()
                .into_iter()
                .map(forms::Runs::from)
                .collect(),
        }
    }

    /// Permission to do `A` to a component: to `revision`, or to what serves.
    fn on<A: OperatorAction>(
        &self,
        asked: &Asked,
        name: &str,
        revision: Option<&ComponentIdentity>,
    ) -> Result<Permit<A>, Refused> {
        let serving = self
            .rollouts
            .running()
            .into_iter()
            .find(|(one, _)| *one == name)
            .map(|(_, running)| running.stable);
        let nobody = ComponentIdentity {
            name: cut(name),
            digest: String::new(),
            revision: String::new(),
        };
        let component = revision.or(serving.as_deref()).unwrap_or(&nobody);
        let target = cut(name);
        Ok(self.services.gate.authorize_operator(
            &asked.actor,
            Some(component),
            &target,
            &asked.trail,
        )?)
    }

    fn host<A: OperatorAction>(&self, asked: &Asked) -> Result<Permit<A>, Refused> {
        let gate = &self.services.gate;
        Ok(gate.authorize_operator(&asked.actor, None, "host", &asked.trail)?)
    }

    /// The revision that somebody means, as policy judges it. One that is not there
    /// has no digest.
    async fn meant(&self, name: &str, wanted: &str) -> ComponentIdentity {
        let found = self.rollouts.find(name, wanted).await.ok();
        let (digest, revision) = found.map_or_else(
            || (String::new(), String::new()),
            |info| (info.digest, info.version),
        );
        ComponentIdentity {
            name: cut(name),
            digest,
            revision,
        }
    }

    fn order<A: OperatorAction>(&self, asked: &Asked, permit: Permit<A>, target: String) -> Order {
        let who = &asked.actor.origin.workload;
        Order::new(who, permit.into_record(cut(&target)), &asked.trail)
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
}

impl std::fmt::Debug for AdminDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminDoor")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

// === impl Said ===

impl Said {
    fn respond(self, status: StatusCode) -> Response {
        let (kind, body) = match self {
            Self::Json(json) => (Some("application/json"), full(json)),
            Self::Text(text) => (Some("text/plain; version=0.0.4"), full(text)),
            Self::Nothing => (None, full(Bytes::new())),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

// === impl Refused ===

impl From<Denied> for Refused {
    fn from(_: Denied) -> Self {
        refused(
            StatusCode::FORBIDDEN,
            "not-permitted",
            "policy does not allow this operator to do this",
        )
    }
}

impl From<RolloutError> for Refused {
    fn from(error: RolloutError) -> Self {
        let status = match &error {
            RolloutError::NoComponent(_) | RolloutError::NoRevision { .. } => StatusCode::NOT_FOUND,
            RolloutError::Ambiguous { .. } | RolloutError::Weight(_) => StatusCode::BAD_REQUEST,
            RolloutError::Already { .. }
            | RolloutError::NoPredecessor(_)
            | RolloutError::Conflict
            | RolloutError::InUse(_) => StatusCode::CONFLICT,
            RolloutError::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            RolloutError::Store => StatusCode::SERVICE_UNAVAILABLE,
        };
        refused(status, error.code(), &error.to_string())
    }
}

// === helpers ===

fn refused(status: StatusCode, code: &'static str, detail: &str) -> Refused {
    Refused {
        status,
        code,
        detail: detail.to_owned(),
    }
}

fn malformed(detail: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, "malformed", detail)
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Answered {
    // Text and numbers always serialize.
    Ok((
        status,
        Said::Json(serde_json::to_vec(value).unwrap_or_default()),
    ))
}

fn outcome<T>(result: &Result<T, RolloutError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::Failed(error.code()),
    }
}

/// minisign's text, from its header; empty where there is none.
fn signature(headers: &HeaderMap) -> Result<String, Refused> {
    let Some(value) = headers.get(SIGNATURE) else {
        return Ok(String::new());
    };
    STANDARD
        .decode(value.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            malformed("the header zeropass-signature: expected the .minisig file in base64")
        })
}

fn reason(text: &str) -> Result<String, Refused> {
    if text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(malformed(
            "reason: expected one line of at most 500 characters",
        ));
    }
    Ok(text.to_owned())
}

fn dry_run(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=true"))
}

fn tried(dry_run: bool) -> &'static str {
    if dry_run { " (dry run)" } else { "" }
}

/// What a request names may be anything; records and policy see a bounded part.
fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
