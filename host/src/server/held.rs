//! An answer that is its peer's until it was taken.
//!
//! hyper is done with a body long before its peer is: HTTP/2 keeps the bytes until the
//! peer opens its window, and nobody says when that was. So what is to be released
//! goes with the bytes themselves, wherever they wait. It is gone when the last of
//! them was handed to the connection's TLS, or when the stream or the connection ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::handler::{BodyError, Response, ResponseBody};

/// A body that keeps `held` until it is gone, and its bytes too.
struct Held<T> {
    body: ResponseBody,
    held: Arc<T>,
}

/// Bytes that keep `held` for as long as any of them wait.
struct Kept<T> {
    bytes: Bytes,
    _held: Arc<T>,
}

/// `answer`, which drops `held` once its body was taken, or can't be any more.
pub(super) fn until_taken<T: Send + Sync + 'static>(answer: Response, held: T) -> Response {
    let held = Arc::new(held);
    answer.map(|body| Held { body, held }.boxed_unsync())
}

// === impl Held ===

impl<T: Send + Sync + 'static> Body for Held<T> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| {
                    let _held = Arc::clone(&this.held);
                    Bytes::from_owner(Kept { bytes, _held })
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Kept ===

impl<T> AsRef<[u8]> for Kept<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
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
    use super::*;
    use crate::server::handler::full;

    #[tokio::test]
    async fn what_is_held_goes_with_the_last_of_the_bytes() {
        let held = Arc::new(());
        let answer = until_taken(Response::new(full("abc")), Arc::clone(&held));
        let mut body = answer.into_body();
        assert_eq!(body.size_hint().exact(), Some(3));
        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream());
        drop(body);
        let head = bytes.split_to(1);
        drop(head);
        assert_eq!((bytes.as_ref(), Arc::strong_count(&held)), (&b"bc"[..], 2));
        drop(bytes);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn what_is_held_goes_with_a_body_that_nobody_asks_for() {
        let held = Arc::new(());
        drop(until_taken(Response::new(full("abc")), Arc::clone(&held)));
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
