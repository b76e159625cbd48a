//! A collector that hangs, and one worker thread: answers come all the same, and so does the end.

#[cfg(test)]
mod rig;

use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::recognition::v1::{GetPlanRequest, RunRecognitionRequest};
use backlog_service_kit::config::TelemetryConfig;
use backlog_service_kit::telemetry::{Telemetry, TelemetryError};
use tokio::net::TcpListener;

use rig::Rig;

/// With a collector that accepts connections and never says a word, on a runtime with one worker
/// thread, more calls are answered than the exporter's queue holds, and shutdown ends. (Were any
/// of them to wait for the collector, this test would not end.)
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_hanging_collector_changes_nothing() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let (asked, mut exports) = tokio::sync::mpsc::channel(1_000);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = collector.accept().await {
            held.push(stream);
            let _ = asked.try_send(());
        }
    });
    let config = TelemetryConfig {
        otlp_endpoint: Some(endpoint),
        export_timeout_ms: 3_600_000,
        metrics_interval_ms: 1,
        shutdown_deadline_ms: 50,
        log_filter: "off".to_owned(),
        ..TelemetryConfig::default()
    };
    let telemetry = Telemetry::start(&config, "test", "1").unwrap();
    let twice = Telemetry::start(&config, "test", "1");
    assert!(matches!(twice, Err(TelemetryError::Twice)));

    let rig = Rig::start(600_000).await;
    let mut client = RecognitionServiceClient::new(rig.channel().await);
    assert!(client.get_plan(rig.request(GetPlanRequest::default())).await.is_ok());
    rig.handler.finish.notify_one();
    let run = rig.request(RunRecognitionRequest::default());
    assert!(client.run_recognition(run).await.is_ok());
    rig.handler.entered.notified().await;
    exports.recv().await.unwrap();
    for _ in 0..5_000 {
        client.get_plan(rig.request(GetPlanRequest::default())).await.unwrap();
    }
    assert!(rig.readiness.failing().is_empty());
    drop(client);
    rig.shutdown.cancel();
    rig.serving.await.unwrap();
    telemetry.shutdown().await;
}
