//! What each test stands on: a database, a broker, an owner of the contract log, and as many replicas
//! of the service as it starts.

use std::path::PathBuf;
use std::sync::Arc;

use backlog_event_log::WriterConfig;
use backlog_event_log::{Answer, GENESIS, Opened, Reader, Refused, Submission};
use backlog_ids::{ContractId, TenantId};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1::MeasurementPolicy;
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::log::v1::{GetProcessingRequest, GetProcessingResponse};
use backlog_proto::recognition::v1::explain_service_client::ExplainServiceClient;
use backlog_proto::recognition::v1::period_service_client::PeriodServiceClient;
use backlog_proto::recognition::v1::policy_service_client::PolicyServiceClient;
use backlog_proto::recognition::v1::progress_service_client::ProgressServiceClient;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::recognition::v1::{
    AccountingPosted, GetPlanRequest, GetPlanResponse, RunRecognitionRequest,
    RunRecognitionResponse,
};
use backlog_recognition::app::{App, Running};
use backlog_recognition::config::{Config, ExplainConfig, LogsConfig, RunsConfig, WhatIfsConfig};
use backlog_recognition::domain::{Command, Refusal};
use backlog_recognition::run::{RecognizeChunk, run_id};
use backlog_recognition::{migrations, rebuild};
use backlog_service_kit::config::{
    AuthConfig, DatabaseConfig, LimitsConfig, NatsConfig, ServerConfig, TelemetryConfig,
};
use backlog_service_kit::{Clock, Ids};
use backlog_tenancy::{
    IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersFile, SERVICE_ISSUER, TokenSigner, UserToken,
    Verifier, VerifierConfig,
};
use backlog_test_support::broker::TestBroker;
use backlog_test_support::cluster::TestCluster;
use backlog_test_support::database::TestDatabase;
use chrono::{DateTime, TimeDelta};
use prost::Message;
use secrecy::SecretString;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::owner::{Owner, account, day};

const ISSUER: &str = "https://issuer.test";

pub(crate) struct Stack {
    pub(crate) database: TestDatabase,
    pub(crate) owner: Owner,
    pub(crate) clock: Clock,
    nats: NatsConfig,
    keys: Keys,
    pub(crate) broker: TestBroker,
}

struct Keys {
    user: TokenSigner,
    recognition_pem: PathBuf,
    reporting_pem: PathBuf,
    issuers_file: PathBuf,
    _folder: Arc<tempfile::TempDir>,
}

pub(crate) fn tenant(n: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(0x7e4_0000 + n))
}

pub(crate) fn contract(n: u128) -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(0xc_0000 + n))
}

/// The policy of most tests: whole months, so that figures are easy to check by head.
pub(crate) fn even_months() -> MeasurementPolicy {
    MeasurementPolicy {
        convention: 3,
        rounding: 1,
        receivable_on: 1,
        calendar: String::new(),
        adjustments_need_approval: false,
    }
}

pub(crate) fn at(log: Log, seq: u64) -> Vec<LogPosition> {
    vec![LogPosition { log: log.into(), seq }]
}

impl Stack {
    pub(crate) async fn start() -> Self {
        let database = TestDatabase::from_template("recognition_tests", async |urls| {
            let contract = SecretString::from(urls.contract.owner_url);
            backlog_db::migrate(&contract, vec![backlog_event_log::MIGRATION]).await?;
            let recognition = SecretString::from(urls.recognition.owner_url);
            backlog_db::migrate(&recognition, migrations()).await?;
            Ok(())
        })
        .await
        .unwrap();
        let broker = TestBroker::start().await.unwrap();
        let admin = &broker.users().admin;
        let nats = NatsConfig {
            url: broker.url().to_owned(),
            user: Some(admin.name.clone()),
            password: Some(SecretString::from(admin.password.clone())),
            ca_file: None,
        };
        let clock = Clock::fixed(DateTime::from_timestamp(1_780_000_000, 0).unwrap());
        let keys = keys().await;
        let verifier = VerifierConfig::new("contract", keys.issuers_file.clone());
        let verifier = Verifier::start(verifier, clock.now()).await.unwrap();
        let url = &database.urls().contract.runtime_url;
        let owner = Owner::start(url, &nats, verifier, &clock).await;
        Self { database, owner, clock, nats, keys, broker }
    }

    /// A replica of the service with these limits of runs.
    pub(crate) async fn replica_with(&self, runs: RunsConfig) -> Replica {
        self.replica_of(runs, WhatIfsConfig::default()).await
    }

    /// A replica of the service with these limits of runs and of what-ifs.
    pub(crate) async fn replica_of(&self, runs: RunsConfig, what_ifs: WhatIfsConfig) -> Replica {
        let urls = &self.database.urls().recognition;
        let config = Config {
            server: ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() },
            database: DatabaseConfig {
                runtime_url: SecretString::from(urls.runtime_url.clone()),
                owner_url: None,
                pool_size: 4,
            },
            nats: self.nats.clone(),
            auth: AuthConfig {
                issuers_file: self.keys.issuers_file.clone(),
                service_key_file: self.keys.recognition_pem.clone(),
                service_key_id: None,
                file_floor_ms: 1_000,
                fetch_floor_ms: 10_000,
                tenant_cache_ms: 5_000,
                tenants_max: 100,
                tokens_max: 100,
            },
            logs: LogsConfig {
                contract_url: format!("http://{}", self.owner.address),
                wait_max_ms: 30_000,
            },
            telemetry: TelemetryConfig::default(),
            limits: LimitsConfig::default(),
            writer: WriterConfig { writers: 2, ..WriterConfig::default() },
            runs,
            explain: ExplainConfig::default(),
            what_ifs,
        };
        let ids = Ids::random(self.clock.clone());
        let running = App::start(config, self.clock.clone(), ids).await.unwrap();
        let url = format!("http://{}", running.address);
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        Replica { channel, running, user: self.keys.user.clone(), clock: self.clock.clone() }
    }

    pub(crate) async fn replica(&self) -> Replica {
        self.replica_with(RunsConfig::default()).await
    }

    /// All entries of the contract log.
    pub(crate) async fn contract_entries(&self, tenant: TenantId) -> Vec<Opened> {
        self.read(Log::Contract, format!("http://{}", self.owner.address), tenant).await
    }

    /// All entries of the recognition log.
    pub(crate) async fn recognition_entries(
        &self,
        replica: &Replica,
        tenant: TenantId,
    ) -> Vec<Opened> {
        let url = format!("http://{}", replica.running.address);
        self.read(Log::Recognition, url, tenant).await
    }

    async fn read(&self, log: Log, url: String, tenant: TenantId) -> Vec<Opened> {
        self.reader(log, &url).read(tenant, 0, GENESIS, 0).await.unwrap()
    }

    /// Reads the contract log as a service does.
    pub(crate) fn contract_reader(&self) -> Reader {
        self.reader(Log::Contract, &format!("http://{}", self.owner.address))
    }

    fn reader(&self, log: Log, url: &str) -> Reader {
        let pem = std::fs::read(&self.keys.reporting_pem).unwrap();
        let signer = TokenSigner::try_new("reporting", &pem).unwrap();
        Reader::new(log, url, signer, "reporting", self.clock.clone()).unwrap()
    }

    /// Folds both logs beside the stored state; they must agree.
    pub(crate) async fn verify(&self, replica: &Replica, tenant: TenantId) {
        self.try_verify(replica, tenant).await.unwrap();
    }

    pub(crate) async fn try_verify(
        &self,
        replica: &Replica,
        tenant: TenantId,
    ) -> Result<(), rebuild::Mismatch> {
        let contract = self.contract_entries(tenant).await;
        let recognition = self.recognition_entries(replica, tenant).await;
        rebuild::verify(replica.running.database(), tenant, &contract, &recognition).await
    }

    /// The stored state as lines, without runs and entries of the journal, whose places in the log
    /// depend on chunks.
    pub(crate) async fn books(&self, tenant: TenantId) -> Vec<String> {
        let sql = format!(
            "set search_path = recognition; select line from state_lines('{}') \
             where line not like 'run %' and line not like 'journal %' order by line collate \"C\";",
            tenant.uuid()
        );
        let lines = self.database.superuser_sql(&sql).await.unwrap();
        lines.lines().filter(|line| *line != "SET").map(str::to_owned).collect()
    }
}

/// One replica of the service and how to call it.
pub(crate) struct Replica {
    pub(crate) running: Running,
    channel: Channel,
    user: TokenSigner,
    clock: Clock,
}

impl Replica {
    /// A request with a token of these roles.
    pub(crate) fn call<T>(
        &self,
        tenant: Option<TenantId>,
        roles: &[&str],
        message: T,
    ) -> Request<T> {
        self.call_as("ann", tenant, roles, message)
    }

    /// A request of this person with a token of these roles.
    pub(crate) fn call_as<T>(
        &self,
        subject: &str,
        tenant: Option<TenantId>,
        roles: &[&str],
        message: T,
    ) -> Request<T> {
        let token = self.user.user_token(&UserToken {
            issuer: ISSUER,
            subject,
            audience: "backlog",
            tenant,
            roles,
            expires: self.clock.now() + TimeDelta::hours(1),
        });
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", token.unwrap()).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn periods(&self) -> PeriodServiceClient<Channel> {
        PeriodServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policies(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel())
    }

    pub(crate) fn progress(&self) -> ProgressServiceClient<Channel> {
        ProgressServiceClient::new(self.channel.clone())
    }

    pub(crate) fn client(&self) -> RecognitionServiceClient<Channel> {
        RecognitionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn explain_client(&self) -> ExplainServiceClient<Channel> {
        ExplainServiceClient::new(self.channel.clone())
    }

    /// Runs as an accountant.
    pub(crate) async fn try_run(
        &self,
        tenant: TenantId,
        request: RunRecognitionRequest,
    ) -> Result<RunRecognitionResponse, Status> {
        self.ready(tenant).await;
        let request = self.call(Some(tenant), &["revenue_accountant"], request);
        self.client().run_recognition(request).await.map(tonic::Response::into_inner)
    }

    /// Runs over all contracts, once the contract log is applied up to `seen`.
    pub(crate) async fn run(
        &self,
        tenant: TenantId,
        request_id: &str,
        through: &str,
        seen: u64,
    ) -> RunRecognitionResponse {
        self.try_run(tenant, run_request(request_id, through, seen)).await.unwrap()
    }

    pub(crate) async fn try_plan(
        &self,
        tenant: TenantId,
        contract: ContractId,
        min_positions: Vec<LogPosition>,
    ) -> Result<GetPlanResponse, Status> {
        self.ready(tenant).await;
        let request = GetPlanRequest { contract_id: contract.to_string(), min_positions };
        let request = self.call(Some(tenant), &["analyst"], request);
        self.client().get_plan(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn processing(&self, tenant: TenantId) -> GetProcessingResponse {
        let request = GetProcessingRequest { with_digest: true };
        let request = self.call(Some(tenant), &["tenant_admin"], request);
        let mut client = ProcessingServiceClient::new(self.channel.clone());
        client.get_processing(request).await.unwrap().into_inner()
    }

    /// Whether the tenant's creation has arrived here.
    pub(crate) async fn knows(&self, tenant: TenantId) -> bool {
        let request = GetProcessingRequest { with_digest: false };
        let request = self.call(Some(tenant), &["tenant_admin"], request);
        match self.processing_client().get_processing(request).await {
            Ok(_) => true,
            Err(status) => {
                let reason = status.get_details_error_info().unwrap().reason;
                assert_eq!(reason, "TENANT_NOT_READY");
                false
            }
        }
    }

    /// Posts a chunk of a run, as a replica under way does.
    pub(crate) async fn submit_chunk(
        &self,
        tenant: TenantId,
        chunk: RecognizeChunk,
    ) -> Result<Answer, Refused<Refusal>> {
        let submission = Submission {
            tenant,
            actor: "ann".to_owned(),
            request: None,
            validate_only: false,
            opens_tenant: false,
            command: Command::Chunk(chunk),
            trace: Arc::default(),
        };
        self.running.writers().submit(submission).await
    }

    /// Asks until the tenant has arrived, as a caller does that is told to try again.
    async fn ready(&self, tenant: TenantId) {
        while !self.knows(tenant).await {}
    }

    pub(crate) fn processing_client(&self) -> ProcessingServiceClient<Channel> {
        ProcessingServiceClient::new(self.channel.clone())
    }
}

/// A chunk of a run through a day that goes on after it.
pub(crate) fn chunk_of(
    tenant: TenantId,
    (run, through): (&str, &str),
    contracts: &[u128],
) -> RecognizeChunk {
    RecognizeChunk {
        run_id: run_id(tenant, run),
        through: day(through),
        contract: None,
        contracts: contracts.iter().map(|n| contract(*n)).collect(),
        last: false,
        fence: None,
        ahead: None,
    }
}

pub(crate) fn run_request(request_id: &str, through: &str, seen: u64) -> RunRecognitionRequest {
    RunRecognitionRequest {
        request_id: request_id.to_owned(),
        through: Some(day(through).into()),
        contract_id: String::new(),
        min_positions: at(Log::Contract, seen),
    }
}

/// What entries of the recognition log say.
pub(crate) fn posted(entries: &[Opened]) -> Vec<AccountingPosted> {
    entries
        .iter()
        .map(|opened| AccountingPosted::decode(opened.entry.payload.as_slice()).unwrap())
        .collect()
}

async fn keys() -> Keys {
    let manifest = TestCluster::shared().await.unwrap().manifest();
    let read = |path: &PathBuf| std::fs::read(path).unwrap();
    let user_pem = read(&manifest.keys.user_issuer.private_key_path);
    let user = TokenSigner::try_new("users", &user_pem).unwrap();
    let recognition_pem = manifest.keys.recognition.private_key_path.clone();
    let reporting_pem = manifest.keys.reporting.private_key_path.clone();
    let recognition = TokenSigner::try_new("recognition", &read(&recognition_pem)).unwrap();
    let reporting = TokenSigner::try_new("reporting", &read(&reporting_pem)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, signers: &[&TokenSigner]| {
        let keys: Vec<_> = signers.iter().map(|signer| signer.public_jwk().unwrap()).collect();
        let set = serde_json::json!({ "keys": keys });
        std::fs::write(folder.path().join(name), set.to_string()).unwrap();
    };
    write("users.json", &[&user]);
    write("services.json", &[&recognition, &reporting]);
    let issuers_file = folder.path().join("issuers.toml");
    let entry = |issuer: &str, jwks: &str, users: bool| IssuerEntry {
        issuer: issuer.to_owned(),
        algorithm: IssuerAlgorithm::EdDSA,
        jwks: jwks.to_owned(),
        audience: users.then(|| "backlog".to_owned()),
        account: users.then(|| account().to_string()),
        kind: if users { IssuerKind::Users } else { IssuerKind::Services },
    };
    let issuers =
        vec![entry(ISSUER, "users.json", true), entry(SERVICE_ISSUER, "services.json", false)];
    IssuersFile { issuers }.write(&issuers_file).unwrap();
    Keys { user, recognition_pem, reporting_pem, issuers_file, _folder: Arc::new(folder) }
}
