//! A connection with a request that never ends, to see when the host cuts it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream;
use http::Method;
use http_body_util::StreamBody;
use tokio::task::JoinHandle;
use zeropass::identity::pki::Ca;

use super::{Certificate, Client, Deployment, WORKLOAD};

/// From a change to the end of the streams that rested on what it took away.
pub const PROMPT: Duration = Duration::from_secs(2);

/// An open HTTP/2 stream: a request whose body does not come.
#[derive(Debug)]
pub struct Stream(JoinHandle<Instant>);

// === impl Stream ===

impl Stream {
    /// Open a connection with this certificate, have one request answered, and leave
    /// another one open on it.
    ///
    /// # Panics
    /// The first request is not answered with 200.
    pub async fn open(deployment: &Deployment, certificate: &Certificate) -> Self {
        Self::open_trusting(deployment, &[deployment.ca()], certificate).await
    }

    /// The same by a client that trusts hosts of these CAs.
    ///
    /// # Panics
    /// The first request is not answered with 200.
    pub async fn open_trusting(
        deployment: &Deployment,
        cas: &[&Ca],
        certificate: &Certificate,
    ) -> Self {
        let client = deployment.client_trusting(cas, certificate);
        Self::on(&client, "/.well-known/jwks.json", "/v1/authentications").await
    }

    /// The same with a client at hand: `asked` is a path that answers 200, `open` one that
    /// reads a body.
    ///
    /// # Panics
    /// The first request is not answered with 200.
    pub async fn on(client: &Client, asked: &str, open: &str) -> Self {
        assert_eq!(client.get(asked).await.status(), 200);
        let silent = stream::pending::<Result<http_body::Frame<Bytes>, std::io::Error>>();
        let request = client
            .request(Method::POST, open)
            .body(reqwest::Body::wrap(StreamBody::new(silent)));
        let stream = Self(tokio::spawn(async move {
            let answer = request.send().await;
            assert!(answer.is_err(), "a request without an end was answered");
            Instant::now()
        }));
        // The host has the request when its place in the queue is taken; a second
        // answer on the same connection comes after it.
        assert_eq!(client.get(asked).await.status(), 200);
        stream
    }

    /// The same for the usual workload.
    pub async fn of_workload(deployment: &Deployment) -> Self {
        Self::open(deployment, &deployment.certificate(WORKLOAD)).await
    }

    /// Whether the host has cut it.
    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }

    /// The host cuts it within two seconds of `since`.
    ///
    /// # Panics
    /// It takes longer.
    pub async fn cut_promptly(self, since: Instant) -> Duration {
        let taken = self.cut(since).await;
        assert!(taken < PROMPT, "cut after {taken:?}");
        taken
    }

    /// The host cuts it within two seconds of `change`.
    ///
    /// # Panics
    /// It takes longer.
    pub async fn cut_promptly_by(self, change: impl FnOnce()) -> Duration {
        let since = Instant::now();
        change();
        self.cut_promptly(since).await
    }

    /// How long after `since` the host cut it.
    ///
    /// # Panics
    /// It goes on for 20 seconds more.
    pub async fn cut(self, since: Instant) -> Duration {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.0).await;
        ended
            .expect("the host cuts the stream")
            .expect("the request has no answer")
            .saturating_duration_since(since)
    }
}
