//! The choice of a host for a call, and the second try.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::select_all;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::task::AbortHandle;

use super::target::{Connection, Dialer, Fault, State, Target};
use crate::audit::ComponentIdentity;
use crate::clock::Clock;
use crate::identity::CurrentClientTls;
use crate::link::wire::envelope::{Answer, Call, Refusal, Request as OnBehalf};
use crate::link::wire::{self, Function};
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
}

/// The calling end of a link to one or more hosts. It keeps a connection to each, until
/// it is dropped.
pub struct LinkClient {
    targets: Vec<Arc<Target>>,
    keepers: Vec<AbortHandle>,
    /// Where the next search begins, so that equals take turns.
    turn: AtomicUsize,
    connect_timeout: Duration,
    clock: Arc<dyn Clock>,
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
    /// The answer is not what was expected.
    #[error("the other end of the link is not understood: {0}")]
    Unreadable(#[from] wire::Unreadable),
}

// === impl LinkClient ===

impl LinkClient {
    /// Begin to connect to the targets. Must be called inside a runtime.
    pub fn new(options: LinkOptions, tls: CurrentClientTls, clock: Arc<dyn Clock>) -> Arc<Self> {
        let dialer = Arc::new(Dialer {
            tls,
            clock: Arc::clone(&clock),
            connect_timeout: options.connect_timeout,
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
            targets,
            keepers,
            turn: AtomicUsize::new(0),
            connect_timeout: options.connect_timeout,
            clock,
        })
    }

    /// Whether a call could be made now.
    pub fn is_up(&self) -> bool {
        self.best(&[]).is_some()
    }

    /// Ask a host whether it is there: the smallest request that there is.
    ///
    /// # Errors
    /// [`Failed`] when it is not.
    pub async fn hello(&self) -> Result<(), Failed> {
        let (target, connection) = self.choose(&[]).await.ok_or(Failed::Unreachable)?;
        let request = Request::get(wire::HELLO)
            .body(Full::default())
            .map_err(|_| Failed::Unreachable)?;
        match target.exchange(connection, request).await {
            Ok((StatusCode::OK, _)) => Ok(()),
            Ok((status, _)) => Err(Failed::Refused(status.as_str().to_owned())),
            Err(_) => Err(Failed::Lost),
        }
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
        let limit = tokio::time::timeout_at(deadline.instant(), self.send::<F>(body));
        let body = limit.await.map_err(|_| Failed::Deadline)??;
        Ok(match wire::decode(&body)? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Error(error) => Err(error),
        })
    }

    /// Send until somebody answers, as often as that is safe.
    async fn send<F: Function>(&self, body: Bytes) -> Result<Bytes, Failed> {
        let path = wire::path::<F>();
        let mut tried = Vec::new();
        let mut failed = Failed::Unreachable;
        while tried.len() < ATTEMPTS {
            let Some((target, connection)) = self.choose(&tried).await else {
                break;
            };
            tried.push(connection.number);
            let request = post(&path, body.clone()).ok_or(Failed::Unreachable)?;
            let watch = Watch(Some(&target));
            let exchanged = target.exchange(connection, request).await;
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
                    failed = Failed::Refused(refusal.code);
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

    /// The best connection that was not tried; waits for one that is being made.
    async fn choose(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        let wait = async {
            loop {
                if let Some(found) = self.best(tried) {
                    return Some(found);
                }
                let dialling: Vec<_> = self
                    .targets
                    .iter()
                    .filter(|target| matches!(target.state(), State::Dialling))
                    .map(|target| Box::pin(target.settled()))
                    .collect();
                if dialling.is_empty() {
                    return None;
                }
                select_all(dialling).await;
            }
        };
        tokio::time::timeout(self.connect_timeout, wait)
            .await
            .ok()
            .flatten()
    }

    /// Of the connections that stand: not suspect before suspect, few calls before many.
    fn best(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        let now = self.clock.now();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.targets.len().max(1);
        let (before, from) = self.targets.split_at_checked(turn)?;
        from.iter()
            .chain(before)
            .filter_map(|target| match target.state() {
                State::Up(connection)
                    if !tried.contains(&connection.number) && connection.is_good(now) =>
                {
                    Some((Arc::clone(target), connection))
                }
                _ => None,
            })
            .min_by_key(|(target, _)| target.load())
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
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

fn post(path: &str, body: Bytes) -> Option<Request<Full<Bytes>>> {
    Request::post(path)
        .header(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE))
        .header(
            wire::VERSION_HEADER,
            HeaderValue::from_static(wire::VERSION),
        )
        .body(Full::new(body))
        .ok()
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
