//! A response body that holds something until it has been sent or dropped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

struct Holding<Held> {
    inner: Body,
    _held: Held,
}

/// Keeps `held` until the last frame of the response was sent or the client went away.
pub(crate) fn hold<Held>(response: Response<Body>, held: Held) -> Response<Body>
where
    Held: Send + Unpin + 'static,
{
    if response.body().is_end_stream() {
        return response;
    }
    response.map(|inner| Body::new(Holding { inner, _held: held }))
}

impl<Held: Unpin> HttpBody for Holding<Held> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
