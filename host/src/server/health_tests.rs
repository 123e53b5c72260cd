use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::server::drain;

async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn always() -> Readiness {
    Arc::new(|| std::future::ready(true).boxed())
}

#[test]
fn address_off_loopback_is_refused() {
    for text in [
        "0.0.0.0:9090",
        "[::]:9090",
        "192.0.2.1:9090",
        "[2001:db8::1]:9090",
    ] {
        let refused = text.parse::<HealthAddress>();
        assert_eq!(
            refused,
            Err(HealthAddressError::NotLoopback(text.parse().unwrap()))
        );
    }
}

#[test]
fn loopback_and_unix_addresses_are_taken() {
    for text in [
        "127.0.0.1:9090",
        "[::1]:9090",
        "127.9.9.9:1",
        "[::ffff:127.0.0.1]:9090",
        "unix:/run/health.sock",
    ] {
        let address: HealthAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
    }
}

#[test]
fn malformed_address_is_refused() {
    for text in [
        "",
        "localhost:9090",
        "127.0.0.1",
        "unix:",
        "/run/health.sock",
    ] {
        let refused = text.parse::<HealthAddress>();
        assert_eq!(refused, Err(HealthAddressError::Malformed(text.to_owned())));
    }
}

#[tokio::test]
async fn health_serves_two_paths_and_nothing_else() {
    let ready = Arc::new(AtomicBool::new(false));
    let check: Readiness = {
        let ready = Arc::clone(&ready);
        Arc::new(move || std::future::ready(ready.load(Ordering::SeqCst)).boxed())
    };
    let health = Health::bind(&"127.0.0.1:0".parse().unwrap(), check)
        .await
        .unwrap();
    let address = health.local_address().unwrap();
    let (trigger, watcher) = drain::channel();
    let serving = tokio::spawn(health.serve(watcher));
    let ask = |line| async move { get(TcpStream::connect(address).await.unwrap(), line).await };

    assert_eq!(ask("GET /livez").await, "HTTP/1.1 200 OK");
    assert_eq!(ask("GET /readyz").await, "HTTP/1.1 503 Service Unavailable");
    ready.store(true, Ordering::SeqCst);
    assert_eq!(ask("GET /readyz").await, "HTTP/1.1 200 OK");
    assert_eq!(ask("GET /v1/users").await, "HTTP/1.1 404 Not Found");
    assert_eq!(ask("POST /livez").await, "HTTP/1.1 405 Method Not Allowed");

    trigger.drain_until(pending()).await;
    assert_eq!(ask("GET /readyz").await, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(ask("GET /livez").await, "HTTP/1.1 200 OK");
    serving.abort();
}

#[tokio::test]
async fn unix_socket_is_served_and_a_stale_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("health.sock");
    // Dropped without removing its file, as a killed host leaves it.
    drop(UnixListener::bind(&path).unwrap());
    let address = HealthAddress::Unix(path.clone());
    let health = Health::bind(&address, always()).await.unwrap();
    let (_trigger, watcher) = drain::channel();
    let serving = tokio::spawn(health.serve(watcher));

    let stream = UnixStream::connect(&path).await.unwrap();
    assert_eq!(get(stream, "GET /livez").await, "HTTP/1.1 200 OK");
    let busy = Health::bind(&address, always()).await.err().unwrap();
    assert_eq!(busy.kind(), io::ErrorKind::AddrInUse);

    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert!(!path.exists(), "the socket's file goes with the listener");
}

#[tokio::test]
async fn ordinary_file_in_the_sockets_place_is_left_alone() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let address = HealthAddress::Unix(file.path().to_owned());
    let refused = Health::bind(&address, always()).await.err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert!(file.path().exists());
}
