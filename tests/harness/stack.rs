//! A running system for one test: migrated database, private broker, three service processes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backlog_local_stack::{
    DevelopmentKeys, Manifest, ServiceFiles, ServiceInputs, ServiceProcess, ServicesFiles,
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
    edits: Vec<(Service, String, String)>,
    one_thread: bool,
}

impl StackBuilder {
    /// Replaces a part of a service's configuration, which must be there.
    #[must_use]
    pub fn edit(mut self, service: Service, from: &str, to: &str) -> Self {
        self.edits.push((service, from.to_owned(), to.to_owned()));
        self
    }

    /// Gives each service one worker thread only, as in a small container.
    #[must_use]
    pub fn one_worker_thread(mut self) -> Self {
        self.one_thread = true;
        self
    }

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
            let files = ServicesFiles::write(&inputs).expect("configuration");
            self.apply_edits(&files);
            sets.push(files);
        }
        let programs = if self.one_thread { one_thread_each(manifest) } else { binaries() };
        let keys = manifest.keys.clone();
        let mut stack = Stack { database, broker, keys, sets, programs, processes: Vec::new() };
        stack.start_services().await;
        stack
    }

    fn apply_edits(&self, files: &ServicesFiles) {
        for (service, from, to) in &self.edits {
            let config = &files.all()[service.index()].config;
            let text = std::fs::read_to_string(config).expect("the configuration");
            assert!(text.contains(from), "{from:?} is not in {text}");
            std::fs::write(config, text.replace(from, to)).expect("the configuration");
        }
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
    programs: PathBuf,
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
                .map(|files| {
                    ServiceProcess::start(files.clone(), &self.programs).expect("a service")
                })
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

/// A folder with the programs, each started with one worker thread.
fn one_thread_each(manifest: &Manifest) -> PathBuf {
    let folder = private_folder(&manifest.folder).expect("a folder");
    for service in Service::ALL {
        let name = format!("backlog-{}", service.schema());
        let program = binaries().join(&name);
        // The program replaces the shell and keeps its process id.
        let text =
            format!("#!/bin/sh\nTOKIO_WORKER_THREADS=1 exec '{}' \"$@\"\n", program.display());
        let script = folder.join(name);
        std::fs::write(&script, text).expect("a script");
        std::fs::set_permissions(&script, Permissions::from_mode(0o700)).expect("a script");
    }
    folder
}

/// A folder that the cluster's end finds, so not a hidden one.
fn private_folder(cluster: &Path) -> std::io::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix("test-").tempdir_in(cluster.join("services"))?.keep())
}

/// Where the programs are: beside the folder of the running test.
#[must_use]
pub fn binaries() -> PathBuf {
    let program = std::env::current_exe().expect("the test's program");
    let folder = program.parent().and_then(Path::parent).expect("the build folder");
    folder.to_owned()
}
