//! Every limit of a listener. Each has a default that a small machine bears.

use std::time::Duration;

/// The limits of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From accepting the socket to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// Handshakes under way at the same time; one more displaces the oldest.
    pub max_handshakes: usize,
    /// Connections at the same time, after their handshakes; more are closed at once.
    pub max_connections: usize,
    /// From the first to the last byte of a request head, HTTP/1.1 or HTTP/2.
    pub header_timeout: Duration,
    /// A request body, bytes.
    pub max_body_bytes: usize,
    /// From a request's head to its answer. Enforced by the handler, which
    /// knows what has to be undone. The peer has as long again to take the answer:
    /// then its connection ends.
    pub request_timeout: Duration,
    /// A connection without a request for this long is closed.
    pub idle_timeout: Duration,
    /// Requests at the same time on one HTTP/2 connection.
    pub max_streams: u32,
    /// From the signal to stop until accepted requests are abandoned.
    pub drain_deadline: Duration,
    /// The longest life of a connection: then its peer has to prove itself anew.
    pub max_connection_age: Duration,
    /// Connections of one identity at the same time; more are closed at once.
    pub identity_connections: usize,
    /// Requests of one identity under way at the same time, over all its connections,
    /// until their answers were taken; 0 is no limit.
    pub identity_requests: usize,
    /// Requests of one identity in a second, in the long run; 0 is no limit.
    pub identity_rate: u32,
    /// Requests of one identity at once, after a rest.
    pub identity_burst: u32,
    /// How often a connection looks at the clock to ask whether its peer's
    /// certificate still holds. Other changes reach it at once, and it is asked at
    /// every request too.
    pub recheck_interval: Duration,
}

/// The head of a request, names and values together, bytes.
pub const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Header fields in one request.
pub const MAX_HEADERS: usize = 100;

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            max_handshakes: 256,
            max_connections: 4096,
            header_timeout: Duration::from_secs(5),
            max_body_bytes: 64 * 1024,
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_streams: 100,
            drain_deadline: Duration::from_secs(20),
            max_connection_age: Duration::from_secs(3600),
            identity_connections: 512,
            identity_requests: 128,
            identity_rate: 5_000,
            identity_burst: 10_000,
            recheck_interval: Duration::from_secs(1),
        }
    }
}
