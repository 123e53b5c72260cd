//! What a connection is doing: waiting, receiving a request head, or working.
//!
//! hyper's own head timer for HTTP/1.1 also runs while a kept-alive connection
//! rests, so one value would have to serve a slow attacker and a patient
//! client alike. Watching the bytes tells the two apart: a head has
//! `header_timeout` from its first byte, a rest lasts up to `idle_timeout`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::limits::Limits;

/// A connection's present doing, shared by its stream, its requests and its supervisor.
#[derive(Debug, Clone)]
pub struct Activity(watch::Sender<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct State {
    /// Requests that are being answered.
    working: usize,
    /// Bytes came while no request was being answered.
    head_begun: bool,
}

/// A request that is being answered, as long as this value lives.
#[derive(Debug)]
pub struct Working(Activity);

/// How a connection overstayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overstayed {
    /// No request for `idle_timeout`.
    Idle,
    /// A request head that took longer than `header_timeout`.
    SlowHead,
}

/// A stream that reports when bytes arrive.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    activity: Activity,
}

// === impl Activity ===

impl Activity {
    /// A connection that has done nothing yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    /// A request's head is complete; its answer begins.
    pub fn begin(&self) -> Working {
        self.0.send_modify(|state| {
            state.working += 1;
            state.head_begun = false;
        });
        Working(self.clone())
    }

    /// Ready when the connection rested or dawdled for too long.
    pub async fn overstayed(&self, limits: &Limits) -> Overstayed {
        let mut watched = self.0.subscribe();
        loop {
            let state = *watched.borrow_and_update();
            // `self` holds the sender, so a change always comes or nothing does.
            let (limit, verdict) = match state {
                State {
                    working: 0,
                    head_begun: true,
                } => (limits.header_timeout, Overstayed::SlowHead),
                State {
                    working: 0,
                    head_begun: false,
                } => (limits.idle_timeout, Overstayed::Idle),
                State { .. } => {
                    let _ = watched.changed().await;
                    continue;
                }
            };
            if tokio::time::timeout(limit, watched.changed())
                .await
                .is_err()
            {
                return verdict;
            }
        }
    }

    fn bytes_came(&self) {
        self.0.send_if_modified(|state| {
            let begins = state.working == 0 && !state.head_begun;
            state.head_begun |= begins;
            begins
        });
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Working ===

impl Drop for Working {
    fn drop(&mut self) {
        self.0
            .0
            .send_modify(|state| state.working = state.working.saturating_sub(1));
    }
}

// === impl Watched ===

impl<S> Watched<S> {
    /// Report the bytes of `stream` to `activity`.
    pub fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.activity.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, buffers)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);
    const SOON: Duration = Duration::from_millis(10);

    fn limits(idle_timeout: Duration, header_timeout: Duration) -> Limits {
        Limits {
            idle_timeout,
            header_timeout,
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn resting_connection_overstays_after_the_idle_timeout() {
        let overstayed = Activity::new().overstayed(&limits(SOON, NEVER)).await;
        assert_eq!(overstayed, Overstayed::Idle);
    }

    #[tokio::test]
    async fn trickle_of_bytes_does_not_prolong_a_head() {
        let (limits, activity) = (limits(NEVER, SOON), Activity::new());
        let trickle = async {
            loop {
                activity.bytes_came();
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = trickle => unreachable!(),
            verdict = activity.overstayed(&limits) => assert_eq!(verdict, Overstayed::SlowHead),
        }
    }

    #[tokio::test]
    async fn working_connection_never_overstays() {
        let (limits, activity) = (limits(Duration::ZERO, Duration::ZERO), Activity::new());
        let (first, second) = (activity.begin(), activity.begin());
        // Bytes of a body are no head.
        activity.bytes_came();
        let mut overstayed = Box::pin(activity.overstayed(&limits));
        assert_eq!(overstayed.as_mut().now_or_never(), None);
        drop(first);
        assert_eq!(overstayed.as_mut().now_or_never(), None);
        drop(second);
        assert_eq!(overstayed.await, Overstayed::Idle);
    }
}
