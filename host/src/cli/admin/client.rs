//! A request to the admin listener: one connection, mutual TLS, one answer.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use futures::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::clock::{Clock as _, SystemClock};
use crate::identity::tls::client_config;
use crate::identity::{Material, MaterialFiles, certificates, parse_svid};
use crate::server::admin::SIGNATURE;

/// What is sent at a time, bytes.
const CHUNK: usize = 64 * 1024;

/// The longest answer that is read, bytes.
const ANSWER: usize = 64 << 20;

/// Where the admin listener is, and who asks.
#[derive(Debug, Args)]
pub struct Access {
    /// The admin listener.
    #[arg(
        long,
        env = "ZEROPASS_ADMIN",
        value_name = "URL",
        default_value = "https://127.0.0.1:8444"
    )]
    admin: String,
    /// The authority of the host's certificate, PEM.
    #[arg(long, env = "ZEROPASS_CA", value_name = "FILE")]
    ca: PathBuf,
    /// The operator's certificate, PEM.
    #[arg(long, env = "ZEROPASS_CERT", value_name = "FILE")]
    cert: PathBuf,
    /// The operator's key, PEM.
    #[arg(long, env = "ZEROPASS_KEY", value_name = "FILE")]
    key: PathBuf,
}

/// What is sent along.
pub(super) enum Body<'a> {
    /// Nothing.
    Nothing,
    /// A form.
    Json(&'a Value),
    /// A component file and its signature.
    File {
        wasm: Vec<u8>,
        minisig: &'a str,
        progress: bool,
    },
}

/// A refusal of the host, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{detail} ({code})")]
pub(super) struct Refused {
    pub(super) code: String,
    detail: String,
}

// === impl Access ===

impl Access {
    /// Ask, and read the answer's JSON.
    ///
    /// # Errors
    /// The host can't be reached or is not who it should be, or it refuses.
    pub(super) fn ask(&self, method: Method, path: &str, body: Body<'_>) -> anyhow::Result<Value> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.exchange(method, path, body))
    }

    async fn exchange(&self, method: Method, path: &str, body: Body<'_>) -> anyhow::Result<Value> {
        let authority = self
            .admin
            .strip_prefix("https://")
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .with_context(|| format!("--admin {}: expected https://HOST:PORT", self.admin))?;
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !name.is_empty() => (name, port.parse::<u16>().ok()),
            _ => (authority, Some(443)),
        };
        let port =
            port.with_context(|| format!("--admin {}: expected https://HOST:PORT", self.admin))?;
        let name = name.trim_start_matches('[').trim_end_matches(']');

        let config = client_config(&self.material()?)?;
        let server = ServerName::try_from(name.to_owned())
            .with_context(|| format!("--admin {}", self.admin))?;
        let socket = TcpStream::connect((name, port)).await.with_context(|| {
            format!(
                "{}: no host answers there; is it running, and has it an [admin] section?",
                self.admin
            )
        })?;
        let mut config = config;
        config.alpn_protocols = vec![crate::identity::tls::ALPN_HTTP1.to_vec()];
        let stream = TlsConnector::from(std::sync::Arc::new(config))
            .connect(server, socket)
            .await
            .with_context(|| format!("{}: no trusted connection", self.admin))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);

        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, authority);
        let (bytes, progress) = match body {
            Body::Nothing => (Vec::new(), false),
            Body::Json(value) => {
                request = request.header(CONTENT_TYPE, "application/json");
                (serde_json::to_vec(value)?, false)
            }
            Body::File {
                wasm,
                minisig,
                progress,
            } => {
                request = request.header(CONTENT_TYPE, "application/wasm");
                if !minisig.is_empty() {
                    request = request.header(SIGNATURE, STANDARD.encode(minisig));
                }
                (wasm, progress)
            }
        };
        let request = request
            .header(CONTENT_LENGTH, bytes.len())
            .body(StreamBody::new(pieces(bytes, progress)))?;
        let response = sender.send_request(request).await.with_context(|| {
            format!(
                "{}: the connection broke off (a certificate that is no operator's is refused)",
                self.admin
            )
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("{}: the answer broke off: {error}", self.admin))?
            .to_bytes();
        driving.abort();
        if status.is_success() && body.is_empty() {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(&body)
            .with_context(|| format!("{}: status {status}, and no JSON", self.admin))?;
        if status.is_success() {
            return Ok(value);
        }
        let text = |member: &str| value.get(member).and_then(Value::as_str).unwrap_or("-");
        bail!(Refused {
            code: text("code").to_owned(),
            detail: text("detail").to_owned(),
        })
    }

    /// The operator's own trust domain is the host's.
    fn material(&self) -> anyhow::Result<Material> {
        let chain = certificates(&self.cert, "an operator's certificate")?;
        let leaf = chain
            .first()
            .with_context(|| format!("--cert {}: no certificate", self.cert.display()))?;
        let svid = parse_svid(leaf).with_context(|| format!("--cert {}", self.cert.display()))?;
        let files = MaterialFiles {
            certificate: self.cert.clone(),
            key: self.key.clone(),
            roots: self.ca.clone(),
            crls: Vec::new(),
            trust_domains: vec![svid.id.trust_domain().clone()],
        };
        Ok(Material::load(&files, SystemClock.now())?)
    }
}

/// The bytes in pieces, with a bar for people that grows as they are taken.
fn pieces(
    bytes: Vec<u8>,
    progress: bool,
) -> impl futures::Stream<Item = Result<Frame<Bytes>, std::convert::Infallible>> + Send {
    let all = Bytes::from(bytes);
    let bar = if progress {
        let bar = ProgressBar::new(u64::try_from(all.len()).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("pushing {bar:30} {bytes}/{total_bytes}") {
            bar.set_style(style);
        }
        bar
    } else {
        ProgressBar::hidden()
    };
    stream::unfold((all, bar), |(mut left, bar)| async move {
        if left.is_empty() {
            bar.finish_and_clear();
            return None;
        }
        let piece = left.split_to(left.len().min(CHUNK));
        bar.inc(u64::try_from(piece.len()).unwrap_or(0));
        Some((Ok(Frame::data(piece)), (left, bar)))
    })
}

/// A file's text, or nothing where there is no such file.
pub(super) fn read_if_there(file: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}
