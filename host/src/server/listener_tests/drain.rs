//! Stopping.

use super::*;

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
