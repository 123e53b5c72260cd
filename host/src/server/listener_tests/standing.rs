//! What changes while a connection stands, and the end of a certificate.

use super::*;

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
