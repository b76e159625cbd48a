//! A handler that panics answers INTERNAL; its connection and its neighbors go on.

use std::{
    any::Any,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use thiserror::Error;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use backlog_proto::common::v1::ErrorReason;

use crate::error::{Fault, Kind, to_status};

#[derive(Debug, Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

impl Fault for Panicked {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::Internal
    }
}

fn status(panic: &(dyn Any + Send)) -> Status {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    to_status(&Panicked(text))
}

/// Catches panics of handlers and of the streams that they return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanicLayer;

impl<S> Layer<S> for PanicLayer {
    type Service = PanicService<S>;

    fn layer(&self, inner: S) -> PanicService<S> {
        PanicService { inner }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PanicService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for PanicService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        // What a handler shares it shares behind locks that poison or channels that close.
        let call = AssertUnwindSafe(async move { inner.call(request).await }).catch_unwind();
        Box::pin(async move {
            match call.await {
                Ok(Ok(response)) if !response.body().is_end_stream() => {
                    Ok(response.map(|inner| Body::new(Guarded { inner, broken: false })))
                }
                Ok(answer) => answer,
                Err(panic) => Ok(status(panic.as_ref()).into_http()),
            }
        })
    }
}

struct Guarded {
    inner: Body,
    broken: bool,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.broken {
            return Poll::Ready(None);
        }
        let inner = &mut self.inner;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx)));
        match polled {
            Ok(polled) => polled,
            Err(panic) => {
                self.broken = true;
                let status = status(panic.as_ref());
                let mut trailers = HeaderMap::new();
                let added = status.add_header(&mut trailers);
                Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.broken || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
