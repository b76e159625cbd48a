//! Traces through the whole, and collectors that fail.

use std::net::SocketAddr;

use backlog_tests::checks::eventually;
use backlog_tests::load::{Load, Plan};
use backlog_tests::story::{sign, year_of_service};
use backlog_tests::{Service, StackBuilder};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::oracle::assert_all;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A span as it arrived.
#[derive(Debug, Clone)]
struct Seen {
    service: String,
    trace: String,
    name: String,
    log: Option<String>,
}

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(collector.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, address)
    }

    fn of_trace(&self) -> Vec<Seen> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|span| span.trace == TRACE).cloned().collect()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut seen = Vec::new();
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = text(&attributes, "service.name").unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                seen.push(Seen {
                    service: service.clone(),
                    trace: hex::encode(&span.trace_id),
                    name: span.name,
                    log: text(&span.attributes, "log"),
                });
            }
        }
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).extend(seen);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn exporting_to(address: SocketAddr) -> StackBuilder {
    StackBuilder::default().config(&format!(
        "[telemetry]\notlp_endpoint = \"http://{address}\"\nexport_timeout_ms = 1000\n\
         shutdown_deadline_ms = 500\n"
    ))
}

// Shows that one trace, begun by the caller, spans the call, what recognition does with the entry that
// the call wrote, and what reporting does with the entry that recognition wrote; a call of another
// trace does not show in it.
#[tokio::test(flavor = "multi_thread")]
async fn one_trace_spans_all_three_services() {
    let (collector, address) = Collector::start().await;
    let stack = exporting_to(address).start().await;
    let books = stack.many_books("trace", 1).await.remove(0);
    stack.caught_up(&books).await;
    let mut client =
        backlog_proto::contract::v1::contract_service_client::ContractServiceClient::new(
            stack.channel(Service::Contract),
        );
    let mut request = books.caller.request(sign("traced", year_of_service("1200.00")));
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    client.sign_contract(request).await.unwrap();
    stack.caught_up(&books).await;
    let applied = |spans: &[Seen], service: &str, log: &str| {
        spans.iter().any(|span| {
            span.service.ends_with(service)
                && span.name == "log.apply"
                && span.log.as_deref() == Some(log)
        })
    };
    let spans = eventually("spans of all three services", async || {
        let spans = collector.of_trace();
        let called = spans
            .iter()
            .any(|span| span.service.ends_with("contract") && span.name.ends_with("SignContract"));
        let all = called
            && applied(&spans, "recognition", "contract")
            && applied(&spans, "reporting", "recognition");
        all.then_some(spans)
    })
    .await;
    assert!(!spans.iter().any(|span| span.name.contains("GetBacklog")), "{spans:?}");
}

/// Uses the system and ends each service in order, with one worker thread each.
async fn nothing_changes(name: &str, address: SocketAddr) {
    let mut stack = exporting_to(address).one_worker_thread().start().await;
    let books = stack.many_books(name, 2).await;
    let plan = Plan { clients: 3, rounds: 8, first: None, seed: 1 };
    let load = Load::start(name, &books, &[stack.channel(Service::Contract)], plan);
    let ledger = load.finish().await;
    assert!(ledger.unsettled.is_empty(), "no call fails");
    assert_eq!(ledger.acknowledged.len(), 2 * 3 * 8 * 3);
    assert_all(&stack, &books, ledger).await;
    for service in Service::ALL {
        // Returns when the process has ended by itself.
        stack.terminate(service);
        let log = std::fs::read_to_string(&stack.files(service).log).unwrap();
        assert!(log.contains("shutting down"), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

// Shows that a collector that is not there changes no answer and keeps no service from ending, on one
// worker thread.
#[tokio::test(flavor = "multi_thread")]
async fn an_absent_collector_changes_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    nothing_changes("absent", address).await;
}

// Shows the same for a collector that accepts connections and never says a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_hung_collector_changes_nothing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    nothing_changes("hung", address).await;
    assert!(!holding.is_finished(), "it listened all the time");
    holding.abort();
}
