//! The twin: the host's work in a native Rust server without a sandbox.
//!
//! What it shares with the host is the host's own code: listener, TLS, body limits,
//! store, policy gate, audit records, token signing, the JSON of auth-service and
//! the ceremonies of passkey-manager. It asks the gate wherever the host does, in
//! the same order, as the same components. What it has not got is wasm: no
//! instances, no crossing of boundaries, no deadlines for guests. So the difference
//! between the two is the price of the sandbox.
//!
//! It answers sign-ins and nothing else, and is no product.

mod sign_in;
mod words;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use async_trait::async_trait;
use auth_service::http::{Body, Method, Request};
use auth_service::problem::Problem;
use auth_service::response::Response as ApiResponse;
use hyper::body::Incoming;
use zeropass::audit::{Actor, ComponentIdentity, Origin, Outcome, Trail};
use zeropass::clock::Clock;
use zeropass::config::{self, Config, HealthListen, IdentitySource};
use zeropass::identity::tls::server_config;
use zeropass::identity::{CurrentTls, Material, pki};
use zeropass::policy::Gate;
use zeropass::policy::action::ApiAuthentications;
use zeropass::secrets::{Pseudonyms, Signer, random_key};
use zeropass::server::handler::full;
use zeropass::server::health::{Health, HealthAddress};
use zeropass::server::{Handler, Limits, Listener, Peer, Response, body, drain};
use zeropass::store::Store;
use zeropass::store::sqlite::SqliteStore;
use zeropass::telemetry;

use crate::subject::{RP_ID, clock, component, gate};

/// Answers sign-ins.
struct Twin {
    gate: Arc<Gate>,
    store: Arc<dyn Store>,
    signer: Signer,
    pseudonyms: Pseudonyms,
    clock: Arc<dyn Clock>,
    limits: Limits,
    auth_service: Arc<ComponentIdentity>,
    passkey_manager: Arc<ComponentIdentity>,
}

/// One request.
struct Call<'a> {
    twin: &'a Twin,
    peer: &'a Peer,
    origin: &'a Arc<Origin>,
    trail: &'a Trail,
}

/// Serve on the site of `config` until the process is ended.
///
/// # Errors
/// What kept it from starting.
pub async fn serve(config: &Path) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    telemetry::init(telemetry::Format::Json, "info")?;
    let clock = clock();
    let keys = &config.keys.folder;
    let IdentitySource::Files { certificate, .. } = &config.service.identity else {
        anyhow::bail!("the twin takes its identity from files");
    };
    let folder = certificate.parent().context("pki folder")?;
    let files = pki::files_of(folder, "host", &pki::DEFAULT_TRUST_DOMAIN.parse()?);
    let material = Material::load(&files, clock.now())?;
    let tls = CurrentTls::new(server_config(&material, Arc::clone(&clock))?);
    let lifetime = u64::try_from(config.tokens.session_lifetime.as_millis())?;
    let config::Store::Sqlite(path) = &config.store else {
        anyhow::bail!("the twin's store is SQLite");
    };
    let store = SqliteStore::open(path, lifetime, Arc::clone(&clock)).await?;
    let store: Arc<dyn Store> = Arc::new(store);
    let limits = Limits::default();
    let twin = Twin {
        gate: gate(&config.policy.folder)?,
        store: Arc::clone(&store),
        signer: Signer::open(keys, config.tokens.issuer.as_str())?,
        pseudonyms: Pseudonyms::new(&random_key(keys, "pseudonym.key")?),
        clock: Arc::clone(&clock),
        limits: limits.clone(),
        auth_service: component("auth-service", "twin"),
        passkey_manager: component("passkey-manager", "twin"),
    };
    let address = config.service.listen;
    let listener = Listener::bind(address, tls, limits, clock, Arc::new(twin)).await?;
    let (trigger, watcher) = drain::channel();
    let health = health(&config, store).await?;
    tokio::spawn(health.serve(watcher.clone()));
    listener.serve(watcher).await;
    drop(trigger);
    Ok(())
}

async fn health(config: &Config, store: Arc<dyn Store>) -> anyhow::Result<Health> {
    let Some(HealthListen::Loopback(address)) = config.health.as_ref().map(|health| &health.listen)
    else {
        anyhow::bail!("the twin needs a health listener on loopback");
    };
    let ready = Arc::new(move || {
        let store = Arc::clone(&store);
        Box::pin(async move { store.ready().await.is_ok() })
            as futures::future::BoxFuture<'static, bool>
    });
    Ok(Health::bind(&HealthAddress::Tcp((*address).try_into()?), ready).await?)
}

#[async_trait]
impl Handler for Twin {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        let origin = Arc::new(Origin {
            request_id: uuid::Uuid::now_v7().to_string(),
            workload: peer.id.to_string(),
            address: peer.address.to_string(),
        });
        let trail = Trail::that_withholds();
        let started = Instant::now();
        let method = request.method().clone();
        let call = Call {
            twin: self,
            peer: &peer,
            origin: &origin,
            trail: &trail,
        };
        let answer = call.answer(request).await;
        let answer = match self.store.append(&trail).await {
            Ok(()) => answer,
            Err(_) => Err(words::busy("the audit log can't be written")),
        };
        let answer = answer.unwrap_or_else(|problem| problem.into_response(&origin.request_id));
        tracing::info!(
            request_id = origin.request_id,
            workload = origin.workload,
            %method,
            area = "/v1/authentications",
            status = answer.status,
            microseconds = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        respond(answer, &origin)
    }

    fn refused(&self, address: SocketAddr, code: &'static str) {
        tracing::warn!(%address, code, "connection refused");
    }

    fn ended(&self, peer: &Peer, code: &'static str) {
        tracing::warn!(address = %peer.address, code, "connection ended");
    }
}

// === impl Call ===

impl Call<'_> {
    async fn answer(&self, request: http::Request<Incoming>) -> Result<ApiResponse, Problem> {
        let served = self.twin.gate.served(&self.origin.workload);
        let actor = self.actor(None);
        let first = served.first().map(String::as_str);
        let permit = self
            .twin
            .gate
            .authorize::<ApiAuthentications>(&actor, first, self.trail)
            .map_err(words::denied)?;
        let answer = self.routed(request).await;
        let outcome = match &answer {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failed("refused"),
        };
        permit.settle("POST /v1/authentications", outcome);
        answer
    }

    async fn routed(&self, request: http::Request<Incoming>) -> Result<ApiResponse, Problem> {
        let (parts, body) = request.into_parts();
        let limits = &self.twin.limits;
        let body = body::collect(body, limits.max_body_bytes, limits.request_timeout)
            .await
            .map_err(|error| auth_service::problem::malformed(error.to_string()))?;
        let content_type = parts.headers.get(http::header::CONTENT_TYPE);
        let request = Request {
            method: match parts.method {
                http::Method::POST => Method::Post,
                _ => Method::Other,
            },
            target: parts.uri.path().to_owned(),
            content_type: content_type
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            session: None,
            body: Body::Complete(body.into()),
        };
        let nothing = || Problem::not_found("the twin answers sign-ins only");
        let rest = request
            .path()
            .strip_prefix("/v1/authentications")
            .ok_or_else(nothing)?;
        match rest.strip_prefix('/') {
            None if rest.is_empty() => self.begin(&request).await,
            Some(ceremony) if !ceremony.is_empty() => self.finish(&request, ceremony).await,
            _ => Err(nothing()),
        }
    }

    fn actor(&self, component: Option<&Arc<ComponentIdentity>>) -> Actor {
        Actor {
            origin: Arc::clone(self.origin),
            component: component.cloned(),
        }
    }

    /// The one relying party there is.
    fn rp_id(&self, asked: Option<&str>) -> Result<&'static str, Problem> {
        match asked {
            None | Some(RP_ID) => Ok(RP_ID),
            Some(_) => Err(Problem::not_permitted("another relying party")),
        }
    }
}

fn respond(answer: ApiResponse, origin: &Origin) -> Response {
    let mut response = Response::new(full(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let Ok(value) = value.parse() {
            headers.append(*name, value);
        }
    }
    if let Ok(id) = origin.request_id.parse() {
        headers.insert("x-request-id", id);
    }
    response
}
