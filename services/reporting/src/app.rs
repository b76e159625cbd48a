//! Puts the service together, in one process with others or alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, DatabaseSettings};
use backlog_event_log::{
    Broker, Intake, Outbox, Positions, ProcessingServer, Reader, Writers, start_consumer,
};
use backlog_ids::{EventId, TenantId};
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::processing_service_server::ProcessingServiceServer;
use backlog_proto::reporting::v1::audit_service_server::AuditServiceServer;
use backlog_proto::reporting::v1::backlog_service_server::BacklogServiceServer;
use backlog_service_kit::grpc_service;
use backlog_service_kit::limits::LimitsLayer;
use backlog_service_kit::page::PageTokens;
use backlog_service_kit::server::{Door, ServeError};
use backlog_service_kit::{Clock, Ids, Readiness, Server, Services, Supervisor, to_status};
use backlog_tenancy::{
    AuthError, AuthLayer, Authenticator, TenantCache, TokenSigner, UnknownTenant, Verifier,
};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::SERVICE;
use crate::audit::{AuditServer, CheckpointSigner, SignerError};
use crate::backlog::BacklogServer;
use crate::config::Config;
use crate::projection::{RebuildError, Rebuilt, Registry, Reporting, rebuild};

/// How long the server lets a statement of a rebuild run: it deletes, and then reads, all of a tenant.
const REBUILD_STATEMENT_MAX: Duration = Duration::from_secs(6 * 3600);

/// How often the database is asked whether it answers, for readiness.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Answers the digest of a tenant's projections.
const DIGEST: &str = "select projection_digest($1) as digest";

/// The service cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The signing key for tokens cannot be read.
    #[error("cannot read the signing key {0}")]
    KeyFile(PathBuf, #[source] std::io::Error),
    /// The signing key for tokens is not one.
    #[error(transparent)]
    Key(#[from] backlog_tenancy::SignError),
    /// The signing key for checkpoints cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] SignerError),
    /// The issuers file is wrong.
    #[error(transparent)]
    Issuers(#[from] backlog_tenancy::IssuersError),
    /// The database's address is wrong.
    #[error(transparent)]
    Database(#[from] backlog_db::DbError),
    /// The broker's address is wrong.
    #[error(transparent)]
    Broker(#[from] backlog_event_log::BrokerError),
    /// The address of a log's owner is wrong.
    #[error(transparent)]
    Reader(#[from] backlog_event_log::ReadError),
    /// The server cannot listen.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The database does not answer.
#[derive(Debug, Error)]
#[error("the probe of the database ended")]
struct ProbeEnded;

/// The service, as a program.
#[derive(Debug)]
pub struct App;

/// The running service. It serves until [`Running::shutdown`]; dropped, it ends without waiting.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    parts: Parts,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// The parts that take in and keep what the logs say.
struct Parts {
    database: Database,
    positions: Positions,
    writers: Writers<Reporting>,
    intake: Arc<Intake<Reporting>>,
    tokens: PageTokens,
}

impl App {
    /// Starts everything: writers, consumers, server. Does not wait for the database or the broker:
    /// until they answer, health says that the service is not ready.
    ///
    /// # Errors
    /// What in the configuration cannot work.
    pub async fn start(config: Config, clock: Clock, ids: Ids) -> Result<Running, StartError> {
        let checkpoints =
            CheckpointSigner::read(&config.audit.key_name, config.audit.key_file.clone()).await?;
        let verifier = Verifier::start(config.auth.verifier(SERVICE), clock.now()).await?;
        let server = Server::bind(&config.server).await?;
        let stop = CancellationToken::new();
        let parts = parts(&config, &clock, None).await?;
        let broker = Broker::connect(&config.nats, "backlog-reporting").await?;
        start_consumer(
            parts.database.clone(),
            broker,
            SERVICE,
            vec![Log::Contract, Log::Recognition],
            ids.next::<EventId>().uuid(),
            Arc::clone(&parts.intake),
            &stop,
        );
        let readiness = Readiness::new();
        watch_database(&parts.database, &readiness, &stop);
        let door = door(&config, verifier, &parts.database, &clock);
        let services = services(&config, &parts, checkpoints, &clock);
        let address = server.address();
        let serving = tokio::spawn(server.serve(services, door, readiness, stop.clone()));
        Ok(Running { address, parts, stop, serving })
    }

    /// Rebuilds a tenant's projections from the logs, beside running replicas or without them.
    ///
    /// # Errors
    /// What in the configuration cannot work, or why the rebuild did not come to its end.
    pub async fn rebuild(
        config: Config,
        clock: Clock,
        tenant: TenantId,
    ) -> Result<Result<Rebuilt, RebuildError>, StartError> {
        let parts = parts(&config, &clock, Some(REBUILD_STATEMENT_MAX)).await?;
        let intake = Arc::clone(&parts.intake);
        let catch_up = async move || intake.resume(tenant).await;
        let outcome = rebuild(&parts.database, &parts.positions, tenant, catch_up).await;
        parts.database.close().await;
        Ok(outcome)
    }
}

impl Running {
    /// The write path, for tests that act between its doors.
    #[must_use]
    pub fn writers(&self) -> &Writers<Reporting> {
        &self.parts.writers
    }

    /// The consumer's door, for tests that deliver as the broker would not.
    #[must_use]
    pub fn intake(&self) -> &Arc<Intake<Reporting>> {
        &self.parts.intake
    }

    /// The service's database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.parts.database
    }

    /// How far it is.
    #[must_use]
    pub fn positions(&self) -> &Positions {
        &self.parts.positions
    }

    /// Waits until the server ends: after a shutdown, or because it failed.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn ended(&mut self) -> Result<(), ServeError> {
        (&mut self.serving).await?
    }

    /// Stops taking work, finishes what is in flight and ends.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        self.stop.cancel();
        let ended = self.ended().await;
        self.parts.database.close().await;
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Makes what takes in the logs, without starting to listen for them.
async fn parts(
    config: &Config,
    clock: &Clock,
    statement_max: Option<Duration>,
) -> Result<Parts, StartError> {
    let path = &config.auth.service_key_file;
    let pem =
        tokio::fs::read(path).await.map_err(|error| StartError::KeyFile(path.clone(), error))?;
    let signer = TokenSigner::try_new(config.service_key_id(), &pem)?;
    let mut settings =
        DatabaseSettings::new(config.database.runtime_url.clone(), "backlog-reporting");
    settings.connections_max = config.database.pool_size;
    settings.statement_timeout = statement_max.unwrap_or(settings.statement_timeout);
    let database = Database::connect(&settings).await?;
    let positions = Positions::new(database.clone(), Log::Reporting);
    // Nothing is written to the own log yet, so there is nothing to publish.
    let writers = Writers::start(
        database.clone(),
        clock.clone(),
        positions.clone(),
        Outbox::none(),
        config.writer.follower_settings(),
    );
    let reader = |log, url: &str| Reader::new(log, url, signer.clone(), SERVICE, clock.clone());
    let recognition = reader(Log::Recognition, &config.logs.recognition_url)?;
    let contract = reader(Log::Contract, &config.logs.contract_url)?;
    let intake = Intake::new(database.clone(), writers.clone(), recognition, Some(contract));
    let tokens = PageTokens::derived_from(&pem);
    Ok(Parts { database, positions, writers, intake: Arc::new(intake), tokens })
}

/// Who may come in.
fn door(config: &Config, verifier: Verifier, database: &Database, clock: &Clock) -> Door {
    let registry = Arc::new(Registry::new(database.clone()));
    let time_to_live = Duration::from_millis(config.auth.tenant_cache_ms);
    let tenants = TenantCache::new(registry, config.auth.tenants_max, time_to_live);
    let clock = clock.clone();
    // A tenant that is unknown here may still be on its way from the contract service.
    let authenticator = Authenticator::new(
        verifier,
        tenants,
        UnknownTenant::NotReady,
        Arc::new(move || clock.now()),
    );
    Door {
        auth: AuthLayer::new(Arc::new(authenticator), to_status::<AuthError>),
        limits: LimitsLayer::new(&config.limits),
    }
}

fn services(
    config: &Config,
    parts: &Parts,
    checkpoints: CheckpointSigner,
    clock: &Clock,
) -> Services {
    let Parts { database, positions, intake, tokens, .. } = parts;
    let wait_max = Duration::from_millis(config.logs.wait_max_ms);
    let backlog =
        BacklogServer::new(database.clone(), positions.clone(), wait_max, config.reports.rows_max);
    let audit = AuditServer::new(
        database.clone(),
        positions.clone(),
        checkpoints,
        tokens.clone(),
        clock.clone(),
        wait_max,
    );
    let intake = Some(Arc::clone(intake));
    let processing = ProcessingServer::new(database.clone(), positions.clone(), intake, DIGEST);
    Services::new()
        .with(grpc_service!(BacklogServiceServer<_>, backlog, &config.server))
        .with(grpc_service!(AuditServiceServer<_>, audit, &config.server))
        .with(grpc_service!(ProcessingServiceServer<_>, processing, &config.server))
}

/// Keeps the readiness check `database` as the database answers. The broker is no check: while it is
/// away, calls are answered, and the logs are read when it is back.
fn watch_database(database: &Database, readiness: &Readiness, stop: &CancellationToken) {
    let check = readiness.check("database");
    let supervisor = Supervisor::new(readiness.clone(), stop.clone());
    let (database, stop) = (database.clone(), stop.clone());
    supervisor.spawn("database probe", move || {
        let (database, check, stop) = (database.clone(), check.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                check.set(database.read("select 1 as one", Vec::new()).await.is_ok());
                tokio::select! {
                    () = tokio::time::sleep(PROBE_EVERY) => {}
                    () = stop.cancelled() => {}
                }
            }
            Ok::<(), ProbeEnded>(())
        }
    });
}
