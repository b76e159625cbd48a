//! A service of the test's own, tokens of every kind, and what answers say.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use backlog_contract::app::{App, Running};
use backlog_contract::config::Config;
use backlog_contract::migrations;
use backlog_ids::{AccountId, TenantId};
use backlog_proto::common::v1::{DateRange, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::platform_service_client::PlatformServiceClient;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::google::r#type::Date;
use backlog_service_kit::config::{
    AuthConfig, DatabaseConfig, LimitsConfig, NatsConfig, ServerConfig, TelemetryConfig,
};
use backlog_service_kit::{Clock, Ids};
use backlog_tenancy::{
    IssuerAlgorithm, IssuerEntry, IssuerKind, IssuersFile, SERVICE_ISSUER, TokenSigner, UserToken,
};
use backlog_test_support::cluster::TestCluster;
use backlog_test_support::database::TestDatabase;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt;

const OPERATOR: &str = "https://operator.test";
const AUDIENCE: &str = "backlog";

/// A running service with a database of its own.
pub(crate) struct Service {
    pub(crate) database: TestDatabase,
    pub(crate) running: Running,
    config: Config,
    _folder: TempDir,
}

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Caller {
    token: String,
}

impl Caller {
    /// A request of this caller.
    pub(crate) fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

/// One tenant and those who work on it.
#[derive(Clone)]
pub(crate) struct Books {
    pub(crate) account: AccountId,
    pub(crate) tenant: TenantId,
    /// May do everything within the tenant.
    pub(crate) admin: Caller,
    /// Administers the account.
    pub(crate) owner: Caller,
}

impl Service {
    /// A service that is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A service with another configuration.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::from_template("contract_only", async |urls| {
            let owner = SecretString::from(urls.contract.owner_url);
            backlog_db::migrate(&owner, migrations()).await.context("migrate")
        })
        .await
        .unwrap();
        let manifest = TestCluster::shared().await.unwrap().manifest();
        let folder = tempfile::tempdir().unwrap();
        let issuers_file = folder.path().join("issuers.toml");
        let mut issuers = IssuersFile::default();
        issuers.issuers.push(issuer(OPERATOR, None).await);
        issuers.issuers.push(IssuerEntry {
            issuer: SERVICE_ISSUER.to_owned(),
            jwks: manifest.keys.services_jwks_path.display().to_string(),
            audience: None,
            kind: IssuerKind::Services,
            ..issuer(OPERATOR, None).await
        });
        issuers.write(&issuers_file).unwrap();
        let mut config = Config {
            server: ServerConfig {
                listen: "127.0.0.1:0".parse().unwrap(),
                ..ServerConfig::default()
            },
            database: DatabaseConfig {
                runtime_url: database.urls().contract.runtime_url.clone().into(),
                owner_url: None,
                pool_size: 8,
            },
            nats: NatsConfig {
                url: manifest.nats_url.clone(),
                user: Some(manifest.nats.contract.name.clone()),
                password: Some(manifest.nats.contract.password.clone().into()),
                ca_file: None,
            },
            auth: auth(issuers_file, &manifest.keys.contract.private_key_path),
            telemetry: TelemetryConfig::default(),
            // Tests of limits set their own; all others must not meet them.
            limits: LimitsConfig {
                tenant_requests_per_second: 1_000_000,
                tenant_burst: 1_000_000,
                tenant_concurrency: 100_000,
                ..LimitsConfig::default()
            },
            writer: backlog_event_log::WriterConfig::default(),
            relay: backlog_contract::config::RelayConfig::default(),
            contract: backlog_contract::config::ContractConfig::default(),
        };
        change(&mut config);
        let running = start_app(&config).await;
        Self { database, running, config, _folder: folder }
    }

    /// The same service after a stop, on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.running.shutdown().await.unwrap();
        let running = start_app(&self.config).await;
        Self { running, ..self }
    }

    /// One more replica on the same database.
    pub(crate) async fn replica(&self) -> Running {
        start_app(&self.config).await
    }

    pub(crate) fn channel(&self) -> Channel {
        channel_to(&self.running)
    }

    pub(crate) fn platform(&self) -> PlatformServiceClient<Channel> {
        PlatformServiceClient::new(self.channel())
    }

    pub(crate) fn contracts(&self) -> ContractServiceClient<Channel> {
        ContractServiceClient::new(self.channel())
    }

    pub(crate) fn invoices(&self) -> InvoiceServiceClient<Channel> {
        InvoiceServiceClient::new(self.channel())
    }

    /// Makes an account and its issuer; answers its id and its administrator.
    pub(crate) async fn account(&self, name: &str) -> (AccountId, Caller) {
        let request = pb::CreateAccountRequest {
            request_id: format!("account-{name}"),
            display_name: name.to_owned(),
        };
        let answer = self.platform().create_account(operator().await.ask(request)).await;
        let account = answer.unwrap().into_inner().account.unwrap().account_id;
        let mut issuers = IssuersFile::read(&self.config.auth.issuers_file).unwrap();
        let known = issuers.issuers.iter().any(|entry| entry.account.as_ref() == Some(&account));
        if !known {
            issuers.issuers.push(issuer(&issuer_of(&account), Some(&account)).await);
            issuers.write(&self.config.auth.issuers_file).unwrap();
        }
        let account: AccountId = account.parse().unwrap();
        (account, user(account, None, &["account_admin"]).await)
    }

    /// An account with one tenant.
    pub(crate) async fn books(&self, name: &str) -> Books {
        let (account, owner) = self.account(name).await;
        let tenant = self.tenant(&owner, "books").await;
        let admin = user(account, Some(tenant), &["tenant_admin"]).await;
        Books { account, tenant, admin, owner }
    }

    /// A tenant of an account.
    pub(crate) async fn tenant(&self, owner: &Caller, external_id: &str) -> TenantId {
        let request = new_tenant("tenant", external_id);
        let answer = self.platform().create_tenant(owner.ask(request)).await.unwrap();
        answer.into_inner().tenant.unwrap().tenant_id.parse().unwrap()
    }

    /// Signs terms and answers the contract.
    pub(crate) async fn signed(
        &self,
        caller: &Caller,
        request_id: &str,
        terms: pb::ContractTerms,
    ) -> pb::Contract {
        let answer = self.contracts().sign_contract(caller.ask(sign(request_id, terms))).await;
        answer.unwrap().into_inner().contract.unwrap()
    }

    /// Entries of all logs: what must not move when nothing is written.
    pub(crate) async fn entries(&self) -> String {
        self.database
            .superuser_sql(
                "select (select coalesce(sum(seq), 0) from contract.log_head) || '/' || \
                 (select count(*) from contract.log_entry) || '/' || \
                 (select count(*) from contract.contract) || '/' || \
                 (select count(*) from contract.obligation) || '/' || \
                 (select count(*) from contract.invoice) || '/' || \
                 (select count(*) from contract.request)",
            )
            .await
            .unwrap()
    }
}

/// A channel to a replica.
pub(crate) fn channel_to(running: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", running.address()))
        .unwrap()
        .connect_timeout(Duration::from_secs(5))
        .connect_lazy()
}

async fn start_app(config: &Config) -> Running {
    let ids = Ids::random(Clock::System);
    let running = App::start(config.clone(), Clock::System, ids).await.unwrap();
    running.ready().await;
    running
}

fn auth(issuers_file: PathBuf, key: &std::path::Path) -> AuthConfig {
    AuthConfig {
        issuers_file,
        service_key_file: key.to_owned(),
        service_key_id: None,
        file_floor_ms: 0,
        fetch_floor_ms: 1,
        tenant_cache_ms: 5_000,
        tenants_max: 1_000,
        tokens_max: 1_000,
    }
}

fn issuer_of(account: &str) -> String {
    format!("https://{account}.test")
}

async fn issuer(name: &str, account: Option<&str>) -> IssuerEntry {
    let keys = &TestCluster::shared().await.unwrap().manifest().keys;
    IssuerEntry {
        issuer: name.to_owned(),
        algorithm: IssuerAlgorithm::EdDSA,
        jwks: keys.user_issuer.jwks_path.display().to_string(),
        audience: Some(AUDIENCE.to_owned()),
        account: account.map(str::to_owned),
        kind: IssuerKind::Users,
    }
}

/// An operator of the installation.
pub(crate) async fn operator() -> Caller {
    token(OPERATOR, None, &["operator"]).await
}

/// Somebody of an account, and of one of its tenants if given.
pub(crate) async fn user(account: AccountId, tenant: Option<TenantId>, roles: &[&str]) -> Caller {
    token(&issuer_of(&account.to_string()), tenant, roles).await
}

async fn token(issuer: &str, tenant: Option<TenantId>, roles: &[&str]) -> Caller {
    let key = &TestCluster::shared().await.unwrap().manifest().keys.user_issuer;
    let pem = std::fs::read(&key.private_key_path).unwrap();
    let token = TokenSigner::try_new(key.key_id.clone(), &pem).unwrap().user_token(&UserToken {
        issuer,
        subject: "ann",
        audience: AUDIENCE,
        tenant,
        roles,
        expires: DateTime::from_timestamp(4_102_444_800, 0).unwrap(),
    });
    Caller { token: token.unwrap() }
}

/// The recognition service, reading the log of a tenant.
pub(crate) async fn log_reader(tenant: TenantId) -> Caller {
    let key = &TestCluster::shared().await.unwrap().manifest().keys.recognition;
    let pem = std::fs::read(&key.private_key_path).unwrap();
    let signer = TokenSigner::try_new(key.key_id.clone(), &pem).unwrap();
    let now: DateTime<Utc> = Clock::System.now();
    let token = signer.service_token("recognition", "contract", tenant, now).unwrap();
    Caller { token }
}

/// The reason of a refusal.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(|| format!("none: {status}"), |info| info.reason)
}

/// One value of a refusal's metadata.
pub(crate) fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.get(key).cloned()
}

/// The fields that a refusal names, in order.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request();
    let violations = request.map(|request| request.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

pub(crate) fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

pub(crate) fn usd(amount: &str) -> Option<Money> {
    Some(Money { currency_code: "USD".to_owned(), amount: amount.to_owned() })
}

/// A tenant in US dollars.
pub(crate) fn new_tenant(request_id: &str, external_id: &str) -> pb::CreateTenantRequest {
    pb::CreateTenantRequest {
        request_id: request_id.to_owned(),
        external_id: external_id.to_owned(),
        display_name: format!("Books {external_id}"),
        functional_currency_code: "USD".to_owned(),
        policy: None,
        account_id: String::new(),
    }
}

/// Terms over 2026 with one obligation a price.
pub(crate) fn terms(prices: &[(&str, &str)]) -> pb::ContractTerms {
    let obligations = prices.iter().map(|(key, price)| pb::ObligationTerms {
        key: (*key).to_owned(),
        price: usd(price),
        method: Some(Method::StraightLine(pb::StraightLine::default())),
        ..pb::ObligationTerms::default()
    });
    pb::ContractTerms {
        customer: "Acme".to_owned(),
        term: Some(DateRange { from: date(2026, 1, 1), to: date(2026, 12, 31) }),
        currency_code: "USD".to_owned(),
        obligations: obligations.collect(),
        dimensions: [("region", "EMEA"), ("sales_rep", "Ann"), ("kind", "new"), ("tag", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..pb::ContractTerms::default()
    }
}

pub(crate) fn sign(request_id: &str, terms: pb::ContractTerms) -> pb::SignContractRequest {
    pb::SignContractRequest {
        request_id: request_id.to_owned(),
        subject: Some(Subject::Terms(terms)),
        signed_on: date(2026, 1, 1),
        ..pb::SignContractRequest::default()
    }
}

pub(crate) fn sign_draft(request_id: &str, contract: &pb::Contract) -> pb::SignContractRequest {
    pb::SignContractRequest {
        subject: Some(Subject::ContractId(contract.contract_id.clone())),
        etag: contract.etag.clone(),
        ..sign(request_id, pb::ContractTerms::default())
    }
}

pub(crate) fn create(request_id: &str, terms: pb::ContractTerms) -> pb::CreateContractRequest {
    pb::CreateContractRequest {
        request_id: request_id.to_owned(),
        terms: Some(terms),
        entered_on: date(2025, 12, 15),
        validate_only: false,
    }
}

pub(crate) fn invoice(
    request_id: &str,
    contract_id: &str,
    amount: &str,
) -> pb::IssueInvoiceRequest {
    pb::IssueInvoiceRequest {
        request_id: request_id.to_owned(),
        contract_id: contract_id.to_owned(),
        issued_on: date(2026, 1, 31),
        amount: usd(amount),
        ..pb::IssueInvoiceRequest::default()
    }
}
