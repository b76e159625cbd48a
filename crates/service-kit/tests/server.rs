//! A whole server over real connections: the door, health, reflection, limits of size, shutdown.

#[cfg(test)]
mod rig;

use backlog_proto::log::v1::ReadRequest;
use backlog_proto::log::v1::event_log_service_client::EventLogServiceClient;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::recognition::v1::{GetPlanRequest, RunRecognitionRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use rig::Rig;

const LONG_MS: u64 = 600_000;

fn run(request_id: impl Into<String>) -> RunRecognitionRequest {
    RunRecognitionRequest { request_id: request_id.into(), ..RunRecognitionRequest::default() }
}

/// The door: a call without a token is refused with a reason, one with a token is answered, an
/// unknown RPC is refused, and tokens are asked for before paths are looked at.
#[tokio::test]
async fn the_door_lets_in_and_keeps_out() {
    let rig = Rig::start(LONG_MS).await;
    let mut client = RecognitionServiceClient::new(rig.channel().await);
    let refused = client.get_plan(Request::new(GetPlanRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "UNAUTHENTICATED");
    assert!(client.get_plan(rig.request(GetPlanRequest::default())).await.is_ok());
    let mut unknown =
        backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient::new(
            rig.channel().await,
        );
    let anonymous = unknown.list_invoices(Request::new(Default::default())).await.unwrap_err();
    assert_eq!(anonymous.code(), Code::Unauthenticated);
    let known = unknown.list_invoices(rig.request(Default::default())).await.unwrap_err();
    assert_eq!(known.code(), Code::Unimplemented);
}

/// Headers of 64 KB reach the door and are refused there like any other bad token.
#[tokio::test]
async fn long_tokens_are_refused_alike() {
    let rig = Rig::start(LONG_MS).await;
    let mut client = RecognitionServiceClient::new(rig.channel().await);
    let mut request = Request::new(GetPlanRequest::default());
    let long = format!("Bearer {}", "x".repeat(65_536)).parse().unwrap();
    request.metadata_mut().insert("authorization", long);
    let refused = client.get_plan(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let none = client.get_plan(Request::new(GetPlanRequest::default())).await.unwrap_err();
    assert_eq!(refused.message(), none.message());
}

/// A panicking handler, or stream, answers INTERNAL without its text; the connection goes on.
#[tokio::test]
async fn panics_are_answers() {
    let rig = Rig::start(LONG_MS).await;
    let channel = rig.channel().await;
    let mut client = RecognitionServiceClient::new(channel.clone());
    let status = client.run_recognition(rig.request(run("panic"))).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "INTERNAL");
    assert!(!status.message().contains("purpose"), "{status}");
    let mut log = EventLogServiceClient::new(channel);
    let request = rig.request(ReadRequest { limit: 1, ..ReadRequest::default() });
    let mut stream = log.read(request).await.unwrap().into_inner();
    // What was encoded with the panicking item may or may not have been sent before.
    let mut last = stream.next().await;
    while last.as_ref().is_some_and(Result::is_ok) {
        last = stream.next().await;
    }
    let status = last.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "INTERNAL");
    assert!(client.get_plan(rig.request(GetPlanRequest::default())).await.is_ok());
}

/// A message beyond the limit is refused, and so is a small one that unpacks to a large one.
#[tokio::test]
async fn messages_are_bounded_unpacked_too() {
    let rig = Rig::start(LONG_MS).await;
    let plain = RecognitionServiceClient::new(rig.channel().await);
    let bomb = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for mut client in [plain, bomb] {
        let large = run("x".repeat(4 * 1024 * 1024 + 1));
        let status = client.run_recognition(rig.request(large)).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!(info.reason, "LIMIT_EXCEEDED");
        assert_eq!(info.metadata["bytes_max"], (4 * 1024 * 1024).to_string());
        assert!(client.get_plan(rig.request(GetPlanRequest::default())).await.is_ok());
    }
}

/// Liveness needs nothing; readiness follows the checks; both without a token.
#[tokio::test]
async fn health_follows_the_checks() {
    let rig = Rig::start(LONG_MS).await;
    let check = rig.readiness.check("database");
    let mut client = HealthClient::new(rig.channel().await);
    let service = "backlog.recognition.v1.RecognitionService";
    let ask = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let mut watch = client.watch(ask(service)).await.unwrap().into_inner();
    let mut until = async |wanted: ServingStatus| {
        while watch.next().await.unwrap().unwrap().status() != wanted {}
    };
    until(ServingStatus::NotServing).await;
    let alive = client.check(ask("")).await.unwrap().into_inner().status();
    assert_eq!(alive, ServingStatus::Serving);
    assert_eq!(rig.readiness.failing(), ["database"]);
    check.set(true);
    until(ServingStatus::Serving).await;
    check.set(false);
    until(ServingStatus::NotServing).await;
    check.set(true);
    until(ServingStatus::Serving).await;
    assert!(rig.readiness.failing().is_empty());
}

/// Both versions of reflection list our services, and know the types of error details.
#[tokio::test]
async fn reflection_in_both_versions() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let rig = Rig::start(LONG_MS).await;
    let ask =
        |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let symbol = |name: &str| MessageRequest::FileContainingSymbol(name.to_owned());
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(symbol("google.rpc.ErrorInfo")),
        ask(symbol("backlog.common.v1.ErrorReason")),
    ];
    let mut client = ServerReflectionClient::new(rig.channel().await);
    let answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(|a| a.unwrap().message_response).collect().await;
    let Some(MessageResponse::ListServicesResponse(list)) = &answers[0] else { panic!() };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"backlog.recognition.v1.RecognitionService"), "{names:?}");
    assert!(!names.contains(&"backlog.contract.v1.ContractService"), "{names:?}");
    for answer in &answers[1..] {
        assert!(matches!(answer, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");
    }
    use tonic_reflection::pb::v1alpha;
    let mut old =
        v1alpha::server_reflection_client::ServerReflectionClient::new(rig.channel().await);
    let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let request =
        v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers =
        old.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    assert!(answers.next().await.unwrap().is_ok());
}

/// Shutdown lets a call in flight finish and then ends by itself, long before the deadline.
#[tokio::test]
async fn shutdown_finishes_calls_in_flight() {
    let rig = Rig::start(LONG_MS).await;
    let mut client = RecognitionServiceClient::new(rig.channel().await);
    let request = rig.request(run("one"));
    let call = tokio::spawn(async move { client.run_recognition(request).await });
    rig.handler.entered.notified().await;
    rig.shutdown.cancel();
    rig.handler.finish.notify_one();
    assert!(call.await.unwrap().is_ok());
    rig.serving.await.unwrap();
    assert!(TcpStream::connect(rig.address).await.is_err(), "nobody listens any more");
}

/// A client that connects and never speaks, one that never stops reading, and a handler that
/// never answers: none of them holds the shutdown beyond its deadline, and all are cut off.
#[tokio::test]
async fn shutdown_has_a_deadline() {
    let rig = Rig::start(50).await;
    let mut idle = TcpStream::connect(rig.address).await.unwrap();
    let mut half = TcpStream::connect(rig.address).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let channel = rig.channel().await;
    let mut log = EventLogServiceClient::new(channel.clone());
    let request = rig.request(ReadRequest::default());
    let mut stream = log.read(request).await.unwrap().into_inner();
    assert!(stream.next().await.unwrap().is_ok());
    let mut client = RecognitionServiceClient::new(channel);
    let request = rig.request(run("never"));
    let call = tokio::spawn(async move { client.run_recognition(request).await });
    rig.handler.entered.notified().await;
    rig.shutdown.cancel();
    rig.serving.await.unwrap();
    assert!(call.await.unwrap().is_err());
    assert!(stream.next().await.is_none_or(|last| last.is_err()));
    let mut rest = [0; 16];
    for silent in [&mut idle, &mut half] {
        // Closed or reset, but not held open: the server's preface may come first.
        while silent.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
    }
}
