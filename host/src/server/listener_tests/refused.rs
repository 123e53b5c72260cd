//! Who is refused before a request can be made.

use super::*;

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
