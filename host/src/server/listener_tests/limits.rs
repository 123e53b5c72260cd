//! Limits on requests and on rests.

use super::*;
use crate::server::limits::MAX_HEADER_BYTES;

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
async fn connection_whose_answer_is_not_taken_ends() {
    let mut host = Host::with(|limits| limits.request_timeout = Duration::from_millis(200)).await;
    let client = host.client.clone();
    for (mut sender, path) in [
        (host.http1().await, "/large"),
        (host.http2().await, "/large"),
        // Less than a window's worth is kept for it too.
        (host.http2_with_window(&client, 1).await, "/"),
    ] {
        let answer = sender.send(kit::request(path)).await.unwrap();
        assert_eq!(answer.status(), 200);
        let ended = Event::Ended(PEER.to_owned(), "answer-not-taken");
        assert_eq!(host.event().await, ended);
        let mut body = answer.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        sender.closed().await;
    }
}

#[tokio::test]
async fn answer_counts_for_its_identity_until_it_is_taken() {
    let host = Host::with(|limits| limits.identity_requests = 1).await;
    let mut slow = host.http2_with_window(&host.client, 1).await;
    let mut other = host.http1().await;
    let answer = slow.send(kit::request("/")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(get(&mut other, "/").await.0, 429);
    assert!(kit::text(answer).await.1.starts_with(PEER));
    assert_eq!(get(&mut other, "/").await.0, 200);
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
