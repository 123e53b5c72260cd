//! Both ends of a link, each of them also without the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::sync::mpsc;
use zeropass::audit::ComponentIdentity;
use zeropass::clock::{Clock, SystemClock};
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass::identity::{
    ClientTls, CurrentClientTls, CurrentTls, Material, MaterialFiles, ServerTls, SpiffeId,
    link_client_config, link_server_config,
};
use zeropass::link::wire::envelope::Request;
use zeropass::link::wire::passkeys::List;
use zeropass::link::{Failed, LinkClient, LinkOptions, Notice};
use zeropass::policy::action::{LifecycleList, LifecycleRevoke};
use zeropass::runtime::Deadline;
use zeropass::server::drain::{self, Trigger};
use zeropass::server::handler::{Handler, Peer, Response};
use zeropass::server::{Limits, Listener};
use zeropass_tests::deployment::certificates::{component, install_provider, now};
use zeropass_tests::deployment::{RP_ID, TRUST_DOMAIN, certificates};

/// How long something may take that takes no time. Only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An authority, and certificates that it has issued.
pub struct Pki {
    ca: Ca,
    folder: TempDir,
}

/// What a host at the other end answers.
pub type Script =
    Box<dyn Fn(http::Request<Incoming>) -> BoxFuture<'static, Response> + Send + Sync>;

/// A host at the other end that does what a test tells it to.
pub struct Back {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    stop: Option<Trigger>,
    serving: tokio::task::JoinHandle<()>,
}

/// What a host at the other end has counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// First requests: connections that were taken.
    pub taken: AtomicUsize,
    /// Connections that were refused in their handshake.
    pub refused: AtomicUsize,
    /// Connections that were ended by the host.
    pub ended: AtomicUsize,
}

struct Scripted(Script, Arc<Counts>);

/// The id of a component of every deployment.
pub fn component_id(name: &str) -> SpiffeId {
    format!("spiffe://{TRUST_DOMAIN}/component/{name}")
        .parse()
        .unwrap()
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

// === impl Pki ===

impl Pki {
    pub fn new() -> Self {
        install_provider();
        let ca = Ca::new(&TRUST_DOMAIN.parse().unwrap(), now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        Self { ca, folder }
    }

    /// Material with a certificate of this authority that trusts this authority.
    pub fn material(&self, request: &IssueRequest) -> Material {
        material(&self.ca, self.folder.path(), request)
    }

    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn server(&self) -> Arc<ServerTls> {
        server_tls(&self.material(&component("passkey-manager")))
    }

    pub fn client_tls(&self) -> Arc<ClientTls> {
        client_tls(&self.material(&component("auth-service")))
    }

    /// A link to these addresses.
    pub fn link(&self, targets: &[SocketAddr]) -> Arc<LinkClient> {
        link(targets, CurrentClientTls::new(self.client_tls()))
    }

    /// A host at the other end, on a free port.
    pub async fn back(&self, script: Script) -> Back {
        self.back_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// A host at the other end.
    pub async fn back_at(&self, address: SocketAddr, script: Script) -> Back {
        let tls = CurrentTls::new(self.server());
        Back::start(address, tls, Limits::default(), script).await
    }
}

/// Of passkey-manager, for auth-service.
pub fn server_tls(own: &Material) -> Arc<ServerTls> {
    link_server_config(own, &component_id("auth-service"), clock()).unwrap()
}

/// Of auth-service, for passkey-manager.
pub fn client_tls(own: &Material) -> Arc<ClientTls> {
    link_client_config(own, &component_id("passkey-manager"), clock()).unwrap()
}

/// The same, for tests that dial by themselves.
pub fn client_config(own: &Material) -> ClientConfig {
    ClientConfig::clone(&client_tls(own).config())
}

/// A link to these addresses with TLS that may change.
pub fn link(targets: &[SocketAddr], tls: CurrentClientTls) -> Arc<LinkClient> {
    noticing(targets, tls).0
}

/// The same, and what it notices.
pub fn noticing(
    targets: &[SocketAddr],
    tls: CurrentClientTls,
) -> (Arc<LinkClient>, mpsc::UnboundedReceiver<Notice>) {
    let (notices, noticed) = mpsc::unbounded_channel();
    let options = LinkOptions {
        targets: targets.iter().map(ToString::to_string).collect(),
        connect_timeout: Duration::from_secs(5),
        notices: Some(notices),
    };
    (LinkClient::new(options, tls, clock()), noticed)
}

/// A certificate of `ca` with its key in `folder`, which holds `ca.pem` and, where
/// revocation is to be checked, `crl.pem`.
pub fn material(ca: &Ca, folder: &std::path::Path, request: &IssueRequest) -> Material {
    let issued = ca.issue(request).unwrap();
    let name = uuid::Uuid::new_v4();
    std::fs::write(folder.join(format!("{name}.pem")), issued.certificate).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), issued.key).unwrap();
    material_of(folder, &name.to_string())
}

/// The certificate and key of this name that are in `folder` already.
pub fn material_of(folder: &std::path::Path, name: &str) -> Material {
    let files = MaterialFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
        roots: folder.join("ca.pem"),
        crls: Some(folder.join("crl.pem"))
            .filter(|list| list.exists())
            .into_iter()
            .collect(),
        trust_domains: vec![TRUST_DOMAIN.parse().unwrap(), "elsewhere".parse().unwrap()],
    };
    Material::load(&files, now()).unwrap()
}

// === impl Back ===

impl Back {
    pub async fn start(
        address: SocketAddr,
        tls: CurrentTls,
        limits: Limits,
        script: Script,
    ) -> Self {
        let counts = Arc::<Counts>::default();
        let handler = Arc::new(Scripted(script, Arc::clone(&counts)));
        let listener = Listener::bind(address, tls, limits, clock(), handler)
            .await
            .unwrap();
        let address = listener.local_address().unwrap();
        let (stop, watcher) = drain::channel();
        Self {
            address,
            counts,
            stop: Some(stop),
            serving: tokio::spawn(listener.serve(watcher)),
        }
    }

    /// What it has counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Gone at once: the socket closed, its connections broken.
    pub async fn kill(mut self) {
        self.serving.abort();
        if let Some(stop) = self.stop.take() {
            stop.drain(Duration::ZERO).await;
        }
    }
}

#[async_trait]
impl Handler for Scripted {
    async fn handle(&self, _: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        if request.uri().path() == zeropass::link::wire::HELLO {
            self.1.taken.fetch_add(1, Ordering::SeqCst);
            return answer(200, &zeropass::link::wire::VERSION);
        }
        (self.0)(request).await
    }

    fn refused(&self, _: SocketAddr, _: &'static str) {
        self.1.refused.fetch_add(1, Ordering::SeqCst);
    }

    fn ended(&self, _: &Peer, _: &'static str) {
        self.1.ended.fetch_add(1, Ordering::SeqCst);
    }
}

// === calls ===

/// An answer of this status with this body in CBOR.
pub fn answer(status: u16, body: &impl serde::Serialize) -> Response {
    let body = zeropass::link::wire::encode(body);
    let mut answer = Response::new(zeropass::server::handler::full(body));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}

/// On behalf of a workload's request.
pub fn request() -> Request {
    Request {
        id: "a-request".into(),
        workload: certificates::spiffe_id("relying-party"),
        thumbprint: None,
        place: None,
        relying_parties: vec![RP_ID.into()],
    }
}

pub fn revision() -> ComponentIdentity {
    ComponentIdentity {
        name: "auth-service".into(),
        digest: "0".repeat(64),
        revision: "1.0.0".into(),
    }
}

pub fn list_arguments() -> List {
    List {
        rp_id: RP_ID.into(),
        user_id: "u".into(),
    }
}

/// `lifecycle.list`, which may be repeated: how many passkeys there are.
pub async fn list(link: &LinkClient, deadline: Deadline) -> Result<usize, Failed> {
    let called = link
        .call::<LifecycleList>(request(), &revision(), deadline, list_arguments())
        .await?;
    Ok(called.ok().expect("a list").len())
}

/// `lifecycle.revoke`, which may not be repeated.
pub async fn revoke(link: &LinkClient, deadline: Deadline) -> Result<(), Failed> {
    let arguments = zeropass::link::wire::passkeys::Revoke {
        rp_id: RP_ID.into(),
        user_id: "u".into(),
        id: zeropass::link::wire::Bytes(vec![1]),
    };
    let called = link
        .call::<LifecycleRevoke>(request(), &revision(), deadline, arguments)
        .await?;
    assert!(called.is_ok());
    Ok(())
}

/// Try until it succeeds.
pub async fn eventually<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
) -> T {
    let started = std::time::Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => assert!(started.elapsed() < PATIENCE, "still {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
