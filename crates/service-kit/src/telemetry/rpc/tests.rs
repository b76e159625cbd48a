//! What is recorded about a call.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use opentelemetry::trace::{SpanKind, Status as SpanStatus, TraceId, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use tonic::{Status, body::Body};
use tower::{Layer, ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::SubscriberExt;

use super::RpcLayer;

const READ: &str = "backlog.log.v1.EventLogService/Read";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Keeps the spans that ended.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// One line a span: name, kind, status, attributes that the conventions name, and the tenant.
fn line(span: &SpanData) -> String {
    let attribute = |name: &str| {
        let found = span.attributes.iter().find(|kv| kv.key.as_str() == name);
        found.map_or_else(|| "-".to_owned(), |kv| kv.value.to_string())
    };
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.span_context.trace_id(), TraceId::from_hex(TRACE).unwrap());
    let failed = matches!(span.status, SpanStatus::Error { .. });
    let names = ["rpc.system.name", "rpc.method", "rpc.response.status_code", "tenant"];
    format!(
        "{} {} {}",
        span.name,
        if failed { "error" } else { "-" },
        names.map(attribute).join(" ")
    )
}

async fn spans_of(paths: &[&str]) -> Vec<String> {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_span_processor(kept.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let handler = service_fn(|request: Request<Body>| async move {
        tracing::Span::current().record("tenant", "ten_1");
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [Ok::<_, Status>(http_body::Frame::trailers(trailers))];
        Ok::<_, Infallible>(match request.uri().query() {
            Some("refused") => Status::not_found("no").into_http(),
            Some("broken") => Status::internal("no").into_http(),
            _ => Response::new(Body::new(http_body_util::StreamBody::new(futures::stream::iter(
                frames,
            )))),
        })
    });
    let service = RpcLayer::new().layer(handler);
    let calls = async {
        for path in paths {
            let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
            let request = Request::builder().uri(*path).header("traceparent", traceparent);
            let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await;
            let body = response.unwrap().into_body();
            if !path.ends_with("dropped") {
                body.collect().await.unwrap();
            }
        }
    };
    calls.with_subscriber(subscriber).await;
    let spans = kept.0.lock().unwrap();
    spans.iter().map(line).collect()
}

/// A call is a server span in its caller's trace, with the stable names; refusals are not
/// failures of the server, faults are; an answer that nobody read to its end was cancelled;
/// probes leave no trace.
#[tokio::test]
async fn calls_are_spans() {
    let paths = [
        format!("/{READ}"),
        format!("/{READ}?refused"),
        format!("/{READ}?broken"),
        format!("/{READ}?dropped"),
        "/nobody/knows".to_owned(),
        "/grpc.health.v1.Health/Check".to_owned(),
    ];
    let spans = spans_of(&paths.each_ref().map(String::as_str)).await;
    assert_eq!(
        spans,
        [
            format!("{READ} - grpc {READ} OK ten_1"),
            format!("{READ} - grpc {READ} NOT_FOUND ten_1"),
            format!("{READ} error grpc {READ} INTERNAL ten_1"),
            format!("{READ} - grpc {READ} CANCELLED ten_1"),
            "_OTHER - grpc _OTHER OK ten_1".to_owned(),
        ]
    );
}

/// Known RPCs are named in full; whatever else somebody asks for has one name.
#[test]
fn names_known_methods_only() {
    let layer = RpcLayer::new();
    assert_eq!(layer.method(&format!("/{READ}")), READ);
    for other in ["/backlog.log.v1.EventLogService/Write", "/", "", "/x/y/z"] {
        assert_eq!(layer.method(other), "_OTHER", "{other}");
    }
}
