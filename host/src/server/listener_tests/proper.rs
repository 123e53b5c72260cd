//! What a proper client gets.

use super::*;

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
