//! The other end is slow, gone, overloaded or half-dead: `busy`, soon, and never twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use zeropass::identity::{CurrentClientTls, CurrentTls};
use zeropass::link::Failed;
use zeropass::link::wire;
use zeropass::link::wire::envelope::{Answer, Call, Refusal};
use zeropass::link::wire::passkeys::{List, Passkey, Rejection};
use zeropass::link::wire::store::{self, Account, ByName};
use zeropass::policy::action::AccountsFindByName;
use zeropass::runtime::Deadline;
use zeropass::server::Limits;
use zeropass::server::handler::Response;
use zeropass_tests::deployment::Deployment;

use super::kit::{self, Back, PATIENCE, Pki, Script, answer, eventually, list, revoke};

/// An answer to `lifecycle.list`.
fn nothing() -> Response {
    answer(200, &Answer::<Vec<Passkey>, Rejection>::Ok(Vec::new()))
}

fn refused(status: u16, code: &str) -> Response {
    let refusal = Refusal {
        code: code.into(),
        detail: "by a test".into(),
    };
    answer(status, &refusal)
}

fn soon() -> Deadline {
    Deadline::within(PATIENCE)
}

/// Answers everything with this, and counts.
fn counting(count: &Arc<AtomicUsize>, make: fn() -> Response) -> Script {
    let count = Arc::clone(count);
    Box::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { make() }.boxed()
    })
}

/// Breaks the connection instead of answering a whole call: the body ends in the middle.
fn breaking(count: &Arc<AtomicUsize>) -> Script {
    let count = Arc::clone(count);
    Box::new(move |call: http::Request<Incoming>| {
        let count = Arc::clone(&count);
        async move {
            // Without its body it is no call, and may well be sent once more.
            if call.into_body().collect().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
            let broken = futures::stream::iter([
                Ok(http_body_util_frame(b"half")),
                Err("the other half is lost".into()),
            ]);
            Response::new(http_body_util::StreamBody::new(broken).boxed_unsync())
        }
        .boxed()
    })
}

fn http_body_util_frame(bytes: &'static [u8]) -> hyper::body::Frame<bytes::Bytes> {
    hyper::body::Frame::data(bytes::Bytes::from_static(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_goes_along_and_ends_the_call() {
    let pki = Pki::new();
    let (told, mut heard) = mpsc::unbounded_channel();
    let back = pki
        .back(Box::new(move |request: http::Request<Incoming>| {
            let told = told.clone();
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let call: Call<List> = wire::decode(&body).unwrap();
                told.send(call.deadline).unwrap();
                std::future::pending().await
            }
            .boxed()
        }))
        .await;
    let link = pki.link(&[back.address]);
    let limit = Duration::from_millis(700);
    let failed = list(&link, Deadline::within(limit)).await;
    assert_eq!(failed, Err(Failed::Deadline));
    let carried = heard.recv().await.unwrap();
    assert!((1..=700).contains(&carried), "{carried}");
}

/// A front's request has less time than a call of auth-service would have.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_request_goes_along_to_the_store() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let script: Script = Box::new(move |request: http::Request<Incoming>| {
        let told = told.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let call: Call<ByName> = wire::decode(&body).unwrap();
            told.send((path, call.deadline)).unwrap();
            answer(
                200,
                &Answer::<Account, store::Error>::Error(store::Error::Busy),
            )
        }
        .boxed()
    });
    let behind = Deployment::builder().back().install();
    let tls = kit::server_tls(&kit::material_of(&behind.pki(), "passkey-manager"));
    let address = "127.0.0.1:0".parse().unwrap();
    let back = Back::start(address, CurrentTls::new(tls), Limits::default(), script).await;
    let front = Deployment::builder()
        .front(&[back.address])
        .certificates_of(&behind.pki())
        .set("service", "request-timeout", "\"20s\"")
        .set("components.auth-service", "deadline", "\"10m\"")
        .start()
        .await;
    let client = behind.client_at(front.address());
    let begin = json!({"user": {"name": "ada"}});
    let refused = client.post("/v1/authentications", &begin).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    let (path, carried) = heard.recv().await.unwrap();
    assert_eq!(path, wire::path::<AccountsFindByName>());
    assert!((1..=20_000).contains(&carried), "{carried}");
}

/// Sends when it is dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_that_goes_away_ends_the_call_at_the_other_end() {
    let pki = Pki::new();
    let (told, mut heard) = mpsc::unbounded_channel();
    let back = pki
        .back(Box::new(move |_| {
            let told = told.clone();
            async move {
                told.send("begun").unwrap();
                let _dropped = Dropped(told);
                std::future::pending().await
            }
            .boxed()
        }))
        .await;
    let link = pki.link(&[back.address]);
    let caller = tokio::spawn({
        let link = Arc::clone(&link);
        async move { list(&link, soon()).await }
    });
    assert_eq!(heard.recv().await, Some("begun"));
    caller.abort();
    // The connection stays; the stream was reset.
    assert_eq!(heard.recv().await, Some("dropped"));
    assert!(link.is_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_busy_at_once() {
    let pki = Pki::new();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let link = pki.link(&[address]);
    // Even while the first connection is being attempted.
    assert_eq!(list(&link, soon()).await, Err(Failed::Unreachable));
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(list(&link, soon()).await, Err(Failed::Unreachable));
    }
    // No call waits for an attempt: 1,000 of them take less than one timeout.
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// A host that accepts and says nothing: the connection attempt times out, not the calls.
#[tokio::test(flavor = "multi_thread")]
async fn silent_host_does_not_hang_its_callers() {
    let pki = Pki::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = zeropass::link::LinkOptions {
        targets: vec![silent.local_addr().unwrap().to_string()],
        connect_timeout: Duration::from_millis(100),
        notices: None,
    };
    let tls = CurrentClientTls::new(pki.client_tls());
    let link = zeropass::link::LinkClient::new(options, tls, kit::clock());
    let called = tokio::time::timeout(PATIENCE / 2, list(&link, soon())).await;
    assert_eq!(called, Ok(Err(Failed::Unreachable)));
}

#[tokio::test(flavor = "multi_thread")]
async fn host_that_returns_is_used_again() {
    let pki = Pki::new();
    let count = Arc::default();
    let back = pki.back(counting(&count, nothing)).await;
    let address = back.address;
    let link = pki.link(&[address]);
    assert_eq!(list(&link, soon()).await, Ok(0));
    back.kill().await;
    eventually(|| async {
        match list(&link, soon()).await {
            Err(Failed::Unreachable) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let _back = again(&pki, address, &count).await;
    eventually(|| list(&link, soon())).await;
    assert!(count.load(Ordering::SeqCst) >= 2);
}

/// The same address once more, as soon as the system gives it back.
async fn again(pki: &Pki, address: SocketAddr, count: &Arc<AtomicUsize>) -> Back {
    pki.back_at(address, counting(count, nothing)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_hosts_dies_and_nobody_notices() {
    let pki = Pki::new();
    let counts: [Arc<AtomicUsize>; 3] = Default::default();
    let mut backs = Vec::new();
    for count in &counts {
        backs.push(pki.back(counting(count, nothing)).await);
    }
    let addresses: Vec<_> = backs.iter().map(|back| back.address).collect();
    let link = pki.link(&addresses);
    // All are used, in turns.
    eventually(|| async {
        let called = list(&link, soon()).await;
        assert_eq!(called, Ok(0));
        let all = counts.iter().all(|count| count.load(Ordering::SeqCst) > 0);
        if all { Ok(()) } else { Err("not all yet") }
    })
    .await;
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let link = Arc::clone(&link);
            tokio::spawn(async move {
                for _ in 0..100 {
                    assert_eq!(list(&link, soon()).await, Ok(0));
                }
            })
        })
        .collect();
    backs.remove(0).kill().await;
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answer_is_asked_for_again_only_where_that_is_safe() {
    let pki = Pki::new();
    let (lost, good): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let back = pki.back(breaking(&lost)).await;
    let other = pki.back(breaking(&lost)).await;
    let link = pki.link(&[back.address, other.address]);
    eventually(|| async { link.is_up().then_some(()).ok_or("not up") }).await;
    assert_eq!(revoke(&link, soon()).await, Err(Failed::Lost));
    assert_eq!(
        lost.load(Ordering::SeqCst),
        1,
        "a revocation was sent twice"
    );

    let helpful = pki.back(counting(&good, nothing)).await;
    let link = pki.link(&[back.address, helpful.address]);
    eventually(|| async {
        // Whichever host is asked first: a list always comes in the end.
        assert_eq!(list(&link, soon()).await, Ok(0));
        let both = lost.load(Ordering::SeqCst) > 1 && good.load(Ordering::SeqCst) > 1;
        if both { Ok(()) } else { Err("not both yet") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overloaded_host_is_passed_over_even_by_calls_that_may_not_repeat() {
    let pki = Pki::new();
    let (full, free): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let overloaded = pki.back(counting(&full, || refused(503, "busy"))).await;
    let idle = pki
        .back(counting(&free, || {
            answer(200, &Answer::<(), Rejection>::Ok(()))
        }))
        .await;
    let link = pki.link(&[overloaded.address, idle.address]);
    eventually(|| async {
        // Only 503 says that nothing was begun.
        match revoke(&link, soon()).await {
            Ok(()) if full.load(Ordering::SeqCst) > 0 => Ok(()),
            Ok(()) => Err("the overloaded one was not asked yet"),
            // Before both connections stand there may be no other host.
            Err(_) => Err("refused"),
        }
    })
    .await;

    let alone = pki.link(&[overloaded.address]);
    let failed = revoke(&alone, soon()).await;
    assert_eq!(failed, Err(Failed::Refused("busy".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn withheld_answer_is_not_asked_for_elsewhere() {
    let pki = Pki::new();
    let withheld = Arc::default();
    let one = pki
        .back(counting(&withheld, || refused(500, "audit-unwritable")))
        .await;
    let link = pki.link(&[one.address, one.address]);
    let failed = revoke(&link, soon()).await;
    assert_eq!(failed, Err(Failed::Refused("audit-unwritable".into())));
    assert_eq!(withheld.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_no_answer() {
    let pki = Pki::new();
    let back = pki
        .back(Box::new(|_| async { answer(200, &"hello") }.boxed()))
        .await;
    let link = pki.link(&[back.address]);
    let failed = list(&link, soon()).await;
    assert!(matches!(failed, Err(Failed::Unreadable(_))), "{failed:?}");
}

/// New material for the calling end: connections are replaced, and no call fails.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_changes_under_load_and_no_call_fails() {
    let pki = Pki::new();
    let count = Arc::default();
    let back = pki.back(counting(&count, nothing)).await;
    let tls = CurrentClientTls::new(pki.client_tls());
    let link = kit::link(&[back.address], tls.clone());
    let caller = tokio::spawn(async move {
        let mut calls = 0;
        while !Arc::clone(&link).is_up() || calls < 2_000 {
            assert_eq!(list(&link, soon()).await, Ok(0));
            calls += 1;
        }
    });
    for _ in 0..100 {
        tls.publish(pki.client_tls());
        tokio::task::yield_now().await;
    }
    caller.await.unwrap();
}
