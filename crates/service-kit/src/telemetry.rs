//! Logs, traces, metrics.
//!
//! What leaves the process leaves from a runtime of its own: a collector that is down or hangs
//! fills a bounded queue and is then ignored; it never delays an answer, on one worker thread
//! neither. Shutdown has a deadline.

pub mod propagation;
pub(crate) mod rpc;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::SdkTracerProvider,
};
use thiserror::Error;
use tokio::{runtime::Runtime, sync::oneshot};
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::{LogFormat, TelemetryConfig};

/// Telemetry cannot be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter of log lines is malformed.
    #[error("the log filter {0:?} is not one such as info or info,backlog_contract=debug")]
    Filter(String),
    /// The exporter cannot be built: its address is wrong.
    #[error("cannot set up the export of traces and metrics: {0}")]
    Exporter(String),
    /// The exporter's runtime cannot be started.
    #[error("cannot start the exporter's runtime")]
    Runtime(#[source] std::io::Error),
    /// It was set up before in this process.
    #[error("telemetry runs already in this process")]
    Twice,
}

/// Running telemetry; to be shut down last.
#[derive(Debug)]
#[must_use = "shut it down at the end, or the last spans and metrics are lost"]
pub struct Telemetry {
    exporters: Option<Exporters>,
    deadline: Duration,
}

#[derive(Debug)]
struct Exporters {
    /// Taken at the end: dropping a runtime inside another one would panic.
    runtime: Option<Runtime>,
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Drop for Exporters {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Telemetry {
    /// Sets up logging on standard error and, if an endpoint is configured, the export of traces
    /// and metrics of `service` (such as `contract`), for the whole process. `instance` tells
    /// replicas apart.
    pub fn start(
        config: &TelemetryConfig,
        service: &str,
        instance: &str,
    ) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(&config.log_filter)
            .map_err(|_| TelemetryError::Filter(config.log_filter.clone()))?;
        let exporters = config.otlp_endpoint.as_deref();
        let exporters = exporters.map(|url| Exporters::start(url, config, service, instance));
        let exporters = exporters.transpose()?;
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match config.log_format {
            LogFormat::Json => lines.json().with_span_list(false).with_filter(filter).boxed(),
            LogFormat::Human => lines.with_ansi(false).with_filter(filter).boxed(),
        };
        let spans = exporters.as_ref().map(|exporters| {
            // Only our own spans: the exporter's would make new ones for ever.
            let ours = Targets::new().with_target("backlog", Level::INFO);
            let tracer = exporters.traces.tracer("backlog");
            tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours)
        });
        let subscriber = Registry::default().with(lines).with(spans);
        subscriber.try_init().map_err(|_| TelemetryError::Twice)?;
        if let Some(exporters) = &exporters {
            opentelemetry::global::set_meter_provider(exporters.metrics.clone());
        }
        let deadline = Duration::from_millis(config.shutdown_deadline_ms);
        Ok(Self { exporters, deadline })
    }

    /// Sends what is left, for as long as the configuration allows.
    pub async fn shutdown(mut self) {
        let Some(exporters) = self.exporters.take() else {
            return;
        };
        let (traces, metrics) = (exporters.traces.clone(), exporters.metrics.clone());
        let (done, finished) = oneshot::channel();
        let deadline = self.deadline;
        // The exporters block; a thread that hangs in one of them is left behind.
        let flush = move || {
            let results = [traces.shutdown_with_timeout(deadline), metrics.shutdown()];
            let _ = done.send(results.into_iter().all(|result| result.is_ok()));
        };
        let thread = std::thread::Builder::new().name("telemetry-flush".to_owned()).spawn(flush);
        let flushed = match thread {
            Ok(_) => tokio::time::timeout(deadline, finished).await,
            Err(_) => Ok(Ok(false)),
        };
        if !matches!(flushed, Ok(Ok(true))) {
            tracing::warn!("the last traces and metrics could not be exported");
        }
    }
}

impl Exporters {
    fn start(
        endpoint: &str,
        config: &TelemetryConfig,
        service: &str,
        instance: &str,
    ) -> Result<Self, TelemetryError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()
            .map_err(TelemetryError::Runtime)?;
        // Connections live on the runtime that is entered while they are made.
        let entered = runtime.enter();
        let timeout = Duration::from_millis(config.export_timeout_ms);
        let exporter = |error: opentelemetry_otlp::ExporterBuildError| {
            TelemetryError::Exporter(error.to_string())
        };
        let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
        let spans = spans.with_timeout(timeout).build().map_err(exporter)?;
        let points = MetricExporter::builder().with_tonic().with_endpoint(endpoint);
        let points = points.with_timeout(timeout).build().map_err(exporter)?;
        drop(entered);
        let resource = Resource::builder()
            .with_service_name(format!("backlog-{service}"))
            .with_attribute(opentelemetry::KeyValue::new(
                "service.instance.id",
                instance.to_owned(),
            ))
            .build();
        let interval = Duration::from_millis(config.metrics_interval_ms);
        let reader = PeriodicReader::builder(points).with_interval(interval).build();
        let metrics =
            SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader).build();
        let traces =
            SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(spans).build();
        Ok(Self { runtime: Some(runtime), traces, metrics })
    }
}
