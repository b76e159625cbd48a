//! A running system for one test: migrated database, private broker, three service processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use backlog_local_stack::{
    DevelopmentKeys, ServiceFiles, ServiceInputs, ServiceProcess, ServicesFiles,
};
use backlog_test_support::broker::TestBroker;
use backlog_test_support::cluster::TestCluster;
use backlog_test_support::database::TestDatabase;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Commitments and billing facts.
    Contract,
    /// Accounting.
    Recognition,
    /// Figures and the audit trail.
    Reporting,
}

impl Service {
    /// All, in the order in which they depend on each other.
    pub const ALL: [Self; 3] = [Self::Contract, Self::Recognition, Self::Reporting];

    /// A gRPC service of it, by whose health it is known to be ready.
    fn probe(self) -> &'static str {
        match self {
            Self::Contract => "backlog.contract.v1.ContractService",
            Self::Recognition => "backlog.recognition.v1.RecognitionService",
            Self::Reporting => "backlog.reporting.v1.BacklogService",
        }
    }

    /// Its schema in the database, and its user at the broker.
    #[must_use]
    pub fn schema(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Recognition => "recognition",
            Self::Reporting => "reporting",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Contract => 0,
            Self::Recognition => 1,
            Self::Reporting => 2,
        }
    }
}

/// How a test's system is set up.
#[derive(Debug, Default)]
pub struct StackBuilder {
    extra: String,
    replicas: usize,
}

impl StackBuilder {
    /// Further TOML for the configuration of every service.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self
    }

    /// Runs this many more replicas of each service on the same database and broker.
    #[must_use]
    pub fn more_replicas(mut self, count: usize) -> Self {
        self.replicas = count;
        self
    }

    /// Starts everything and waits until it is ready.
    pub async fn start(self) -> Stack {
        let manifest = TestCluster::shared().await.expect("a cluster").manifest();
        let database = migrated_database().await;
        let broker = TestBroker::start().await.expect("a broker");
        let mut sets = Vec::new();
        for _ in 0..=self.replicas {
            let folder = private_folder(&manifest.folder).expect("a folder");
            let inputs = ServiceInputs {
                folder: &folder,
                databases: database.urls(),
                nats_url: broker.url(),
                nats: broker.users(),
                keys: &manifest.keys,
                extra: &self.extra,
            };
            sets.push(ServicesFiles::write(&inputs).expect("configuration"));
        }
        let mut stack =
            Stack { database, broker, keys: manifest.keys.clone(), sets, processes: Vec::new() };
        stack.start_services().await;
        stack
    }
}

/// A running system. Dropping it ends its processes.
#[derive(Debug)]
pub struct Stack {
    /// The database, to look at what is there.
    pub database: TestDatabase,
    /// The broker, to disturb it.
    pub broker: TestBroker,
    /// The keys that sign its tokens.
    pub keys: DevelopmentKeys,
    sets: Vec<ServicesFiles>,
    processes: Vec<Vec<ServiceProcess>>,
}

impl Stack {
    /// One replica of each service, all defaults.
    pub async fn start() -> Self {
        StackBuilder::default().start().await
    }

    async fn start_services(&mut self) {
        for set in self.sets.clone() {
            let started: Vec<ServiceProcess> = set
                .all()
                .map(|files| ServiceProcess::start(files.clone(), &binaries()).expect("a service"))
                .into();
            self.processes.push(started);
        }
        for replica in 0..self.sets.len() {
            for service in Service::ALL {
                self.ready_at(service, replica).await;
            }
        }
    }

    /// Configuration, address and log of a service's first replica.
    #[must_use]
    pub fn files(&self, service: Service) -> &ServiceFiles {
        self.files_at(service, 0)
    }

    fn files_at(&self, service: Service, replica: usize) -> &ServiceFiles {
        self.sets.get(replica).expect("a replica").all()[service.index()]
    }

    /// The issuers files of all replicas.
    #[must_use]
    pub fn issuers(&self) -> Vec<&Path> {
        self.sets.iter().map(|set| set.issuers.as_path()).collect()
    }

    /// A channel to a service, made when needed and made again after the service was away.
    #[must_use]
    pub fn channel(&self, service: Service) -> Channel {
        self.channel_at(service, 0)
    }

    /// A channel to a replica of a service, from 0.
    #[must_use]
    pub fn channel_at(&self, service: Service, replica: usize) -> Channel {
        Endpoint::from_shared(self.files_at(service, replica).url.clone())
            .expect("a URL")
            .connect_timeout(Duration::from_secs(5))
            .connect_lazy()
    }

    /// Ends a service's first replica as a crash does.
    pub fn kill(&mut self, service: Service) {
        self.process(service).kill().expect("killed");
    }

    /// Asks a service's first replica to end, and waits until it has.
    pub fn terminate(&mut self, service: Service) {
        self.process(service).terminate().expect("ended");
    }

    /// Starts a service's first replica again and waits until it is ready.
    pub async fn restart(&mut self, service: Service) {
        let process = self.process(service);
        tokio::task::block_in_place(|| process.restart()).expect("a service");
        self.ready_at(service, 0).await;
    }

    /// The process id of a service's first replica while it runs.
    #[must_use]
    pub fn pid(&self, service: Service) -> Option<u32> {
        self.processes.first()?.get(service.index())?.pid()
    }

    /// Waits until every service has applied all that the others wrote. Looks only: nothing here
    /// pushes them.
    pub async fn settle(&self) {
        let behind = "select \
            (select count(*) from contract.log_head h left join recognition.applied_position a \
               on a.tenant_id = h.tenant_id and a.log = 1 where a.seq is distinct from h.seq) + \
            (select count(*) from contract.log_head h left join reporting.applied_position a \
               on a.tenant_id = h.tenant_id and a.log = 1 where a.seq is distinct from h.seq) + \
            (select count(*) from recognition.log_head h left join reporting.applied_position a \
               on a.tenant_id = h.tenant_id and a.log = 2 where a.seq is distinct from h.seq);";
        while self.database.superuser_sql(behind).await.expect("the positions") != "0" {}
    }

    fn process(&mut self, service: Service) -> &mut ServiceProcess {
        let first = self.processes.first_mut().expect("a replica");
        first.get_mut(service.index()).expect("a service")
    }

    async fn ready_at(&self, service: Service, replica: usize) {
        let mut client = HealthClient::new(self.channel_at(service, replica));
        let request = HealthCheckRequest { service: service.probe().to_owned() };
        let mut watch = client.watch(request).await.expect("a health service").into_inner();
        let mut ready = false;
        while !ready {
            let answer = watch.message().await.expect("the health of a service");
            ready = answer.expect("a service that runs").status() == ServingStatus::Serving;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            // What cannot be ended here ends with the cluster.
            drop(process.kill());
        }
    }
}

/// A database with the migrated schemas of the three services, and no rows.
pub async fn migrated_database() -> TestDatabase {
    TestDatabase::from_template("services", |urls| async move {
        let manifest = TestCluster::shared().await?.manifest();
        let folder = private_folder(&manifest.folder)?;
        let inputs = ServiceInputs {
            folder: &folder,
            databases: &urls,
            nats_url: &manifest.nats_url,
            nats: &manifest.nats,
            keys: &manifest.keys,
            extra: "",
        };
        let files = ServicesFiles::write(&inputs)?;
        for service in files.all() {
            ServiceProcess::migrate(service, &binaries())?;
        }
        Ok(())
    })
    .await
    .expect("a migrated database")
}

/// A folder that the cluster's end finds.
fn private_folder(cluster: &Path) -> std::io::Result<PathBuf> {
    Ok(tempfile::Builder::new().tempdir_in(cluster.join("services"))?.keep())
}

/// Where the programs are: beside the folder of the running test.
#[must_use]
pub fn binaries() -> PathBuf {
    let program = std::env::current_exe().expect("the test's program");
    let folder = program.parent().and_then(Path::parent).expect("the build folder");
    folder.to_owned()
}
