//! Requests that gRPC's framing or protobuf refuses before a handler sees them. tonic answers them
//! with a bare status, malformed ones as INTERNAL; here they answer like every other wrong request.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use thiserror::Error;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use backlog_proto::{FieldViolation, common::v1::ErrorReason};

use crate::error::{Fault, Kind, to_status};

#[derive(Debug, Error)]
enum Unread {
    #[error("the message is larger than the limit of {0} bytes, after decompression")]
    TooLarge(usize),
    #[error("the request is no message of this call: {}", .0.description)]
    Malformed(FieldViolation),
}

impl Fault for Unread {
    fn kind(&self) -> Kind {
        match self {
            Self::TooLarge(_) => Kind::ResourceExhausted,
            Self::Malformed(_) => Kind::InvalidArgument,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::TooLarge(_) => ErrorReason::LimitExceeded,
            Self::Malformed(_) => ErrorReason::InvalidFields,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLarge(most) => vec![
                ("limit", "server.message_size_max_bytes".to_owned()),
                ("bytes_max", most.to_string()),
            ],
            Self::Malformed(_) => Vec::new(),
        }
    }

    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::TooLarge(_) => &[],
            Self::Malformed(violation) => std::slice::from_ref(violation),
        }
    }
}

/// What a bare status of tonic's means; `None` for everything that a handler answered, which has
/// details, and for what is right as it is.
fn unread(status: &Status, message_size_max_bytes: usize) -> Option<Unread> {
    if !status.details().is_empty() {
        return None;
    }
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Some(Unread::TooLarge(message_size_max_bytes))
        }
        // The path is empty: it is the message as a whole.
        Code::Internal => Some(Unread::Malformed(FieldViolation {
            field: String::new(),
            description: status.message().to_owned(),
        })),
        _ => None,
    }
}

/// Gives the refusals of requests that cannot be read a code that is right, and details.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnreadLayer {
    message_size_max_bytes: usize,
}

impl UnreadLayer {
    /// `message_size_max_bytes` is the limit that the services have.
    pub(crate) const fn new(message_size_max_bytes: usize) -> Self {
        Self { message_size_max_bytes }
    }
}

impl<S> Layer<S> for UnreadLayer {
    type Service = UnreadService<S>;

    fn layer(&self, inner: S) -> UnreadService<S> {
        UnreadService { inner, layer: *self }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct UnreadService<S> {
    inner: S,
    layer: UnreadLayer,
}

impl<S> Service<Request<Body>> for UnreadService<S>
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
        let most = self.layer.message_size_max_bytes;
        Box::pin(async move {
            let response = inner.call(request).await?;
            // A call that fails before its first message ends in its headers.
            let status = Status::from_header_map(response.headers());
            match status.and_then(|status| unread(&status, most)) {
                Some(refusal) => Ok(to_status(&refusal).into_http()),
                None => Ok(response),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bare statuses of the framing get a code, a reason and details; those of handlers, and those
    /// that are right, stay.
    #[test]
    fn only_bare_statuses_are_rewritten() {
        for bare in [Status::out_of_range("too large"), Status::resource_exhausted("unpacked")] {
            let refusal = unread(&bare, 4).unwrap();
            assert_eq!(refusal.kind(), Kind::ResourceExhausted);
            assert_eq!(refusal.reason(), ErrorReason::LimitExceeded);
        }
        let malformed = unread(&Status::internal("not UTF-8"), 4).unwrap();
        assert_eq!(malformed.kind(), Kind::InvalidArgument);
        assert_eq!(malformed.violations()[0].description, "not UTF-8");
        let detailed = to_status(&Unread::TooLarge(4));
        assert!(unread(&detailed, 4).is_none());
        for right in [Status::unimplemented(""), Status::not_found(""), Status::cancelled("")] {
            assert!(unread(&right, 4).is_none(), "{right:?}");
        }
    }
}
