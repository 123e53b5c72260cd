//! What a connection is doing: resting, receiving a request head, working, or waiting
//! for its peer to take an answer.
//!
//! hyper's own head timer for HTTP/1.1 also runs while a kept-alive connection
//! rests, so one value would have to serve a slow attacker and a patient
//! client alike; for HTTP/2 it has none. Watching the bytes tells the two apart: a head
//! has `header_timeout` from its first byte, a rest lasts up to `idle_timeout`.
//!
//! Nobody is woken when the doing changes: the supervisor looks when its connection was
//! polled and when its timer fires. A request costs three short locks.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::frames::Frames;
use super::limits::Limits;

/// The shortest time until the next look at a connection that is working.
const LOOK: Duration = Duration::from_millis(10);

/// A connection's present doing, shared by its stream, its requests and its supervisor.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Requests that are being answered, or whose answers were not taken.
    working: usize,
    /// Since when answers have waited to be taken, in the order of their coming.
    untaken: BTreeMap<u64, Instant>,
    /// The number of the next answer.
    next: u64,
    /// Since when none is.
    resting: Instant,
    /// When the head that is not complete has begun.
    head: Option<Instant>,
    /// Heads are told by their frames, and may come while others are being answered.
    framed: bool,
}

/// A request that is being answered, or whose answer is there to be taken, as long as
/// this value lives.
#[derive(Debug)]
pub struct Working {
    activity: Activity,
    /// Of the answer, once it is there.
    answer: Option<u64>,
}

/// How a connection overstayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overstayed {
    /// No request for `idle_timeout`.
    Idle,
    /// A request head that took longer than `header_timeout`.
    SlowHead,
    /// An answer that its peer did not take within `request_timeout`.
    Untaken,
}

/// A stream that reports the heads in what arrives.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    activity: Activity,
    /// Of HTTP/2; none for HTTP/1.1, where whatever comes between two answers is a
    /// head.
    frames: Option<Frames>,
}

// === impl Activity ===

impl Activity {
    /// A connection that has done nothing yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            working: 0,
            untaken: BTreeMap::new(),
            next: 0,
            resting: Instant::now(),
            head: None,
            framed: false,
        })))
    }

    /// A request's head is complete; its answer begins.
    pub fn begin(&self) -> Working {
        let mut state = self.state();
        state.working += 1;
        if !state.framed {
            state.head = None;
        }
        drop(state);
        Working {
            activity: self.clone(),
            answer: None,
        }
    }

    /// Ready when the connection rested or dawdled for too long. To be polled after
    /// the connection, whose bytes may have begun a head.
    pub async fn overstayed(&self, limits: &Limits) -> Overstayed {
        let mut timer = Box::pin(sleep_until(Instant::now() + limits.idle_timeout));
        poll_fn(|cx| {
            loop {
                let (due, now) = (self.state().due(limits), Instant::now());
                let due = match due {
                    Some((due, verdict)) if due <= now => return Poll::Ready(verdict),
                    Some((due, _)) => due,
                    None => now + limits.idle_timeout.max(LOOK),
                };
                // One that fires too early looks again.
                if due < timer.deadline() || timer.is_elapsed() {
                    timer.as_mut().reset(due);
                }
                ready!(timer.as_mut().poll(cx));
            }
        })
        .await
    }

    /// Bytes of HTTP/1.1 came.
    fn bytes_came(&self) {
        let mut state = self.state();
        if state.working == 0 && state.head.is_none() {
            state.head = Some(Instant::now());
        }
    }

    /// Whether a head is under way; its first byte counts.
    fn heading(&self, under_way: bool) {
        let mut state = self.state();
        match (under_way, state.head) {
            (true, None) => state.head = Some(Instant::now()),
            (false, Some(_)) => state.head = None,
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new()
    }
}

// === impl State ===

impl State {
    /// When the connection will have overstayed if nothing happens, and how.
    fn due(&self, limits: &Limits) -> Option<(Instant, Overstayed)> {
        let untaken = self.untaken.first_key_value();
        let untaken =
            untaken.map(|(_, since)| (*since + limits.request_timeout, Overstayed::Untaken));
        let other = match self.head {
            Some(begun) => Some((begun + limits.header_timeout, Overstayed::SlowHead)),
            None if self.working == 0 => {
                Some((self.resting + limits.idle_timeout, Overstayed::Idle))
            }
            None => None,
        };
        [untaken, other]
            .into_iter()
            .flatten()
            .min_by_key(|due| due.0)
    }
}

// === impl Working ===

impl Working {
    /// The answer is there; from now on its peer has to take it.
    pub fn answered(&mut self) {
        let mut state = self.activity.state();
        let number = state.next;
        state.next += 1;
        state.untaken.insert(number, Instant::now());
        self.answer = Some(number);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        if let Some(number) = self.answer {
            state.untaken.remove(&number);
        }
        state.working = state.working.saturating_sub(1);
        if state.working == 0 {
            state.resting = Instant::now();
        }
    }
}

// === impl Watched ===

impl<S> Watched<S> {
    /// Report the heads in the bytes of HTTP/1.1 that `stream` brings.
    pub fn http1(stream: S, activity: Activity) -> Self {
        Self {
            stream,
            activity,
            frames: None,
        }
    }

    /// Report the heads in the frames of HTTP/2 that `stream` brings.
    pub fn http2(stream: S, activity: Activity) -> Self {
        activity.state().framed = true;
        Self {
            stream,
            activity,
            frames: Some(Frames::new()),
        }
    }

    fn came(&mut self, bytes: &[u8]) {
        match &mut self.frames {
            None => self.activity.bytes_came(),
            Some(frames) => {
                let before = frames.in_head();
                frames.feed(bytes);
                if before || frames.in_head() {
                    self.activity.heading(frames.in_head());
                }
            }
        }
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
        if let Some(bytes @ [_, ..]) = buffer.filled().get(before..) {
            this.came(bytes);
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
        assert_eq!(activity.state().head, None);
        let mut overstayed = Box::pin(activity.overstayed(&limits));
        assert_eq!(overstayed.as_mut().now_or_never(), None);
        drop(first);
        assert_eq!(overstayed.as_mut().now_or_never(), None);
        drop(second);
        assert_eq!(overstayed.await, Overstayed::Idle);
    }

    #[tokio::test]
    async fn answer_that_nobody_takes_overstays() {
        let limits = Limits {
            request_timeout: SOON,
            ..limits(NEVER, NEVER)
        };
        let activity = Activity::new();
        let (mut first, mut second) = (activity.begin(), activity.begin());
        first.answered();
        drop(first);
        let mut overstayed = Box::pin(activity.overstayed(&limits));
        assert_eq!(overstayed.as_mut().now_or_never(), None);
        second.answered();
        assert_eq!(overstayed.await, Overstayed::Untaken);
    }

    #[tokio::test]
    async fn head_that_does_not_end_overstays_beside_a_working_request() {
        let (limits, activity) = (limits(NEVER, SOON), Activity::new());
        let _working = activity.begin();
        let mut watched = Watched::http2(tokio::io::empty(), activity.clone());
        watched.came(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // HEADERS of two bytes without END_HEADERS.
        watched.came(&[0, 0, 2, 1, 1, 0, 0, 0, 1, 0x82, 0x87]);
        assert_eq!(activity.overstayed(&limits).await, Overstayed::SlowHead);
    }
}
