//! A SPIFFE agent for tests: the X.509 part of the Workload API on a unix socket.
//!
//! It speaks gRPC as the protocol's own documents describe it (messages with five
//! bytes before them, the status in trailers), with messages written by hand.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use zeropass::identity::pki::{Ca, Issued};

/// What the agent answers.
#[derive(Debug, Clone)]
enum State {
    Given(Bytes),
    Denied,
}

/// An agent that gives identities, until told otherwise. It is gone when dropped.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
    state: watch::Sender<State>,
    serving: Option<JoinHandle<()>>,
}

/// `X509SVIDResponse` of the Workload API, without what is not used here.
#[derive(Clone, PartialEq, Message)]
struct Given {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<Svid>,
}

/// `X509SVID` of the Workload API.
#[derive(Clone, PartialEq, Message)]
struct Svid {
    #[prost(string, tag = "1")]
    spiffe_id: String,
    #[prost(bytes = "vec", tag = "2")]
    x509_svid: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    x509_svid_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    bundle: Vec<u8>,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

// === impl Agent ===

impl Agent {
    /// An agent at this socket that gives `issued`, with `roots`.
    pub fn start(socket: &Path, id: &str, issued: &Issued, roots: &[&Ca]) -> Self {
        Self::giving(socket, &[(id, issued)], roots)
    }

    /// An agent at this socket that gives several identities, with `roots`.
    pub fn giving(socket: &Path, identities: &[(&str, &Issued)], roots: &[&Ca]) -> Self {
        let mut agent = Self {
            socket: socket.to_owned(),
            state: watch::Sender::new(State::Given(given(identities, roots))),
            serving: None,
        };
        agent.appear();
        agent
    }

    /// Send this identity instead, to all that listen.
    pub fn give(&self, id: &str, issued: &Issued, roots: &[&Ca]) {
        self.give_all(&[(id, issued)], roots);
    }

    /// Send these identities instead, to all that listen.
    pub fn give_all(&self, identities: &[(&str, &Issued)], roots: &[&Ca]) {
        self.state
            .send_replace(State::Given(given(identities, roots)));
    }

    /// Deny permission to all that listen and will call.
    pub fn withdraw(&self) {
        self.state.send_replace(State::Denied);
    }

    /// End all connections and take no more.
    pub async fn disappear(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Be there again.
    ///
    /// # Panics
    /// The socket can't be bound.
    pub fn appear(&mut self) {
        let listener = UnixListener::bind(&self.socket).expect("a unix socket");
        self.serving = Some(tokio::spawn(serve(listener, self.state.subscribe())));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn serve(listener: UnixListener, state: watch::Receiver<State>) {
    // Ends with its connections when this task is aborted.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let state = state.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, state.clone());
                async move { Ok::<_, Infallible>(answer) }
            });
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

fn answer(request: &Request<Incoming>, state: watch::Receiver<State>) -> Response<Body> {
    assert_eq!(request.uri().path(), "/SpiffeWorkloadAPI/FetchX509SVID");
    // Without it an agent must not answer: a browser can't send it by accident.
    assert_eq!(request.headers()["workload.spiffe.io"], "true");
    let body: Body = BodyExt::boxed_unsync(StreamBody::new(frames(state).map(Ok)));
    let mut response = Response::new(body);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    response
}

/// What is given now and from now on; a denial ends the stream.
fn frames(state: watch::Receiver<State>) -> impl Stream<Item = Frame<Bytes>> {
    stream::unfold(Some((state, true)), |next| async move {
        let (mut state, first) = next?;
        if !first {
            state.changed().await.ok()?;
        }
        let now = state.borrow_and_update().clone();
        Some(match now {
            State::Given(message) => (Frame::data(message), Some((state, false))),
            State::Denied => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("7"));
                trailers.insert("grpc-message", HeaderValue::from_static("no identity"));
                (Frame::trailers(trailers), None)
            }
        })
    })
}

/// A message as gRPC frames it: not compressed, its length, itself.
fn given(identities: &[(&str, &Issued)], roots: &[&Ca]) -> Bytes {
    let bundle: Vec<u8> = roots
        .iter()
        .flat_map(|root| root.certificate().to_vec())
        .collect();
    let svid = |(id, issued): &(&str, &Issued)| {
        let chain = CertificateDer::pem_slice_iter(issued.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
        Svid {
            spiffe_id: (*id).to_owned(),
            x509_svid: chain
                .flat_map(|one| one.expect("a certificate").to_vec())
                .collect(),
            x509_svid_key: key.secret_der().to_vec(),
            bundle: bundle.clone(),
        }
    };
    let message = Given {
        svids: identities.iter().map(svid).collect(),
    }
    .encode_to_vec();
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).expect("a short message"));
    framed.put_slice(&message);
    framed.freeze()
}
