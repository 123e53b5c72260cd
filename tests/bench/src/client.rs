//! A relying party's backend and its user in one: HTTP/2 over mTLS on one
//! connection that is kept, and whole sign-ins over it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeropass::identity::tls::client_config;
use zeropass::identity::{Material, pki};

use crate::site::Person;
use crate::subject::clock;

/// One connection.
pub struct Client {
    requests: SendRequest<Full<Bytes>>,
}

/// What came back.
pub struct Answer {
    /// The host's id of the request, under which its records stand.
    pub id: Option<String>,
    /// JSON.
    pub body: Value,
}

/// The relying party's side of mTLS, from a site's certificates.
///
/// # Errors
/// The certificates can't be used.
pub fn tls(folder: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    tls_as(folder, "relying-party")
}

/// The same as `name`, one of the development PKI's.
///
/// # Errors
/// The certificates can't be used.
pub fn tls_as(folder: &Path, name: &str) -> anyhow::Result<Arc<ClientConfig>> {
    let domain = pki::DEFAULT_TRUST_DOMAIN.parse()?;
    let files = pki::files_of(folder, name, &domain);
    let material = Material::load(&files, clock().now())?;
    Ok(Arc::new(client_config(&material)?))
}

// === impl Client ===

impl Client {
    /// Connect and shake hands.
    ///
    /// # Errors
    /// Nobody listens, or one side refuses the other.
    pub async fn connect(address: SocketAddr, tls: Arc<ClientConfig>) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(tls).connect(name, socket).await?;
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        // Ends when the last sender is gone.
        tokio::spawn(connection);
        Ok(Self { requests })
    }

    /// Sign in: both requests, from the name to the session. Returns the second one's answer.
    ///
    /// # Errors
    /// Anything but a session.
    pub async fn sign_in(&mut self, person: &Person) -> anyhow::Result<Answer> {
        let begun = self.begin(&person.name).await?.body;
        let text = |pointer: &str| {
            begun
                .pointer(pointer)
                .and_then(Value::as_str)
                .with_context(|| format!("the answer has no {pointer}"))
        };
        let challenge = URL_SAFE_NO_PAD.decode(text("/publicKey/challenge")?)?;
        let signed = person.authenticator.sign(&challenge)?;
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let id = encoded(&person.authenticator.id);
        let credential = json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": {
                "clientDataJSON": encoded(&signed.client_data_json),
                "authenticatorData": encoded(&signed.authenticator_data),
                "signature": encoded(&signed.signature),
                "userHandle": encoded(person.authenticator.user_id.as_bytes()),
            },
            "clientExtensionResults": {},
        });
        let request = posted(
            &format!("/v1/authentications/{}", text("/ceremony")?),
            &json!({"credential": credential}),
        )?;
        let finished = self.send(request, StatusCode::OK).await?;
        let token = finished.body.pointer("/session/token");
        token.context("the answer has no session")?;
        Ok(finished)
    }

    /// Begin a sign-in: the ceremony and its options.
    ///
    /// # Errors
    /// Anything but a ceremony.
    pub async fn begin(&mut self, name: &str) -> anyhow::Result<Answer> {
        let request = posted("/v1/authentications", &json!({"user": {"name": name}}))?;
        self.send(request, StatusCode::CREATED).await
    }

    /// Post JSON and take JSON.
    ///
    /// # Errors
    /// Another status than expected.
    pub async fn post(
        &mut self,
        path: &str,
        body: &Value,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        let sent = self.send(posted(path, body)?, expected).await?;
        Ok(sent.body)
    }

    /// Send a request and take JSON.
    ///
    /// # Errors
    /// Another status than expected.
    pub async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> anyhow::Result<Answer> {
        self.requests.ready().await?;
        let (head, body) = self.requests.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if head.status != expected {
            // A problem document: it holds no secrets.
            let said = String::from_utf8_lossy(&body).into_owned();
            anyhow::bail!("{} instead of {expected}: {said}", head.status);
        }
        let id = head.headers.get("x-request-id");
        Ok(Answer {
            id: id.and_then(|id| id.to_str().ok()).map(str::to_owned),
            body: serde_json::from_slice(&body)?,
        })
    }
}

fn posted(path: &str, body: &Value) -> anyhow::Result<http::Request<Full<Bytes>>> {
    let request = http::Request::post(format!("https://localhost{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))?;
    Ok(request)
}
