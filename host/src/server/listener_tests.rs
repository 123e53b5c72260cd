//! Real handshakes on loopback, against a listener with a small handler.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "listener_tests/kit.rs"]
mod kit;

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::{HandshakeKind, NamedGroup};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::kit::{Event, Host, get, post};
use super::*;
use crate::server::drain::Drained;

const DAY: u64 = 24 * 60 * 60 * 1000;

// === who is refused ===

#[tokio::test]
async fn client_without_a_certificate_is_refused() {
    let mut host = Host::start().await;
    host.dial_anonymously().await;
    assert_eq!(host.refusal().await, "no-certificate");
}

#[tokio::test]
async fn client_of_another_ca_is_refused() {
    let (mut host, other) = (Host::start().await, Host::start().await);
    host.dial_with(&other.issue(|_| ())).await;
    assert_eq!(host.refusal().await, "unknown-ca");
}

#[tokio::test]
async fn improper_certificate_is_refused_with_its_code() {
    let mut host = Host::start().await;
    let now = host.clock.now();
    type Change = fn(&mut crate::identity::pki::IssueRequest, u64);
    let cases: [(&str, Change); 11] = [
        ("expired", |request, now| {
            request.not_before = now - 2 * DAY;
            request.not_after = now - DAY;
        }),
        ("not-yet-valid", |request, now| {
            request.not_before = now + DAY
        }),
        ("no-spiffe-id", |request, _| request.uris.clear()),
        ("no-spiffe-id", |request, _| {
            request.uris.clear();
            request.dns = vec!["localhost".to_owned()];
        }),
        ("several-uri-names", |request, _| {
            request.uris.push("spiffe://td/b".to_owned())
        }),
        ("malformed-spiffe-id", |request, _| {
            request.uris = vec!["spiffe://td".to_owned()]
        }),
        ("ca-certificate", |request, _| {
            request.basic_constraints = IsCa::Ca(BasicConstraints::Unconstrained);
        }),
        ("no-basic-constraints", |request, _| {
            request.basic_constraints = IsCa::NoCa
        }),
        ("key-usage", |request, _| {
            request.key_usages = vec![KeyUsagePurpose::KeyAgreement]
        }),
        ("extended-key-usage", |request, _| {
            request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        ("trust-domain", |request, _| {
            request.uris = vec!["spiffe://elsewhere/a".to_owned()]
        }),
    ];
    for (code, change) in cases {
        let issued = host.issue(|request| change(request, now));
        host.dial_with(&issued).await;
        assert_eq!(host.refusal().await, code);
    }
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let mut host = Host::start().await;
    let mut socket = host.connect().await;
    socket.write_all(kit::TLS_1_2_HELLO).await.unwrap();
    assert_eq!(host.refusal().await, "tls-version");
}

#[tokio::test]
async fn plain_http_is_refused() {
    let mut host = Host::start().await;
    let mut socket = host.connect().await;
    socket.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(host.refusal().await, "malformed-handshake");
}

#[tokio::test]
async fn silent_handshake_is_cut() {
    let mut host = Host::with(|limits| limits.handshake_timeout = Duration::from_millis(50)).await;
    let mut socket = host.connect().await;
    assert_eq!(host.refusal().await, "handshake-timeout");
    assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn oldest_handshake_makes_room_for_a_new_one() {
    let mut host = Host::with(|limits| limits.max_handshakes = 2).await;
    let mut silent = host.connect().await;
    let _also_silent = host.connect().await;
    // No timeout is near: it is displaced.
    assert_eq!(get(&mut host.http2().await, "/").await.0, 200);
    assert_eq!(host.refusal().await, "handshake-displaced");
    assert!(matches!(silent.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn connection_over_the_limit_is_closed_at_once() {
    let mut host = Host::with(|limits| limits.max_connections = 1).await;
    let mut first = host.http1().await;
    assert_eq!(get(&mut first, "/").await.0, 200);
    let mut client = host.client.clone();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    host.dial_refused(&client).await;
    assert_eq!(host.refusal().await, "too-many-connections");
    assert_eq!(get(&mut first, "/").await.0, 200);
}

// === what a proper client gets ===

#[tokio::test]
async fn handler_sees_the_verified_peer() {
    let host = Host::start().await;
    let (status, body) = get(&mut host.http1().await, "/").await;
    assert_eq!(
        (status, body.as_str()),
        (200, "spiffe://td/workload/relying-party HTTP/1.1")
    );
    let (status, body) = get(&mut host.http2().await, "/").await;
    assert_eq!(
        (status, body.as_str()),
        (200, "spiffe://td/workload/relying-party HTTP/2.0")
    );
}

#[tokio::test]
async fn post_quantum_group_is_negotiated() {
    let host = Host::start().await;
    let stream = host.dial(&host.client).await;
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn no_session_is_resumed() {
    let host = Host::start().await;
    // A client that would resume: the store is rustls's default and is shared.
    let mut client = host.client.clone();
    client.resumption = rustls::client::Resumption::default();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    for _ in 0..2 {
        let stream = host.dial(&client).await;
        // An answer proves that tickets, had there been any, have arrived.
        let (mut sender, tls) = kit::http1_over(stream).await;
        assert_eq!(get(&mut sender, "/").await.0, 200);
        drop(sender);
        let stream = tls.await;
        assert_eq!(
            stream.get_ref().1.handshake_kind(),
            Some(HandshakeKind::Full)
        );
        assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    }
}

// === what changes while a connection stands ===

const PEER: &str = "spiffe://td/workload/relying-party";

#[tokio::test]
async fn removed_root_ends_connections() {
    let mut host = Host::start().await;
    let other = Host::start().await;
    let mut standing = [host.http1().await, host.http2().await];
    for sender in &mut standing {
        assert_eq!(get(sender, "/").await.0, 200);
    }
    host.tls.publish(other.tls.load().tls.clone().unwrap());
    for sender in &mut standing {
        sender.closed().await;
        assert_eq!(
            host.event().await,
            Event::Ended(PEER.to_owned(), "unknown-ca")
        );
    }
    // It trusts the new server certificate, but its own is of the old CA.
    let client = other.client_with(&host.issue(|_| ()));
    host.dial_refused(&client).await;
    assert_eq!(host.refusal().await, "unknown-ca");
}

#[tokio::test]
async fn renewed_material_of_the_same_root_ends_nothing() {
    let host = Host::start().await;
    let mut standing = [host.http1().await, host.http2().await];
    for _ in 0..3 {
        host.tls.publish(host.tls.load().tls.clone().unwrap());
        for sender in &mut standing {
            assert_eq!(get(sender, "/").await.0, 200);
        }
    }
}

#[tokio::test]
async fn withdrawn_identity_ends_connections_and_refuses_new_ones() {
    let mut host = Host::start().await;
    let present = host.tls.load().tls.clone().unwrap();
    let mut sender = host.http2().await;
    assert_eq!(get(&mut sender, "/").await.0, 200);
    host.tls.withdraw();
    sender.closed().await;
    let ended = Event::Ended(PEER.to_owned(), "identity-withdrawn");
    assert_eq!(host.event().await, ended);
    let mut socket = host.connect().await;
    assert_eq!(host.refusal().await, "identity-withdrawn");
    assert!(matches!(socket.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    host.tls.publish(present);
    assert_eq!(get(&mut host.http2().await, "/").await.0, 200);
}

#[tokio::test]
async fn client_dropped_by_policy_loses_its_connection() {
    let mut host = Host::start().await;
    let other =
        host.client_with(&host.issue(|request| request.uris = vec!["spiffe://td/b".into()]));
    let mut staying = host.http2_as(&other).await;
    let mut ending = [host.http1().await, host.http2().await];
    for sender in ending.iter_mut().chain([&mut staying]) {
        assert_eq!(get(sender, "/").await.0, 200);
    }
    host.policy.send_modify(|epoch| *epoch += 1);
    assert_eq!(get(&mut ending[0], "/").await.0, 200);
    host.dropped.lock().unwrap().insert(PEER.to_owned());
    host.policy.send_modify(|epoch| *epoch += 1);
    for sender in &mut ending {
        sender.closed().await;
        let ended = Event::Ended(PEER.to_owned(), "not-permitted");
        assert_eq!(host.event().await, ended);
    }
    assert_eq!(get(&mut staying, "/").await.0, 200);
}

#[tokio::test]
async fn request_under_way_is_cut_with_a_connection_that_lost_its_root() {
    let mut host = Host::start().await;
    let other = Host::start().await;
    for version in [1, 2] {
        let mut sender = if version == 1 {
            host.http1().await
        } else {
            host.http2().await
        };
        let slow = tokio::spawn(async move { sender.send(kit::request("/slow")).await });
        assert_eq!(host.event().await, Event::Began);
        let before = host.tls.load().tls.clone().unwrap();
        host.tls.publish(other.tls.load().tls.clone().unwrap());
        assert!(slow.await.unwrap().is_err());
        let mut events = [host.event().await, host.event().await];
        events.sort_by_key(|event| matches!(event, Event::Ended(..)));
        let ended = Event::Ended(PEER.to_owned(), "unknown-ca");
        assert_eq!(events, [Event::Dropped, ended]);
        host.tls.publish(before);
    }
}

#[tokio::test]
async fn connection_ends_at_its_greatest_age() {
    let mut host =
        Host::with(|limits| limits.max_connection_age = Duration::from_millis(300)).await;
    for mut sender in [host.http1().await, host.http2().await] {
        sender.closed().await;
        let ended = Event::Ended(PEER.to_owned(), "max-age");
        assert_eq!(host.event().await, ended);
    }
}

// === limits on requests ===

#[tokio::test]
async fn oversized_body_is_too_large() {
    let host = Host::start().await;
    let limit = Limits::default().max_body_bytes;
    for mut sender in [host.http1().await, host.http2().await] {
        let (status, body) = post(&mut sender, "/body", vec![b'a'; limit]).await;
        assert_eq!((status, body), (200, limit.to_string()));
        let (status, body) = post(&mut sender, "/body", vec![b'a'; limit + 1]).await;
        assert_eq!(status, 413);
        assert!(body.contains(r#""code":"too-large""#), "{body}");
    }
}

#[tokio::test]
async fn slow_head_is_cut() {
    let host = Host::with(|limits| limits.header_timeout = Duration::from_millis(50)).await;
    let mut client = host.client.clone();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut stream = host.dial(&client).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: loc")
        .await
        .unwrap();
    // The idle limit is a minute: only the head's limit can end this.
    assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let host = Host::with(|limits| limits.idle_timeout = Duration::from_millis(200)).await;
    host.http1().await.closed().await;
    host.http2().await.closed().await;
}

#[tokio::test]
async fn too_many_header_fields_are_refused() {
    let host = Host::start().await;
    for mut sender in [host.http1().await, host.http2().await] {
        let mut request = http::Request::get("https://localhost/");
        for number in 0..=MAX_HEADERS {
            request = request.header(format!("x-{number}"), "a");
        }
        let answer = sender
            .send(request.body(Full::new(Bytes::new())).unwrap())
            .await;
        assert_eq!(answer.unwrap().status(), 431);
    }
}

#[tokio::test]
async fn too_large_head_is_refused() {
    let host = Host::start().await;
    for mut sender in [host.http1().await, host.http2().await] {
        let request = http::Request::get("https://localhost/")
            .header("x-large", "a".repeat(MAX_HEADER_BYTES as usize))
            .body(Full::new(Bytes::new()))
            .unwrap();
        assert_eq!(sender.send(request).await.unwrap().status(), 431);
    }
}

#[tokio::test]
async fn identity_with_too_many_connections_is_refused_another() {
    let mut host = Host::with(|limits| limits.identity_connections = 1).await;
    let mut first = host.http2().await;
    assert_eq!(get(&mut first, "/").await.0, 200);
    let mut client = host.client.clone();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    host.dial_refused(&client).await;
    assert_eq!(host.refusal().await, "too-many-connections-of-identity");
    let other =
        host.client_with(&host.issue(|request| request.uris = vec!["spiffe://td/b".into()]));
    assert_eq!(get(&mut host.http2_as(&other).await, "/").await.0, 200);
    assert_eq!(get(&mut first, "/").await.0, 200);
}

#[tokio::test]
async fn identity_that_asks_too_often_is_told_when_to_come_back() {
    let mut host = Host::with(|limits| {
        limits.identity_rate = 1;
        limits.identity_burst = 2;
    })
    .await;
    // The limit is the identity's, whatever its connections.
    let (mut first, mut second) = (host.http1().await, host.http2().await);
    assert_eq!(get(&mut first, "/").await.0, 200);
    assert_eq!(get(&mut second, "/").await.0, 200);
    let refused = first.send(kit::request("/")).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, body) = kit::text(refused).await;
    assert_eq!(status, 429);
    assert!(body.contains(r#""code":"rate-limited""#), "{body}");
    assert_eq!(host.event().await, Event::Throttled(PEER.to_owned()));
    let other =
        host.client_with(&host.issue(|request| request.uris = vec!["spiffe://td/b".into()]));
    assert_eq!(get(&mut host.http2_as(&other).await, "/").await.0, 200);
}

// === the end of a certificate ===

#[tokio::test]
async fn expired_client_loses_its_connection() {
    let mut host = Host::with(|limits| limits.recheck_interval = Duration::from_millis(10)).await;
    let not_after = host.clock.now() + DAY;
    let expiring = host.client_with(&host.issue(|request| request.not_after = not_after));
    let mut ending = [
        host.http1_as(&expiring).await,
        host.http2_as(&expiring).await,
    ];
    let mut staying = host.http2().await;
    for sender in &mut ending {
        assert_eq!(get(sender, "/").await.0, 200);
    }
    host.clock.set(not_after + 1000);
    for sender in &mut ending {
        sender.closed().await;
        let ended = Event::Ended(PEER.to_owned(), "expired");
        assert_eq!(host.event().await, ended);
    }
    assert_eq!(get(&mut staying, "/").await.0, 200);
}

#[tokio::test]
async fn request_after_expiry_is_refused_even_before_the_connection_ends() {
    let host = Host::with(|limits| limits.recheck_interval = Duration::from_secs(3600)).await;
    let not_after = host.clock.now() + DAY;
    let client = host.client_with(&host.issue(|request| request.not_after = not_after));
    let mut sender = host.http2_as(&client).await;
    assert_eq!(get(&mut sender, "/").await.0, 200);
    host.clock.set(not_after + 1000);
    let (status, body) = get(&mut sender, "/").await;
    assert_eq!(status, 403);
    assert!(body.contains(r#""code":"not-permitted""#), "{body}");
}

// === drain ===

#[tokio::test]
async fn drain_lets_an_accepted_request_finish_and_refuses_new_connections() {
    let mut host = Host::start().await;
    for version in [1, 2] {
        let mut sender = if version == 1 {
            host.http1().await
        } else {
            host.http2().await
        };
        let slow = tokio::spawn(async move { get(&mut sender, "/slow").await });
        assert_eq!(host.event().await, Event::Began);
        let trigger = host.trigger.take().unwrap();
        let drain = tokio::spawn(trigger.drain_until(pending()));
        // The accept loop ends with the drain's start, and its socket with it.
        host.serving.take().unwrap().await.unwrap();
        let refused = tokio::net::TcpStream::connect(host.address)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(!drain.is_finished());
        host.gate.add_permits(1);
        assert_eq!(slow.await.unwrap(), (200, "done".to_owned()));
        assert_eq!(drain.await.unwrap(), Drained::Clean);
        host = Host::start().await;
    }
}

#[tokio::test]
async fn drain_drops_what_is_left_at_the_deadline() {
    let mut host = Host::start().await;
    for mut sender in [host.http1().await, host.http2().await] {
        tokio::spawn(async move { sender.send(kit::request("/slow")).await.unwrap_err() });
        assert_eq!(host.event().await, Event::Began);
    }
    let trigger = host.trigger.take().unwrap();
    assert_eq!(
        trigger.drain(Duration::from_millis(10)).await,
        Drained::Forced(2)
    );
    for _ in 0..2 {
        assert_eq!(host.event().await, Event::Dropped);
    }
}

#[tokio::test]
async fn resting_connections_do_not_hold_a_drain_up() {
    let mut host = Host::start().await;
    let (mut first, mut second) = (host.http1().await, host.http2().await);
    assert_eq!(get(&mut first, "/").await.0, 200);
    assert_eq!(get(&mut second, "/").await.0, 200);
    let trigger = host.trigger.take().unwrap();
    assert_eq!(trigger.drain_until(pending()).await, Drained::Clean);
    first.closed().await;
    second.closed().await;
}
