//! The gRPC server of a service: layers, health, reflection, limits of size, graceful shutdown.

mod connection;
mod readiness;

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, time::Duration};

use backlog_tenancy::AuthLayer;
use http::{Request, Response};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{
    body::Body,
    server::NamedService,
    service::Routes,
    transport::{Certificate, Identity, ServerTlsConfig},
};
use tonic_health::ServingStatus;
use tower::{Service, ServiceBuilder};

pub use readiness::{Check, Readiness};

use crate::config::{ServerConfig, TlsConfig};
use crate::limits::LimitsLayer;
use crate::panics::PanicLayer;
use crate::telemetry::rpc::RpcLayer;
use crate::unread::UnreadLayer;
use connection::incoming;

/// The server cannot run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
    /// A certificate or key cannot be read.
    #[error("cannot read {0}")]
    Tls(PathBuf, #[source] std::io::Error),
    /// Our own descriptors do not fit together.
    #[error("cannot set up reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("cannot serve")]
    Transport(#[from] tonic::transport::Error),
    /// The serving task panicked.
    #[error("the server stopped by itself")]
    Stopped(#[from] tokio::task::JoinError),
    /// The process cannot wait for signals.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
}

/// Makes a generated server with the limits of size of a [`ServerConfig`] and with gzip:
/// `grpc_service!(InvoiceServiceServer<_>, handler, &config.server)`.
#[macro_export]
macro_rules! grpc_service {
    ($server:ty, $handler:expr, $config:expr) => {{
        let config: &$crate::config::ServerConfig = $config;
        <$server>::new($handler)
            .max_decoding_message_size(config.message_size_max_bytes)
            .accept_compressed(::tonic::codec::CompressionEncoding::Gzip)
            .send_compressed(::tonic::codec::CompressionEncoding::Gzip)
    }};
}

/// The gRPC services of a process.
#[derive(Debug, Clone, Default)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
}

impl Services {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; see [`grpc_service!`](crate::grpc_service) for how to make it.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(service);
        self
    }
}

/// What stands before every service.
#[derive(Clone)]
pub struct Door {
    /// Who calls.
    pub auth: AuthLayer,
    /// How much they may ask.
    pub limits: LimitsLayer,
}

/// A server that listens but does not serve yet.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens. Connections wait until [`Server::serve`].
    pub async fn bind(config: &ServerConfig) -> Result<Self, ServeError> {
        let failed = |error| ServeError::Bind(config.listen, error);
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { config: config.clone(), listener, address })
    }

    /// Where it listens: the real port when the configured one was 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is cancelled, then finishes calls in flight; what is not finished
    /// within the configured deadline is dropped, idle and half-open connections included.
    ///
    /// Health: "" is always serving (liveness: the process answers), the full name of each
    /// service is serving while all checks of `readiness` are green.
    pub async fn serve(
        self,
        services: Services,
        door: Door,
        readiness: Readiness,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        let names = services.names.clone();
        for name in &names {
            reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
        let mut routes = services.routes.add_service(health);
        if self.config.reflection {
            routes = with_reflection(routes, &names)?;
        }
        let layers = ServiceBuilder::new()
            .layer(RpcLayer::new())
            .layer(PanicLayer)
            .layer(door.auth)
            .layer(door.limits)
            .layer(UnreadLayer::new(self.config.message_size_max_bytes))
            .into_inner();
        let keepalive = Duration::from_secs(self.config.keepalive_seconds);
        let mut server = tonic::transport::Server::builder()
            .max_concurrent_streams(self.config.streams_per_connection_max)
            .http2_max_header_list_size(self.config.headers_max_bytes)
            .http2_keepalive_interval(Some(keepalive))
            .http2_keepalive_timeout(Some(keepalive));
        if let Some(tls) = &self.config.tls {
            server = server.tls_config(tls_config(tls)?)?;
        }
        let (closing, killed) = (CancellationToken::new(), CancellationToken::new());
        let incoming = incoming(self.listener, killed.clone());
        let router = server.layer(layers).add_routes(routes);
        let signal = closing.clone().cancelled_owned();
        let mut serving = AbortOnDropHandle::new(tokio::spawn(
            router.serve_with_incoming_shutdown(incoming, signal),
        ));
        tracing::info!(address = %self.address, "serving");
        let reporting = readiness.report_to(reporter.clone(), names.clone());
        tokio::select! {
            ended = &mut serving => return Ok(ended??),
            () = reporting => {}
            () = shutdown.cancelled() => {}
        }
        for name in &names {
            reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
        closing.cancel();
        let deadline = Duration::from_millis(self.config.shutdown_deadline_ms);
        let ended = tokio::time::timeout(deadline, &mut serving).await;
        // Connections have tasks of their own: they end because their reads and writes fail.
        killed.cancel();
        match ended {
            Ok(ended) => Ok(ended??),
            Err(_) => {
                tracing::warn!(deadline = ?deadline, "calls in flight were dropped at shutdown");
                Ok(())
            }
        }
    }
}

/// Cancelled by SIGTERM or SIGINT.
pub fn shutdown_on_signal() -> Result<CancellationToken, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        token.cancel();
    });
    Ok(shutdown)
}

/// Both versions that clients ask for, with the types of error details, so that tools print them.
fn with_reflection(routes: Routes, names: &[&'static str]) -> Result<Routes, ServeError> {
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(backlog_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}

fn tls_config(tls: &TlsConfig) -> Result<ServerTlsConfig, ServeError> {
    let read =
        |path: &PathBuf| std::fs::read(path).map_err(|error| ServeError::Tls(path.clone(), error));
    let identity = Identity::from_pem(read(&tls.certificate_file)?, read(&tls.key_file)?);
    let config = ServerTlsConfig::new().identity(identity);
    match &tls.client_ca_file {
        Some(path) => Ok(config.client_ca_root(Certificate::from_pem(read(path)?))),
        None => Ok(config),
    }
}
