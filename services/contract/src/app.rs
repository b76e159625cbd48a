//! Wires the service: database, writers, relay, door, server, shutdown.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, DatabaseSettings, DbError};
use backlog_event_log::{
    Broker, BrokerError, LogServer, Outbox, Positions, ProcessingServer, Writers, start_relay,
};
use backlog_ids::EventId;
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1::contract_service_server::ContractServiceServer;
use backlog_proto::contract::v1::invoice_service_server::InvoiceServiceServer;
use backlog_proto::contract::v1::platform_service_server::PlatformServiceServer;
use backlog_proto::log::v1::event_log_service_server::EventLogServiceServer;
use backlog_proto::log::v1::processing_service_server::ProcessingServiceServer;
use backlog_service_kit::limits::LimitsLayer;
use backlog_service_kit::page::PageTokens;
use backlog_service_kit::server::{Door, ServeError};
use backlog_service_kit::{
    Clock, Ids, Readiness, Server, Services, Supervisor, grpc_service, to_status,
};
use backlog_tenancy::{
    AuthLayer, Authenticator, IssuersError, TenantCache, UnknownTenant, Verifier, verify_self_test,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::SERVICE;
use crate::config::Config;
use crate::contract::grpc::ContractServer;
use crate::domain::ContractDomain;
use crate::invoice::grpc::InvoiceServer;
use crate::platform::directory::Registry;
use crate::platform::grpc::PlatformServer;

/// How often the database is asked whether it answers.
const DATABASE_CHECK_EVERY: Duration = Duration::from_secs(1);

/// SHA-256 over a tenant's state; takes the tenant.
const DIGEST_SQL: &str = "select digest from state_digest($1)";

/// The service cannot start or run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The server cannot listen or serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The database's address cannot be understood.
    #[error("cannot prepare the database")]
    Database(#[from] DbError),
    /// The broker's address cannot be understood.
    #[error("cannot prepare the broker")]
    Broker(#[from] BrokerError),
    /// The issuers file is wrong.
    #[error("cannot verify tokens")]
    Issuers(#[from] IssuersError),
    /// The cryptography does not work.
    #[error("the self-test of token verification failed: {0}")]
    SelfTest(String),
    /// The service's key cannot be read.
    #[error("cannot read the service's key {0}")]
    Key(PathBuf, #[source] std::io::Error),
    /// The serving task panicked.
    #[error("serving ended by a panic")]
    Panicked(#[from] tokio::task::JoinError),
}

/// The contract service.
#[derive(Debug)]
pub struct App;

/// A service that runs. Dropped without [`Running::shutdown`] it goes on in the background.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), AppError>>,
}

impl App {
    /// Starts the service. It listens when this returns; while its database or broker is away it runs
    /// all the same, and says that it is not ready in the first case.
    ///
    /// # Errors
    /// What keeps it from starting at all.
    pub async fn start(config: Config, clock: Clock, ids: Ids) -> Result<Running, AppError> {
        verify_self_test().map_err(AppError::SelfTest)?;
        let server = Server::bind(&config.server).await?;
        let address = server.address();
        let database = Database::connect(&database_settings(&config)).await?;
        let stop = CancellationToken::new();
        let background = CancellationToken::new();
        let readiness = Readiness::new();
        watch_database(&database, &readiness, &background);

        let tenants = TenantCache::new(
            Arc::new(Registry::new(database.clone())),
            config.auth.tenants_max,
            Duration::from_millis(config.auth.tenant_cache_ms),
        );
        let door = door(&config, &clock, tenants.clone()).await?;
        let positions = Positions::new(database.clone(), Log::Contract);
        let outbox = relay(&config, &database, &ids, &background).await?;
        let writers = Writers::start(
            database.clone(),
            clock.clone(),
            positions.clone(),
            outbox,
            config.writer.settings(),
        );
        let parts = Parts { config, clock, ids, database, positions, writers, tenants };
        let services = parts.services()?;
        let (database, config) = (parts.database.clone(), parts.config.clone());
        drop(parts);

        let (ready, stopped) = (readiness.clone(), stop.clone());
        let serving = tokio::spawn(async move {
            let served = server.serve(services, door, ready, stopped).await;
            // The routes are gone now, and the writers with them once their queues are empty.
            background.cancel();
            let deadline = Duration::from_millis(config.server.shutdown_deadline_ms);
            if tokio::time::timeout(deadline, database.close()).await.is_err() {
                tracing::warn!("the database did not finish what was running at shutdown");
            }
            Ok(served?)
        });
        Ok(Running { address, readiness, stop, serving })
    }
}

impl Running {
    /// Where the service listens: the real port when the configured one was 0.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the service is ready: its database answers.
    pub async fn ready(&self) {
        self.readiness.until(|failing| failing.is_empty()).await;
    }

    /// Cancelling it begins the shutdown.
    #[must_use]
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Stops the service: what is in flight is finished within the configured deadline.
    ///
    /// # Errors
    /// What serving ended with.
    pub async fn shutdown(self) -> Result<(), AppError> {
        self.stop.cancel();
        self.wait().await
    }

    /// Waits until the service has stopped.
    ///
    /// # Errors
    /// What serving ended with.
    pub async fn wait(self) -> Result<(), AppError> {
        self.serving.await?
    }
}

/// What the services are made of.
struct Parts {
    config: Config,
    clock: Clock,
    ids: Ids,
    database: Database,
    positions: Positions,
    writers: Writers<ContractDomain>,
    tenants: TenantCache,
}

impl Parts {
    fn services(&self) -> Result<Services, AppError> {
        let server = &self.config.server;
        let pages = self.page_tokens()?;
        let limits = self.config.contract.limits();
        let platform = PlatformServer {
            writers: self.writers.clone(),
            database: self.database.clone(),
            remembered: self.tenants.clone(),
            clock: self.clock.clone(),
            pages: pages.clone(),
        };
        let contracts = ContractServer {
            writers: self.writers.clone(),
            database: self.database.clone(),
            ids: self.ids.clone(),
            pages: pages.clone(),
            limits,
        };
        let invoices = InvoiceServer {
            writers: self.writers.clone(),
            database: self.database.clone(),
            ids: self.ids.clone(),
            pages,
            lines_max: limits.obligations,
        };
        let log = LogServer::new(self.database.clone());
        let processing = ProcessingServer::<ContractDomain>::new(
            self.database.clone(),
            self.positions.clone(),
            None,
            DIGEST_SQL,
        );
        Ok(Services::new()
            .with(grpc_service!(PlatformServiceServer<_>, platform, server))
            .with(grpc_service!(ContractServiceServer<_>, contracts, server))
            .with(grpc_service!(InvoiceServiceServer<_>, invoices, server))
            .with(grpc_service!(EventLogServiceServer<_>, log, server))
            .with(grpc_service!(ProcessingServiceServer<_>, processing, server)))
    }

    /// All replicas have the same key, so a page token of one opens at another.
    fn page_tokens(&self) -> Result<PageTokens, AppError> {
        let path = &self.config.auth.service_key_file;
        let key = std::fs::read(path).map_err(|error| AppError::Key(path.clone(), error))?;
        Ok(PageTokens::derived_from(&key))
    }
}

fn database_settings(config: &Config) -> DatabaseSettings {
    let mut settings =
        DatabaseSettings::new(config.database.runtime_url.clone(), "backlog-contract");
    settings.connections_max = config.database.pool_size;
    settings
}

async fn door(config: &Config, clock: &Clock, tenants: TenantCache) -> Result<Door, AppError> {
    let verifier = Verifier::start(config.auth.verifier(SERVICE), clock.now()).await?;
    let now = clock.clone();
    // Tenants are created here: one that is unknown here does not exist.
    let authenticator =
        Authenticator::new(verifier, tenants, UnknownTenant::Denied, Arc::new(move || now.now()));
    Ok(Door {
        auth: AuthLayer::new(Arc::new(authenticator), to_status),
        limits: LimitsLayer::new(&config.limits),
    })
}

/// Starts publishing. A broker that is away costs no write: what it missed is swept up later.
async fn relay(
    config: &Config,
    database: &Database,
    ids: &Ids,
    stop: &CancellationToken,
) -> Result<Outbox, AppError> {
    if !config.relay.enabled {
        return Ok(Outbox::none());
    }
    let broker = Broker::connect(&config.nats, "backlog-contract").await?;
    let (outbox, receiver) = Outbox::new();
    let holder = ids.next::<EventId>().uuid();
    let settings = config.relay.settings();
    start_relay(database.clone(), broker, Log::Contract, holder, receiver, settings, stop);
    Ok(outbox)
}

/// Keeps the check `database` green while the database answers, schema included.
fn watch_database(database: &Database, readiness: &Readiness, stop: &CancellationToken) {
    let supervisor = Supervisor::new(readiness.clone(), stop.clone());
    let check = readiness.check("database");
    let (database, stop) = (database.clone(), stop.clone());
    supervisor.spawn("database watch", move || {
        let (database, check, stop) = (database.clone(), check.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                let answer = database.read("select 1 from account limit 1", Vec::new()).await;
                if let Err(error) = &answer {
                    tracing::warn!(%error, "the database does not answer");
                }
                check.set(answer.is_ok());
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(DATABASE_CHECK_EVERY) => {}
                }
            }
            Ok::<(), std::convert::Infallible>(())
        }
    });
}
