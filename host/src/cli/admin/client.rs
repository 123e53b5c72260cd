//! A request to the admin listener: one connection, mutual TLS, one answer.
//!
//! Nothing is waited for without a bound: a host that is wedged, or somebody who only
//! listens at its address, ends the command with an error that says what was waited for.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::sync::watch;

use super::access::Access;
use crate::server::admin::SIGNATURE;

/// What is sent at a time, bytes.
const CHUNK: usize = 64 * 1024;

/// The longest answer that is read, bytes.
const LONGEST: usize = 64 << 20;

/// How long the host may take to be reached, for the connection and for the handshake.
const CONNECTION: Duration = Duration::from_secs(10);

/// How long the host may be silent once it has the request: it may have to compile a
/// component.
const ANSWER: Duration = Duration::from_secs(120);

/// The same where it pulls a component first, for which it takes an hour at the most
/// (`oci.timeout`).
const PULLED: Duration = Duration::from_secs(3_600 + 120);

/// How long a command waits.
struct Limits {
    connection: Duration,
    answer: Duration,
}

/// What is sent along.
pub(super) enum Body<'a> {
    /// Nothing.
    Nothing,
    /// A form.
    Json(&'a Value),
    /// A form that names what the host has to pull first.
    Reference(&'a Value),
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
    /// The host can't be reached or is not who it should be, or it refuses, or it says
    /// nothing in its time.
    pub(super) fn ask(&self, method: Method, path: &str, body: Body<'_>) -> anyhow::Result<Value> {
        let limits = Limits::of(&body);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answer = runtime.block_on(self.exchange(method, path, body, &limits));
        // A look-up of the host's name that still runs holds nobody up.
        runtime.shutdown_background();
        answer
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Body<'_>,
        limits: &Limits,
    ) -> anyhow::Result<Value> {
        let stream = self.connect(limits.connection).await?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);

        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.authority()?);
        let (bytes, progress) = match body {
            Body::Nothing => (Vec::new(), false),
            Body::Json(value) | Body::Reference(value) => {
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
        let (taken, taking) = watch::channel(());
        let request = request
            .header(CONTENT_LENGTH, bytes.len())
            .body(StreamBody::new(pieces(bytes, progress, taken)))?;
        let answer = within(limits.answer, taking, self.answer(sender, request));
        let (status, body) = answer.await.with_context(|| {
            format!(
                "{}: no answer within {:?}; what was asked may be done all the same",
                self.admin, limits.answer
            )
        })??;
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

    async fn answer<B>(
        &self,
        mut sender: SendRequest<B>,
        request: Request<B>,
    ) -> anyhow::Result<(StatusCode, Bytes)>
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        let response = sender.send_request(request).await.with_context(|| {
            format!(
                "{}: the connection broke off (a certificate that is no operator's is refused)",
                self.admin
            )
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("{}: the answer broke off: {error}", self.admin))?;
        Ok((status, body.to_bytes()))
    }
}

// === impl Limits ===

impl Limits {
    fn of(body: &Body<'_>) -> Self {
        let answer = match body {
            Body::Reference(_) => PULLED,
            Body::Nothing | Body::Json(_) | Body::File { .. } => ANSWER,
        };
        Self {
            connection: CONNECTION,
            answer,
        }
    }
}

/// What comes of `answer`, unless nothing happens for so long: neither does it come, nor is
/// a piece of the request `taken`.
async fn within<T>(
    patience: Duration,
    mut taken: watch::Receiver<()>,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let mut answer = pin!(answer);
    let mut asking = true;
    loop {
        tokio::select! {
            // What happened counts before the time that ran out meanwhile.
            biased;
            answer = &mut answer => return Some(answer),
            more = taken.changed(), if asking => asking = more.is_ok(),
            () = tokio::time::sleep(patience) => return None,
        }
    }
}

/// The bytes in pieces, with a bar for people that grows as they are taken.
fn pieces(
    bytes: Vec<u8>,
    progress: bool,
    taken: watch::Sender<()>,
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
    stream::unfold((all, bar, taken), |(mut left, bar, taken)| async move {
        taken.send_replace(());
        if left.is_empty() {
            bar.finish_and_clear();
            return None;
        }
        let piece = left.split_to(left.len().min(CHUNK));
        bar.inc(u64::try_from(piece.len()).unwrap_or(0));
        Some((Ok(Frame::data(piece)), (left, bar, taken)))
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

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
