//! The system under measurement: databases of a private, durable Postgres, each with the services
//! that a figure needs, as processes.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use backlog_local_stack::{
    DatabaseCluster, DatabaseUrls, LocalStack, NatsServer, NatsUsers, PostgresAccess,
    PrivateFolder, ServiceFiles, ServiceInputs, ServiceProcess, ServicesFiles, StackOptions,
};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::ledger::Ledger;

/// Which services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The contract service, publishing nothing.
    Plain,
    /// The contract service with its relay.
    Relay,
    /// All three services, with relay and consumers.
    Full,
    /// The contract and the recognition service, with relay and consumer.
    Accounting,
}

/// One of the three services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Contract,
    Recognition,
    Reporting,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Contract, Self::Recognition, Self::Reporting];

    /// The name of the service and of its schema.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Recognition => "recognition",
            Self::Reporting => "reporting",
        }
    }

    fn probe(self) -> &'static str {
        match self {
            Self::Contract => "backlog.contract.v1.ContractService",
            Self::Recognition => "backlog.recognition.v1.RecognitionService",
            Self::Reporting => "backlog.reporting.v1.BacklogService",
        }
    }
}

impl Mode {
    fn services(self) -> &'static [Service] {
        match self {
            Self::Plain | Self::Relay => &[Service::Contract],
            Self::Full => &Service::ALL,
            Self::Accounting => &[Service::Contract, Service::Recognition],
        }
    }

    fn database(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Relay => "relay",
            Self::Full => "all_services",
            Self::Accounting => "accounting",
        }
    }
}

/// Limits that no load here reaches, for one hot tenant may have all calls in flight.
const LIMITS: &str = "[limits]\ntenant_requests_per_second = 1000000\ntenant_burst = 1000000\n\
                      tenant_concurrency = 4000\n";

/// Calls in flight are spread over so many connections.
const CONNECTIONS: usize = 8;

/// The private Postgres and what all systems on it share.
#[derive(Debug)]
pub(crate) struct Servers {
    stack: LocalStack,
    binaries: PathBuf,
}

impl Servers {
    /// Starts a durable Postgres.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let stack = LocalStack::start(&StackOptions::default())?;
        let program = std::env::current_exe()?;
        let binaries = program.parent().context("the program is in a folder")?.to_owned();
        Ok(Self { stack, binaries })
    }

    /// How to reach Postgres as superuser.
    pub(crate) fn access(&self) -> &PostgresAccess {
        self.stack.postgres.access()
    }

    /// Creates a database with all three schemas and starts the services of a mode on it.
    pub(crate) async fn system(&self, mode: Mode) -> anyhow::Result<System> {
        let cluster = &self.stack.manifest().cluster;
        let urls = cluster.create_database(mode.database())?;
        self.start_on(mode, mode.database(), urls).await
    }

    /// Copies the database of a system whose services have ended, and starts the same services on the
    /// copy.
    pub(crate) async fn copy_of(&self, system: &System) -> anyhow::Result<System> {
        let cluster = &self.stack.manifest().cluster;
        let name = format!("{}_copy", system.urls.database);
        let urls = cluster.create_from_template(&name, &system.urls.database)?;
        self.start_on(system.mode, &name, urls).await
    }

    async fn start_on(&self, mode: Mode, name: &str, urls: DatabaseUrls) -> anyhow::Result<System> {
        let manifest = self.stack.manifest();
        let broker = match mode {
            Mode::Plain => None,
            Mode::Relay | Mode::Full | Mode::Accounting => {
                Some(NatsServer::start(&Arc::new(PrivateFolder::create()?))?)
            }
        };
        let (nats_url, nats): (String, &NatsUsers) = match &broker {
            Some(server) => (server.url(), server.users()),
            None => (manifest.nats_url.clone(), &manifest.nats),
        };
        let folder = manifest.folder.join("services").join(name);
        std::fs::create_dir(&folder)?;
        let files = ServicesFiles::write(&ServiceInputs {
            folder: &folder,
            databases: &urls,
            nats_url: &nats_url,
            nats,
            keys: &manifest.keys,
            extra: LIMITS,
        })?;
        for service in files.all() {
            ServiceProcess::migrate(service, &self.binaries)?;
        }
        if mode == Mode::Plain {
            let mut config =
                std::fs::OpenOptions::new().append(true).open(&files.contract.config)?;
            config.write_all(b"\n[relay]\nenabled = false\n")?;
        }
        let mut system = System {
            mode,
            urls,
            cluster: manifest.cluster.clone(),
            binaries: self.binaries.clone(),
            postgres_pid: self.stack.postgres.pid().context("Postgres has ended")?,
            user_key: manifest.keys.user_issuer.clone(),
            files,
            processes: Vec::new(),
            broker,
            ledger: Ledger::default(),
        };
        system.start().await?;
        Ok(system)
    }
}

/// One database with its services.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) mode: Mode,
    pub(crate) urls: DatabaseUrls,
    cluster: DatabaseCluster,
    /// Process id of Postgres.
    pub(crate) postgres_pid: u32,
    pub(crate) user_key: backlog_local_stack::DevelopmentKey,
    pub(crate) files: ServicesFiles,
    /// What was acknowledged.
    pub(crate) ledger: Ledger,
    binaries: PathBuf,
    processes: Vec<(Service, ServiceProcess)>,
    broker: Option<NatsServer>,
}

impl System {
    /// Starts the services of the mode and waits until they are ready.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        for service in self.mode.services() {
            let files = self.files_of(*service).clone();
            self.processes.push((*service, ServiceProcess::start(files, &self.binaries)?));
        }
        for service in self.mode.services() {
            tokio::time::timeout(Duration::from_secs(30), self.ready(*service))
                .await
                .with_context(|| format!("the {} service is not ready", service.name()))??;
        }
        Ok(())
    }

    /// Ends the services in order, so that what they hold counts for nothing that is measured later.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        while let Some((_, mut process)) = self.processes.pop() {
            process.terminate()?;
        }
        if let Some(mut broker) = self.broker.take() {
            broker.stop()?;
        }
        Ok(())
    }

    /// Ends the services but not the broker, so that they can be started again.
    pub(crate) fn pause(&mut self) -> anyhow::Result<()> {
        while let Some((_, mut process)) = self.processes.pop() {
            process.terminate()?;
        }
        Ok(())
    }

    /// Ends a service at once, wherever it is, and starts it again.
    pub(crate) async fn kill(&mut self, service: Service) -> anyhow::Result<()> {
        let found = self.processes.iter_mut().find(|(known, _)| *known == service);
        let (_, process) = found.context("the service runs")?;
        process.kill()?;
        process.restart()?;
        self.ready(service).await
    }

    fn files_of(&self, service: Service) -> &ServiceFiles {
        match service {
            Service::Contract => &self.files.contract,
            Service::Recognition => &self.files.recognition,
            Service::Reporting => &self.files.reporting,
        }
    }

    /// The running services with their process ids.
    pub(crate) fn pids(&self) -> Vec<(Service, u32)> {
        self.processes
            .iter()
            .filter_map(|(service, process)| Some((*service, process.pid()?)))
            .collect()
    }

    /// The process id of the broker, where there is one.
    pub(crate) fn broker_pid(&self) -> Option<u32> {
        self.broker.as_ref().and_then(NatsServer::pid)
    }

    /// A connection to a service.
    pub(crate) async fn channel(&self, service: Service) -> anyhow::Result<Channel> {
        let endpoint = Endpoint::from_shared(self.files_of(service).url.clone())?;
        Ok(endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true).connect().await?)
    }

    /// The connections over which load goes.
    pub(crate) async fn channels(&self) -> anyhow::Result<Vec<Channel>> {
        let mut channels = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            channels.push(self.channel(Service::Contract).await?);
        }
        Ok(channels)
    }

    async fn ready(&self, service: Service) -> anyhow::Result<()> {
        let mut client = HealthClient::new(self.channel(service).await?);
        let request = HealthCheckRequest { service: service.probe().to_owned() };
        let mut watch = client.watch(request).await?.into_inner();
        while let Some(answer) = watch.message().await? {
            if answer.status() == ServingStatus::Serving {
                return Ok(());
            }
        }
        anyhow::bail!("the {} service ended its health stream", service.name())
    }

    /// Runs SQL in this database as the superuser.
    pub(crate) fn sql(&self, sql: &str) -> anyhow::Result<String> {
        Ok(self.cluster.access.run(&self.urls.database, sql)?)
    }

    /// Runs SQL in this database as reporting's runtime role, under row-level security.
    pub(crate) fn sql_as_reporting(&self, sql: &str) -> anyhow::Result<String> {
        let role = &self.urls.reporting.runtime_role;
        Ok(self.cluster.run_as(role, &self.urls.database, sql)?)
    }

    /// Runs SQL in this database as recognition's runtime role, under row-level security.
    pub(crate) fn sql_as_recognition(&self, sql: &str) -> anyhow::Result<String> {
        let role = &self.urls.recognition.runtime_role;
        Ok(self.cluster.run_as(role, &self.urls.database, sql)?)
    }

    /// Runs SQL that answers one number.
    pub(crate) fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let answer = self.sql(sql)?;
        answer.trim().parse().with_context(|| format!("{sql} answered {answer:?}"))
    }

    /// Brings the planner's statistics up to date and starts each side after a checkpoint, so that no
    /// side pays for the other's.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        self.sql("analyze; checkpoint;").map(drop)
    }
}
