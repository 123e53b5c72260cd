//! A call: encoded, sent, sent again where that is safe, and understood.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::AbortHandle;

use super::connection::{Connection, Fault};
use super::dial::Dialer;
use super::hosts::Hosts;
use super::notice::Notices;
use super::target::Target;
use crate::audit::ComponentIdentity;
use crate::clock::Clock;
use crate::identity::CurrentClientTls;
use crate::link::wire::envelope::{Answer, Call, Refusal, Request as OnBehalf, Shown};
use crate::link::wire::{self, Function};
use crate::registry::Provenance;
use crate::runtime::Deadline;

/// On how many connections a call is tried at most.
const ATTEMPTS: usize = 3;

/// Where a link leads, and how long it may take to get there.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// `host:port` of every host at the other end, one at least.
    pub targets: Vec<String>,
    /// For a connection: TCP, TLS and a first answer.
    pub connect_timeout: Duration,
    /// Who is told of connections that were refused or cut; nobody, if none.
    pub notices: Option<Notices>,
}

/// The calling end of a link to one or more hosts. It keeps a connection to each, until
/// it is dropped.
pub struct LinkClient {
    hosts: Hosts,
    keepers: Vec<AbortHandle>,
    /// The signatures of what runs here, for hosts that ask for them.
    provenance: Arc<Provenance>,
}

/// Why a call brought no result. For its maker all of these are `busy`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// No host could be asked.
    #[error("no host at the other end of the link can be reached")]
    Unreachable,
    /// The connection broke while the call was under way.
    #[error("the connection broke before the answer came")]
    Lost,
    /// No answer within the deadline.
    #[error("the other end of the link did not answer in time")]
    Deadline,
    /// The other end did not begin the call, or withheld the answer.
    #[error("the other end of the link refused: {0}")]
    Refused(String),
    /// The other end does not admit the revision that calls.
    #[error("the other end of the link does not admit this revision")]
    NotAdmitted,
    /// The answer is not what was expected.
    #[error("the other end of the link is not understood: {0}")]
    Unreadable(#[from] wire::Unreadable),
}

// === impl LinkClient ===

impl LinkClient {
    /// Begin to connect to the targets. Must be called inside a runtime.
    pub fn new(options: LinkOptions, tls: CurrentClientTls, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::vouching(options, tls, clock, Arc::default())
    }

    /// The same with the signatures of what runs here, which are shown to hosts that ask
    /// for them.
    pub fn vouching(
        options: LinkOptions,
        tls: CurrentClientTls,
        clock: Arc<dyn Clock>,
        provenance: Arc<Provenance>,
    ) -> Arc<Self> {
        let dialer = Arc::new(Dialer {
            tls,
            clock,
            connect_timeout: options.connect_timeout,
            notices: options.notices,
        });
        let targets: Vec<_> = options
            .targets
            .into_iter()
            .map(|address| Arc::new(Target::new(address)))
            .collect();
        let keepers = targets
            .iter()
            .map(|target| {
                let keeper = Arc::clone(target).keep(Arc::clone(&dialer));
                tokio::spawn(keeper).abort_handle()
            })
            .collect();
        Arc::new(Self {
            hosts: Hosts::new(targets, options.connect_timeout),
            keepers,
            provenance,
        })
    }

    /// Whether a call could be made now.
    pub fn is_up(&self) -> bool {
        self.hosts.best(&[]).is_some()
    }

    /// Whether a call could be made, if not now, then as soon as the connection stands
    /// that is being made.
    pub async fn ready(&self) -> bool {
        self.hosts.choose(&[]).await.is_some()
    }

    /// Ask a host whether it is there: the smallest request that there is.
    ///
    /// # Errors
    /// [`Failed`] when it is not.
    pub async fn hello(&self) -> Result<(), Failed> {
        let (target, connection) = self.hosts.choose(&[]).await.ok_or(Failed::Unreachable)?;
        let request = Request::get(wire::HELLO)
            .body(())
            .map_err(|_| Failed::Unreachable)?;
        match target.exchange(connection, request, Bytes::new()).await {
            Ok((StatusCode::OK, _)) => Ok(()),
            Ok((status, _)) => Err(Failed::Refused(status.as_str().to_owned())),
            Err(_) => Err(Failed::Lost),
        }
    }

    /// Ask something of a host itself that no component asks: once, for `deadline` at most.
    ///
    /// # Errors
    /// [`Failed`] when no host has answered, or it does not know the question.
    pub async fn ask_host<A: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        arguments: &A,
        deadline: Duration,
    ) -> Result<T, Failed> {
        let asked = async {
            let chosen = self.hosts.choose(&[]).await;
            let (target, connection) = chosen.ok_or(Failed::Unreachable)?;
            let request = post(path).map_err(|_| Failed::Unreachable)?;
            let watch = Watch(Some(&target));
            let exchanged = target
                .exchange(connection, request, wire::encode(arguments))
                .await;
            watch.answered();
            match exchanged {
                Ok((StatusCode::OK, answer)) => Ok(wire::decode(&answer)?),
                Ok((status, _)) => Err(Failed::Refused(status.as_str().to_owned())),
                Err(_) => Err(Failed::Lost),
            }
        };
        let limit = tokio::time::timeout(deadline, asked);
        limit.await.unwrap_or(Err(Failed::Deadline))
    }

    /// Call `F` on a host that is there.
    ///
    /// # Errors
    /// [`Failed`] when no host has answered; what the function itself said is the inner
    /// result.
    pub async fn call<F: Function>(
        &self,
        request: OnBehalf,
        component: &ComponentIdentity,
        deadline: Deadline,
        arguments: F::Arguments,
    ) -> Result<Result<F::Answer, F::Error>, Failed> {
        let remaining = deadline.remaining();
        let body = wire::encode(&Call {
            request,
            component: component.into(),
            deadline: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            arguments,
        });
        let limit =
            tokio::time::timeout_at(deadline.instant(), self.send::<F>(&component.digest, body));
        let body = limit.await.map_err(|_| Failed::Deadline)??;
        Ok(match wire::decode(&body)? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Error(error) => Err(error),
        })
    }

    /// Send until somebody answers, as often as that is safe.
    async fn send<F: Function>(&self, digest: &str, body: Bytes) -> Result<Bytes, Failed> {
        let path = wire::path::<F>();
        let mut tried = Vec::new();
        let mut failed = Failed::Unreachable;
        while tried.len() < ATTEMPTS {
            let Some((target, connection)) = self.hosts.choose(&tried).await else {
                break;
            };
            tried.push(connection.number);
            let watch = Watch(Some(&target));
            let exchanged = self
                .ask(&target, connection, &path, digest, body.clone())
                .await;
            watch.answered();
            match exchanged {
                Ok((StatusCode::OK, answer)) => return Ok(answer),
                Ok((status, answer)) => {
                    let refusal = wire::decode(&answer).unwrap_or_else(|_| Refusal {
                        code: status.as_str().to_owned(),
                        detail: String::new(),
                    });
                    tracing::warn!(
                        code = refusal.code,
                        detail = refusal.detail,
                        "link: refused"
                    );
                    failed = match refusal.code.as_str() {
                        wire::REVISION_UNKNOWN | wire::REVISION_NOT_ADMITTED => Failed::NotAdmitted,
                        _ => Failed::Refused(refusal.code),
                    };
                    if status != StatusCode::SERVICE_UNAVAILABLE {
                        break;
                    }
                }
                Err(Fault::Unbegun) => failed = Failed::Lost,
                Err(Fault::Lost) => {
                    failed = Failed::Lost;
                    if !F::REPEATABLE {
                        break;
                    }
                }
            }
        }
        Err(failed)
    }

    /// One exchange; before it, if that is what the host asks for, one that shows the
    /// signature of the calling revision.
    async fn ask(
        &self,
        target: &Target,
        connection: Connection,
        path: &str,
        digest: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Fault> {
        let request = post(path)?;
        let answer = target
            .exchange(connection.clone(), request, body.clone())
            .await?;
        if answer.0 != StatusCode::PRECONDITION_REQUIRED {
            return Ok(answer);
        }
        let Some(minisig) = self.provenance.of(digest) else {
            return Ok(answer);
        };
        let shown = wire::encode(&Shown {
            minisig: minisig.to_string(),
        });
        // Nothing of the call was begun so far.
        let unbegun = |_| Fault::Unbegun;
        let show = target.exchange(connection.clone(), post(wire::SHOW)?, shown);
        let shown = show.await.map_err(unbegun)?;
        if shown.0 != StatusCode::OK {
            return Ok(shown);
        }
        target.exchange(connection, post(path)?, body).await
    }
}

impl Drop for LinkClient {
    fn drop(&mut self) {
        for keeper in &self.keepers {
            keeper.abort();
        }
    }
}

impl std::fmt::Debug for LinkClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkClient")
            .field("hosts", &self.hosts.len())
            .finish_non_exhaustive()
    }
}

fn post(path: &str) -> Result<Request<()>, Fault> {
    Request::post(path)
        .header(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE))
        .header(
            wire::VERSION_HEADER,
            HeaderValue::from_static(wire::VERSION),
        )
        .body(())
        .map_err(|_| Fault::Unbegun)
}

/// Notices that an exchange was dropped before its answer: its deadline came, or its
/// caller went away. Either way the host is not the first choice for the next call.
struct Watch<'a>(Option<&'a Target>);

impl Watch<'_> {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(target) = self.0 {
            target.suspect();
        }
    }
}
