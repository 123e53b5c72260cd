//! Request bodies as bytes, with a limit on size and on time.
//!
//! A body that announces too much is refused before a byte of it is read; one
//! that lies about its length is cut at the limit. So a request never costs
//! more memory than the limit. What comes after the limit is read for a moment and
//! thrown away while the answer leaves.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use thiserror::Error;

/// How much is read of a body that is too large, beyond what shows that it is, and for
/// how long. None of it is kept.
const REST: usize = 1024 * 1024;
const REST_TIME: Duration = Duration::from_secs(1);

/// Why a request body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// More bytes than allowed.
    #[error("the request body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the request body did not arrive within {} ms", .0.as_millis())]
    TooSlow(Duration),
    /// The connection ended or broke the protocol before the body's end.
    #[error("the request body ended before it was complete")]
    Broken,
}

/// Read a whole body of at most `limit` bytes within `deadline`. Of a larger one the rest
/// is read and thrown away on the side, within bounds: a client that is still writing when
/// its connection ends would never see the answer.
///
/// # Errors
/// [`BodyError`]; its [`code`](BodyError::code) is that of the answer.
pub async fn collect<B>(body: B, limit: usize, deadline: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = Box::pin(body);
    let announced = body.size_hint().lower();
    let read = async {
        let mut whole = BytesMut::new();
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(BodyError::TooLarge(limit));
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| BodyError::Broken)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit.saturating_sub(whole.len()) {
                return Err(BodyError::TooLarge(limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    let read = match tokio::time::timeout(deadline, read).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::TooSlow(deadline)),
    };
    if let Err(BodyError::TooLarge(_)) = read {
        tokio::spawn(tokio::time::timeout(REST_TIME, discard(body)));
    }
    read
}

/// Read the rest of a body that nobody wants, up to [`REST`] bytes.
async fn discard<B>(mut body: Pin<Box<B>>)
where
    B: Body<Data = Bytes>,
{
    let mut left = REST;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(less) => left = less,
            None => return,
        }
    }
}

// === impl BodyError ===

impl BodyError {
    /// The stable code of the answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too-large",
            Self::TooSlow(_) | Self::Broken => "malformed",
        }
    }

    /// The status of the answer: 413, 408 or 400.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::TooLarge(_) => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => http::StatusCode::REQUEST_TIMEOUT,
            Self::Broken => http::StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    type Counter = Arc<AtomicUsize>;

    fn chunks(
        chunks: &[Result<&'static str, &'static str>],
    ) -> impl Body<Data = Bytes, Error = std::io::Error> {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| {
                chunk
                    .map(|text| Frame::data(Bytes::from_static(text.as_bytes())))
                    .map_err(std::io::Error::other)
            })
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn body_of_exactly_the_limit_is_taken() {
        let body = collect(chunks(&[Ok("1234"), Ok("5678")]), 8, MINUTE).await;
        assert_eq!(body, Ok(Bytes::from_static(b"12345678")));
    }

    #[tokio::test]
    async fn body_over_the_limit_is_too_large() {
        let announced = collect(Full::new(Bytes::from_static(b"123456789")), 8, MINUTE).await;
        let streamed = collect(chunks(&[Ok("12345678"), Ok("9")]), 8, MINUTE).await;
        for refused in [announced, streamed] {
            let error = refused.unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), ("too-large", 413));
        }
    }

    /// A body of these chunks, and how many of them were asked for.
    fn counted(sizes: Vec<usize>) -> (impl Body<Data = Bytes, Error = Infallible>, Counter) {
        let counter = Counter::default();
        let count = Arc::clone(&counter);
        let frames = sizes.into_iter().map(move |size| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; size])))
        });
        (StreamBody::new(stream::iter(frames)), counter)
    }

    #[tokio::test]
    async fn rest_of_a_body_is_read_for_a_while_after_its_refusal() {
        for (sizes, read) in [(vec![9, 9, 9, 9], 4), (vec![REST / 2; 9], 4)] {
            let (body, counter) = counted(sizes);
            let refused = collect(body, 8, MINUTE).await;
            assert_eq!(refused, Err(BodyError::TooLarge(8)));
            while counter.load(Ordering::SeqCst) < read {
                tokio::task::yield_now().await;
            }
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(counter.load(Ordering::SeqCst), read);
        }
    }

    #[tokio::test]
    async fn body_that_never_ends_is_malformed_after_the_deadline() {
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        let soon = Duration::from_millis(10);
        let error = collect(silent, 8, soon).await.unwrap_err();
        assert_eq!(error, BodyError::TooSlow(soon));
        assert_eq!((error.code(), error.status().as_u16()), ("malformed", 408));
    }

    #[tokio::test]
    async fn body_that_breaks_off_is_malformed() {
        let error = collect(chunks(&[Ok("1"), Err("gone")]), 8, MINUTE)
            .await
            .unwrap_err();
        assert_eq!(error, BodyError::Broken);
        assert_eq!((error.code(), error.status().as_u16()), ("malformed", 400));
    }
}
