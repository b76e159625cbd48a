//! Puts the service together, in one process with others or alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backlog_db::{Database, DatabaseSettings};
use backlog_event_log::{
    Broker, Intake, LogServer, Outbox, Positions, ProcessingServer, Reader, SweeperSettings,
    Writers, start_consumer, start_relay,
};
use backlog_ids::EventId;
use backlog_proto::common::v1::Log;
use backlog_proto::log::v1::event_log_service_server::EventLogServiceServer;
use backlog_proto::log::v1::processing_service_server::ProcessingServiceServer;
use backlog_proto::recognition::v1::combination_service_server::CombinationServiceServer;
use backlog_proto::recognition::v1::explain_service_server::ExplainServiceServer;
use backlog_proto::recognition::v1::journal_service_server::JournalServiceServer;
use backlog_proto::recognition::v1::period_service_server::PeriodServiceServer;
use backlog_proto::recognition::v1::policy_service_server::PolicyServiceServer;
use backlog_proto::recognition::v1::progress_service_server::ProgressServiceServer;
use backlog_proto::recognition::v1::recognition_service_server::RecognitionServiceServer;
use backlog_proto::recognition::v1::run_service_server::RunServiceServer;
use backlog_proto::recognition::v1::what_if_service_server::WhatIfServiceServer;
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
use uuid::Uuid;

use crate::combination::grpc::CombinationServer;
use crate::config::Config;
use crate::directory::Registry;
use crate::domain::{Recognition, SERVICE};
use crate::explain::grpc::ExplainServer;
use crate::journal::grpc::JournalServer;
use crate::period::grpc::PeriodServer;
use crate::policy::grpc::PolicyServer;
use crate::progress::grpc::ProgressServer;
use crate::run::recognize::Runs;
use crate::run::schedule::Scheduler;
use crate::run::stream::RunServer;
use crate::service::RecognitionServer;
use crate::what_if::grpc::WhatIfServer;
use crate::what_if::schedule::WhatIfWorker;
use crate::what_if::work::WhatIfs;

/// How often the database is asked whether it answers, for readiness.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Answers the digest of a tenant's state.
const DIGEST: &str = "select digest from state_digest($1)";

/// The service cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The signing key cannot be read.
    #[error("cannot read the signing key {0}")]
    KeyFile(std::path::PathBuf, #[source] std::io::Error),
    /// The signing key is not one.
    #[error(transparent)]
    Key(#[from] backlog_tenancy::SignError),
    /// The issuers file is wrong.
    #[error(transparent)]
    Issuers(#[from] backlog_tenancy::IssuersError),
    /// The database's address is wrong.
    #[error(transparent)]
    Database(#[from] backlog_db::DbError),
    /// The broker's address is wrong.
    #[error(transparent)]
    Broker(#[from] backlog_event_log::BrokerError),
    /// The contract service's address is wrong.
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
    database: Database,
    writers: Writers<Recognition>,
    intake: Arc<Intake<Recognition>>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// What the parts share.
struct Parts {
    database: Database,
    positions: Positions,
    writers: Writers<Recognition>,
    intake: Arc<Intake<Recognition>>,
    pages: PageTokens,
    contract: Reader,
    runs: Runs,
    /// Which replica this is.
    holder: Uuid,
}

impl App {
    /// Starts everything: writers, relay, consumer, server. Does not wait for the database or the
    /// broker: until they answer, health says that the service is not ready.
    ///
    /// # Errors
    /// What in the configuration cannot work.
    pub async fn start(config: Config, clock: Clock, ids: Ids) -> Result<Running, StartError> {
        let (signer, pages) = secrets(&config).await?;
        let verifier = Verifier::start(config.auth.verifier(SERVICE), clock.now()).await?;
        let server = Server::bind(&config.server).await?;
        let stop = CancellationToken::new();
        let parts = start_parts(&config, (signer, pages), &clock, &ids, &stop).await?;
        let readiness = Readiness::new();
        watch_database(&parts.database, &readiness, &stop);
        run_by_schedule(&config, &parts, &clock, &readiness, &stop);
        work_on_what_ifs(&config, &parts, &readiness, &stop);
        let door = door(&config, verifier, &parts.database, &clock);
        let services = services(&config, &parts, &clock);
        let address = server.address();
        let serving = tokio::spawn(server.serve(services, door, readiness, stop.clone()));
        let Parts { database, writers, intake, .. } = parts;
        Ok(Running { address, database, writers, intake, stop, serving })
    }
}

impl Running {
    /// The write path, for tests that act between its doors.
    #[must_use]
    pub fn writers(&self) -> &Writers<Recognition> {
        &self.writers
    }

    /// The consumer's door, for tests that deliver as the broker would not.
    #[must_use]
    pub fn intake(&self) -> &Arc<Intake<Recognition>> {
        &self.intake
    }

    /// The service's database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
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
        self.database.close().await;
        ended
    }

    /// What stops it when cancelled.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What signs this service's tokens, and its page tokens: all replicas have the same key.
async fn secrets(config: &Config) -> Result<(TokenSigner, PageTokens), StartError> {
    let path = &config.auth.service_key_file;
    let pem =
        tokio::fs::read(path).await.map_err(|error| StartError::KeyFile(path.clone(), error))?;
    let pages = PageTokens::derived_from(&pem);
    Ok((TokenSigner::try_new(config.service_key_id(), &pem)?, pages))
}

/// Starts what works in the background.
async fn start_parts(
    config: &Config,
    (signer, pages): (TokenSigner, PageTokens),
    clock: &Clock,
    ids: &Ids,
    stop: &CancellationToken,
) -> Result<Parts, StartError> {
    let mut settings =
        DatabaseSettings::new(config.database.runtime_url.clone(), "backlog-recognition");
    settings.connections_max = config.database.pool_size;
    let database = Database::connect(&settings).await?;
    let broker = Broker::connect(&config.nats, "backlog-recognition").await?;
    let contract_url = &config.logs.contract_url;
    let contract = Reader::new(Log::Contract, contract_url, signer, SERVICE, clock.clone())?;
    let holder = ids.next::<EventId>().uuid();
    let positions = Positions::new(database.clone(), Log::Recognition);
    let (outbox, committed) = Outbox::new();
    let writers = Writers::start(
        database.clone(),
        clock.clone(),
        positions.clone(),
        outbox,
        config.writer.follower_settings(),
    );
    start_relay(
        database.clone(),
        broker.clone(),
        Log::Recognition,
        holder,
        committed,
        SweeperSettings::default(),
        stop,
    );
    let intake = Arc::new(Intake::new(database.clone(), writers.clone(), contract.clone(), None));
    start_consumer(
        database.clone(),
        broker,
        SERVICE,
        vec![Log::Contract],
        holder,
        Arc::clone(&intake),
        stop,
    );
    let runs = Runs::new(database.clone(), writers.clone(), config.runs.settings());
    Ok(Parts { database, positions, writers, intake, pages, contract, runs, holder })
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

fn services(config: &Config, parts: &Parts, clock: &Clock) -> Services {
    let Parts { database, positions, writers, intake, pages, contract, runs, .. } = parts;
    let wait_max = Duration::from_millis(config.logs.wait_max_ms);
    let recognition =
        RecognitionServer::new(database.clone(), positions.clone(), runs.clone(), wait_max);
    let long_runs = RunServer::new(runs.clone(), positions.clone(), wait_max);
    let progress =
        ProgressServer::new(database.clone(), writers.clone(), positions.clone(), wait_max);
    let period = PeriodServer::new(
        database.clone(),
        writers.clone(),
        positions.clone(),
        contract.clone(),
        wait_max,
    );
    let policy = PolicyServer::new(database.clone(), writers.clone(), positions.clone(), wait_max);
    let combination = CombinationServer::new(
        database.clone(),
        writers.clone(),
        positions.clone(),
        pages.clone(),
        wait_max,
    );
    let journal = JournalServer::new(
        database.clone(),
        writers.clone(),
        positions.clone(),
        pages.clone(),
        wait_max,
    );
    let what_ifs = WhatIfServer::new(
        database.clone(),
        positions.clone(),
        pages.clone(),
        clock.clone(),
        (config.what_ifs.kept_max, wait_max),
    );
    let explain = ExplainServer::new(
        database.clone(),
        positions.clone(),
        contract.clone(),
        pages.clone(),
        (config.explain.entries_max, wait_max),
    );
    let processing = ProcessingServer::new(
        database.clone(),
        positions.clone(),
        Some(Arc::clone(intake)),
        DIGEST,
    );
    let log = LogServer::new(database.clone());
    Services::new()
        .with(grpc_service!(RecognitionServiceServer<_>, recognition, &config.server))
        .with(grpc_service!(RunServiceServer<_>, long_runs, &config.server))
        .with(grpc_service!(ProgressServiceServer<_>, progress, &config.server))
        .with(grpc_service!(JournalServiceServer<_>, journal, &config.server))
        .with(grpc_service!(PeriodServiceServer<_>, period, &config.server))
        .with(grpc_service!(PolicyServiceServer<_>, policy, &config.server))
        .with(grpc_service!(WhatIfServiceServer<_>, what_ifs, &config.server))
        .with(grpc_service!(CombinationServiceServer<_>, combination, &config.server))
        .with(grpc_service!(ExplainServiceServer<_>, explain, &config.server))
        .with(grpc_service!(ProcessingServiceServer<_>, processing, &config.server))
        .with(grpc_service!(EventLogServiceServer<_>, log, &config.server))
}

/// Keeps the readiness check `database` as the database answers. The broker is no check: while it is
/// away, calls are answered and the contract log is read when it is back.
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

/// Runs what is due by schedule, where there is one.
fn run_by_schedule(
    config: &Config,
    parts: &Parts,
    clock: &Clock,
    readiness: &Readiness,
    stop: &CancellationToken,
) {
    let Some(schedule) = config.runs.schedule() else { return };
    let Parts { database, runs, holder, .. } = parts;
    let scheduler =
        Scheduler::new(database.clone(), runs.clone(), clock.clone(), schedule, *holder);
    let supervisor = Supervisor::new(readiness.clone(), stop.clone());
    let stop = stop.clone();
    supervisor.spawn("scheduled runs", move || {
        let (scheduler, stop) = (scheduler.clone(), stop.clone());
        async move {
            scheduler.run(&stop).await;
            Ok::<(), ProbeEnded>(())
        }
    });
}

/// Works on what-ifs that were started, at this replica or another.
fn work_on_what_ifs(
    config: &Config,
    parts: &Parts,
    readiness: &Readiness,
    stop: &CancellationToken,
) {
    let Parts { database, contract, holder, .. } = parts;
    let settings = config.what_ifs.settings();
    let what_ifs = WhatIfs::new(database.clone(), contract.clone(), settings);
    let every = Duration::from_millis(config.what_ifs.every_ms);
    let worker = WhatIfWorker::new(database.clone(), what_ifs, every, *holder);
    let supervisor = Supervisor::new(readiness.clone(), stop.clone());
    let stop = stop.clone();
    supervisor.spawn("what-ifs", move || {
        let (worker, stop) = (worker.clone(), stop.clone());
        async move {
            worker.run(&stop).await;
            Ok::<(), ProbeEnded>(())
        }
    });
}
