//! W3C trace context across gRPC and messages: `traceparent` and `tracestate`.

use std::collections::BTreeMap;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Strings<'a>(&'a BTreeMap<String, String>);

impl Extractor for Strings<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[derive(Default)]
struct Collected(BTreeMap<String, String>);

impl Injector for Collected {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value);
        }
    }
}

/// The trace context of the current span: what to put into the headers of a message. Empty when
/// no trace is recorded.
#[must_use]
pub fn current() -> BTreeMap<String, String> {
    let mut collected = Collected::default();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut collected);
    collected.0
}

/// Puts the trace context of the current span into the metadata of a call.
pub fn inject(metadata: &mut MetadataMap) {
    for (key, value) in current() {
        let key = MetadataKey::from_bytes(key.as_bytes());
        if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value)) {
            metadata.insert(key, value);
        }
    }
}

/// Makes `span` a child of the trace that `headers` of a message name, if they do. To be called
/// before the span is entered.
pub fn continue_from(span: &Span, headers: &BTreeMap<String, String>) {
    set_parent(span, &TraceContextPropagator::new().extract(&Strings(headers)));
}

/// The same for the headers of a call.
pub(crate) fn continue_from_headers(span: &Span, headers: &HeaderMap) {
    set_parent(span, &TraceContextPropagator::new().extract(&Headers(headers)));
}

fn set_parent(span: &Span, parent: &opentelemetry::Context) {
    if parent.span().span_context().is_valid() {
        // Fails only when nothing records spans, and then there is nothing to connect.
        let _ = span.set_parent(parent.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::HeaderMap;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tonic::metadata::MetadataMap;
    use tracing_subscriber::layer::SubscriberExt;

    use super::{continue_from, continue_from_headers, current, inject};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// A trace goes through a call and a message: the id of the trace stays, the span changes;
    /// without a parent a new trace begins; malformed parents are ignored.
    #[test]
    fn traces_go_through() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("message");
            let headers = BTreeMap::from([("traceparent".to_owned(), PARENT.to_owned())]);
            continue_from(&span, &headers);
            let next = span.in_scope(current);
            assert!(next["traceparent"].starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
            assert_ne!(next["traceparent"], PARENT);

            let mut headers = HeaderMap::new();
            headers.insert("traceparent", PARENT.parse().unwrap());
            let span = tracing::info_span!("call");
            continue_from_headers(&span, &headers);
            let mut metadata = MetadataMap::new();
            span.in_scope(|| inject(&mut metadata));
            let sent = metadata.get("traceparent").unwrap().to_str().unwrap();
            assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));

            let span = tracing::info_span!("odd");
            headers.insert("traceparent", "00-zz-01".parse().unwrap());
            continue_from_headers(&span, &headers);
            let fresh = span.in_scope(current);
            assert!(!fresh["traceparent"].contains("0af7651916cd43dd8448eb211c80319c"));
        });
        assert!(current().is_empty(), "outside of any trace");
    }
}
