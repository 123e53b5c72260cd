//! Request bodies as bytes, with a limit on size and on time.
//!
//! A body that announces too much is refused before a byte of it is read; one
//! that lies about its length is cut at the limit. So a request never costs
//! more memory than the limit.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use thiserror::Error;

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

/// Read a whole body of at most `limit` bytes within `deadline`.
///
/// # Errors
/// [`BodyError`]; its [`code`](BodyError::code) is that of the answer.
pub async fn collect<B>(body: B, limit: usize, deadline: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge(limit));
    }
    match tokio::time::timeout(deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge(limit)),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow(deadline)),
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
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use futures::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

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
