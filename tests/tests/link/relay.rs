//! A wire that is listened to: a TCP relay on loopback that keeps every byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What went one way over one connection.
type Track = Arc<Mutex<Vec<u8>>>;

/// What went through, each direction of each connection by itself.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<Track>>>);

pub struct Relay {
    pub address: SocketAddr,
    pub tape: Tape,
    upstream: Arc<OnceLock<SocketAddr>>,
    accepting: tokio::task::JoinHandle<()>,
}

/// One record of TLS: content type and payload (RFC 8446 section 5.1).
pub struct Record {
    pub kind: u8,
    pub payload: Vec<u8>,
}

pub const HANDSHAKE: u8 = 22;
pub const APPLICATION_DATA: u8 = 23;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;

// === impl Relay ===

impl Relay {
    /// Listen on a free port; connections wait until [`lead_to`](Self::lead_to) says
    /// where.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tape, upstream) = (Tape::default(), Arc::new(OnceLock::new()));
        let (shared, to) = (tape.clone(), Arc::clone(&upstream));
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Some(to) = to.get() else { continue };
                let Ok(other) = TcpStream::connect(to).await else {
                    continue;
                };
                let (from, into) = socket.into_split();
                let (back, forth) = other.into_split();
                tokio::spawn(copy(from, forth, shared.track()));
                tokio::spawn(copy(back, into, shared.track()));
            }
        });
        Self {
            address,
            tape,
            upstream,
            accepting,
        }
    }

    pub fn lead_to(&self, upstream: SocketAddr) {
        self.upstream.set(upstream).unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut into: impl AsyncWriteExt + Unpin,
    track: Track,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        track.lock().unwrap().extend_from_slice(&buffer[..read]);
        if read == 0 || into.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = into.shutdown().await;
}

// === impl Tape ===

impl Tape {
    fn track(&self) -> Track {
        let track = Track::default();
        self.0.lock().unwrap().push(Arc::clone(&track));
        track
    }

    /// All directions so far, the client's before the server's.
    pub fn directions(&self) -> Vec<Vec<u8>> {
        let tracks = self.0.lock().unwrap();
        tracks
            .iter()
            .map(|track| track.lock().unwrap().clone())
            .collect()
    }

    /// Whether these bytes went over the wire as they are.
    pub fn contains(&self, needle: &[u8]) -> bool {
        assert!(needle.len() > 4, "too short to mean anything");
        self.directions()
            .iter()
            .any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }
}

/// A direction as TLS records, every byte of it.
///
/// # Panics
/// Something else is there.
pub fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let [kind, 3, 1 | 3, high, low, rest @ ..] = bytes else {
            panic!("no head of a record: {:?}", &bytes[..bytes.len().min(5)]);
        };
        assert!(
            [HANDSHAKE, APPLICATION_DATA, CHANGE_CIPHER_SPEC, ALERT].contains(kind),
            "no content type of TLS: {kind}"
        );
        let length = usize::from(*high) << 8 | usize::from(*low);
        assert!(length <= (1 << 14) + 256, "too long a record: {length}");
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            // Under way when we looked.
            break;
        };
        records.push(Record {
            kind: *kind,
            payload: payload.to_vec(),
        });
        bytes = rest;
    }
    records
}

/// The group that a ServerHello has chosen (RFC 8446 sections 4.1.3 and 4.2.8).
pub fn chosen_group(hello: &[u8]) -> u16 {
    assert_eq!(hello[0], 2, "no ServerHello");
    // Type and length, version, random, session id, suite, compression, length.
    let session = usize::from(hello[4 + 2 + 32]);
    let mut extensions = &hello[4 + 2 + 32 + 1 + session + 2 + 1 + 2..];
    let number = |bytes: &[u8]| u16::from(bytes[0]) << 8 | u16::from(bytes[1]);
    while !extensions.is_empty() {
        let (kind, length) = (number(extensions), usize::from(number(&extensions[2..])));
        if kind == 0x33 {
            return number(&extensions[4..]);
        }
        extensions = &extensions[4 + length..];
    }
    panic!("no key share in the ServerHello");
}
