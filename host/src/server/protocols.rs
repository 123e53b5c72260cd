//! hyper's own limits for both versions of HTTP.

use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::limits::{Limits, MAX_HEADER_BYTES, MAX_HEADERS};

/// HTTP/2 pings: how often, and how long until silence means dead.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What HTTP/2 may send ahead of being read: a body of one stream, and all
/// streams of a connection together. Bounds memory where bodies wait.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// Streams that a peer may reset before they were looked at (hyper's default).
const MAX_PENDING_RESETS: usize = 20;

/// Streams that the host may reset for a peer's faults before it hangs up.
const MAX_OWN_RESETS: usize = 128;

/// hyper's buffer for one HTTP/1.1 connection, bytes; not less than a head.
const HTTP1_BUFFER: usize = 32 * 1024;

/// HTTP/1.1 within these limits.
pub(super) fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // A backstop only, since it counts rests as well; see `activity`.
        .header_read_timeout(limits.idle_timeout.saturating_add(limits.header_timeout))
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_BYTES as usize)
        .max_buf_size(HTTP1_BUFFER);
    builder
}

/// HTTP/2 within these limits.
pub(super) fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
