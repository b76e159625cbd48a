//! A span and a measurement for every call, with the stable names of the semantic conventions.

use std::{
    collections::HashSet,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::{KeyValue, metrics::Histogram};
use prost::Message;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use super::propagation::continue_from_headers;

/// Bounds that the semantic conventions recommend, in seconds.
const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Probes would drown everything else.
const UNWATCHED: &str = "/grpc.health.v1.Health/";

/// Records a span and `rpc.server.call.duration` for every call.
#[derive(Clone)]
pub(crate) struct RpcLayer {
    methods: Arc<HashSet<String>>,
    duration: Histogram<f64>,
}

impl RpcLayer {
    /// Names the RPCs of our descriptor set; others count together, since anybody can ask for
    /// any path.
    pub(crate) fn new() -> Self {
        let set = prost_types::FileDescriptorSet::decode(backlog_proto::FILE_DESCRIPTOR_SET);
        let mut methods = HashSet::new();
        for file in set.map(|set| set.file).unwrap_or_default() {
            for service in &file.service {
                for method in &service.method {
                    let (package, service) = (file.package(), service.name());
                    methods.insert(format!("{package}.{service}/{}", method.name()));
                }
            }
        }
        let meter = opentelemetry::global::meter("backlog");
        let duration = meter
            .f64_histogram("rpc.server.call.duration")
            .with_unit("s")
            .with_description("Duration of incoming calls, until the last byte of the answer.")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        Self { methods: Arc::new(methods), duration }
    }

    fn method(&self, path: &str) -> String {
        let name = path.trim_start_matches('/');
        self.methods.get(name).cloned().unwrap_or_else(|| "_OTHER".to_owned())
    }
}

impl<S> Layer<S> for RpcLayer {
    type Service = RpcService<S>;

    fn layer(&self, inner: S) -> RpcService<S> {
        RpcService { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub(crate) struct RpcService<S> {
    inner: S,
    layer: RpcLayer,
}

impl<S> Service<Request<Body>> for RpcService<S>
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
        if request.uri().path().starts_with(UNWATCHED) {
            return Box::pin(inner.call(request));
        }
        let method = self.layer.method(request.uri().path());
        let span = tracing::info_span!(
            "rpc",
            otel.name = method,
            otel.kind = "server",
            otel.status_code = tracing::field::Empty,
            rpc.system.name = "grpc",
            rpc.method = method,
            rpc.response.status_code = tracing::field::Empty,
            tenant = tracing::field::Empty,
        );
        continue_from_headers(&span, request.headers());
        let duration = self.layer.duration.clone();
        let call =
            Call { span: span.clone(), method, duration, started: Instant::now(), open: true };
        Box::pin(async move {
            let mut call = call;
            let answer = async move { inner.call(request).await }.instrument(span).await;
            answer.map(|response| {
                if let Some(code) = code(response.headers()) {
                    call.finish(code);
                    return response;
                }
                response.map(|inner| Body::new(Watched { inner, call }))
            })
        })
    }
}

/// The status in headers or trailers.
fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// A call under way. Dropped before its end, it was cancelled.
struct Call {
    span: Span,
    method: String,
    duration: Histogram<f64>,
    started: Instant,
    open: bool,
}

impl Call {
    fn finish(&mut self, code: Code) {
        if !mem::take(&mut self.open) {
            return;
        }
        let (name, ours) = describe(code);
        self.span.record("rpc.response.status_code", name);
        if ours {
            self.span.record("otel.status_code", "ERROR");
        }
        let attributes = [
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", mem::take(&mut self.method)),
            KeyValue::new("rpc.response.status_code", name),
        ];
        self.duration.record(self.started.elapsed().as_secs_f64(), &attributes);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

/// The name of a code, and whether the conventions count it as a failure of the server.
const fn describe(code: Code) -> (&'static str, bool) {
    match code {
        Code::Ok => ("OK", false),
        Code::Cancelled => ("CANCELLED", false),
        Code::Unknown => ("UNKNOWN", true),
        Code::InvalidArgument => ("INVALID_ARGUMENT", false),
        Code::DeadlineExceeded => ("DEADLINE_EXCEEDED", true),
        Code::NotFound => ("NOT_FOUND", false),
        Code::AlreadyExists => ("ALREADY_EXISTS", false),
        Code::PermissionDenied => ("PERMISSION_DENIED", false),
        Code::ResourceExhausted => ("RESOURCE_EXHAUSTED", false),
        Code::FailedPrecondition => ("FAILED_PRECONDITION", false),
        Code::Aborted => ("ABORTED", false),
        Code::OutOfRange => ("OUT_OF_RANGE", false),
        Code::Unimplemented => ("UNIMPLEMENTED", true),
        Code::Internal => ("INTERNAL", true),
        Code::Unavailable => ("UNAVAILABLE", true),
        Code::DataLoss => ("DATA_LOSS", true),
        Code::Unauthenticated => ("UNAUTHENTICATED", false),
    }
}

struct Watched {
    inner: Body,
    call: Call,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let span = this.call.span.clone();
        let polled = span.in_scope(|| Pin::new(&mut this.inner).poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(code) = frame.trailers_ref().and_then(code) {
                    this.call.finish(code);
                }
            }
            Poll::Ready(Some(Err(status))) => this.call.finish(status.code()),
            Poll::Ready(None) => this.call.finish(Code::Unknown),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
