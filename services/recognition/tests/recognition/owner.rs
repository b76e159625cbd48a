//! A small owner of the contract log: writes any event and serves the log, as the contract service
//! does, with its own schema, relay and door.

use std::net::SocketAddr;
use std::sync::Arc;

use backlog_db::{Database, DatabaseSettings, DbError, TableSpec, WriterTx};
use backlog_event_log::{
    Broker, Change, Decision, Domain, LogServer, NewEvent, Opened, Outbox, Poison, Positions, Rows,
    Sealed, Submission, SweeperSettings, Work, WriterSettings, Writers, start_relay,
};
use backlog_ids::{AccountId, ContractId, InvoiceId, ObligationId, TenantId};
use backlog_proto::common::v1::{DateRange, ErrorReason, Log, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::log::v1::event_log_service_server::EventLogServiceServer;
use backlog_service_kit::config::{LimitsConfig, NatsConfig, ServerConfig};
use backlog_service_kit::error::{Fault, Kind};
use backlog_service_kit::limits::LimitsLayer;
use backlog_service_kit::server::Door;
use backlog_service_kit::{Clock, Readiness, Server, Services, grpc_service, to_status};
use backlog_tenancy::{
    AuthError, AuthLayer, Authenticator, Lookup, TenantCache, TenantDirectory, TenantStanding,
    UnknownTenant, Verifier,
};
use chrono::NaiveDate;
use prost::Message;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What is written: one event as it is.
#[derive(Debug)]
pub(crate) struct Fact(NewEvent);

#[derive(Debug, Clone, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

impl Fault for Never {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> ErrorReason {
        ErrorReason::Internal
    }
}

struct Contract;

impl Domain for Contract {
    type Command = Fact;
    type Loaded = ();
    type Effect = ();
    type Refusal = Never;

    const LOG: Log = Log::Contract;
    const ACTOR: &'static str = "contract";

    fn tables() -> Vec<TableSpec> {
        Vec::new()
    }

    fn allowed_while_suspended(_: &Fact) -> bool {
        true
    }

    async fn load(_: &WriterTx, _: &[Work<'_, Fact>]) -> Result<(), DbError> {
        Ok(())
    }

    fn decide(_: TenantId, fact: &Fact, (): &()) -> Result<Decision<()>, Never> {
        Ok(Decision::Write(Change { events: vec![fact.0.clone()], effect: () }))
    }

    fn decide_event(_: TenantId, _: Log, _: &Opened, (): &()) -> Result<Change<()>, Poison> {
        Err(Poison { detail: "follows nothing".to_owned() })
    }

    fn apply((): &mut (), _: TenantId, (): (), _: &[Sealed]) {}

    fn suspension((): &()) -> Option<bool> {
        None
    }

    fn flush((): (), _: &mut Rows<'_>) {}
}

/// Every tenant is known to the owner.
struct AnyTenant;

impl TenantDirectory for AnyTenant {
    fn standing(&self, _: TenantId) -> Lookup<'_> {
        let account = account();
        Box::pin(async move { Ok(TenantStanding::Known { account, suspended: false }) })
    }
}

/// The account of every tenant of these tests.
pub(crate) fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(0xacc))
}

/// A date from "2026-01-31".
pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// US dollars from "1200.00".
pub(crate) fn usd(amount: &str) -> Money {
    Money { currency_code: "USD".to_owned(), amount: amount.to_owned() }
}

/// The owner, running.
pub(crate) struct Owner {
    pub(crate) address: SocketAddr,
    writers: Writers<Contract>,
    stop: CancellationToken,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Owner {
    pub(crate) async fn start(
        url: &str,
        nats: &NatsConfig,
        verifier: Verifier,
        clock: &Clock,
    ) -> Self {
        let settings = DatabaseSettings::new(SecretString::from(url), "owner");
        let database = Database::connect(&settings).await.unwrap();
        let broker = Broker::connect(nats, "owner").await.unwrap();
        let stop = CancellationToken::new();
        let (outbox, committed) = Outbox::new();
        let positions = Positions::new(database.clone(), Log::Contract);
        let settings = WriterSettings::default();
        let writers = Writers::start(database.clone(), clock.clone(), positions, outbox, settings);
        start_relay(
            database.clone(),
            broker,
            Log::Contract,
            Uuid::from_u128(0x0e),
            committed,
            SweeperSettings::default(),
            &stop,
        );
        let config = ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() };
        let server = Server::bind(&config).await.unwrap();
        let address = server.address();
        let tenants = TenantCache::new(Arc::new(AnyTenant), 100, std::time::Duration::from_secs(1));
        let now = clock.clone();
        let authenticator = Authenticator::new(
            verifier,
            tenants,
            UnknownTenant::Denied,
            Arc::new(move || now.now()),
        );
        let door = Door {
            auth: AuthLayer::new(Arc::new(authenticator), to_status::<AuthError>),
            limits: LimitsLayer::new(&LimitsConfig::default()),
        };
        let log = LogServer::new(database);
        let services = Services::new().with(grpc_service!(EventLogServiceServer<_>, log, &config));
        tokio::spawn(server.serve(services, door, Readiness::new(), stop.clone()));
        Self { address, writers, stop }
    }

    /// Writes an event and answers its place.
    pub(crate) async fn write(&self, tenant: TenantId, event: NewEvent) -> u64 {
        let submission = Submission {
            tenant,
            actor: "billing".to_owned(),
            request: None,
            validate_only: false,
            opens_tenant: true,
            command: Fact(event),
            trace: Arc::default(),
        };
        self.writers.submit(submission).await.unwrap().seq.unwrap()
    }

    pub(crate) async fn create_tenant(&self, tenant: TenantId, policy: pb::MeasurementPolicy) {
        assert_eq!(self.write(tenant, tenant_created(tenant, policy)).await, 1);
    }

    /// Signs a contract over 2026 with obligations of these prices; the contract's first two
    /// obligations are `obligation_of(contract, 0)` and so on.
    pub(crate) async fn sign(
        &self,
        tenant: TenantId,
        contract: ContractId,
        prices: &[&str],
        to: &str,
    ) -> u64 {
        self.write(tenant, contract_signed(contract, prices, "2026-01-01", to)).await
    }

    pub(crate) async fn invoice(
        &self,
        tenant: TenantId,
        contract: ContractId,
        issued_on: &str,
        amount: &str,
    ) -> u64 {
        self.write(tenant, invoice_issued(contract, issued_on, amount)).await
    }
}

/// The id of an obligation of a contract.
pub(crate) fn obligation_of(contract: ContractId, ordinal: usize) -> ObligationId {
    ObligationId::from_uuid(backlog_ids::derive(contract.uuid(), &format!("obligation/{ordinal}")))
}

fn event(
    type_name: &'static str,
    aggregate_id: String,
    on: NaiveDate,
    payload: Vec<u8>,
) -> NewEvent {
    NewEvent {
        type_name,
        aggregate_id,
        aggregate_version: 1,
        effective_date: on,
        depends_on: Vec::new(),
        payload,
    }
}

pub(crate) fn tenant_created(tenant: TenantId, policy: pb::MeasurementPolicy) -> NewEvent {
    let payload = pb::TenantCreated {
        tenant: Some(pb::Tenant {
            tenant_id: tenant.to_string(),
            account_id: account().to_string(),
            external_id: "acme".to_owned(),
            display_name: "Acme".to_owned(),
            functional_currency_code: "USD".to_owned(),
            suspended: false,
        }),
        policy: Some(policy),
    };
    let name = "backlog.contract.v1.TenantCreated";
    event(name, tenant.to_string(), day("2026-01-01"), payload.encode_to_vec())
}

pub(crate) fn suspension_changed(tenant: TenantId, suspended: bool) -> NewEvent {
    let payload = pb::TenantSuspensionChanged { suspended };
    let name = "backlog.contract.v1.TenantSuspensionChanged";
    event(name, tenant.to_string(), day("2026-01-01"), payload.encode_to_vec())
}

pub(crate) fn contract_of(
    contract: ContractId,
    prices: &[&str],
    from: &str,
    to: &str,
) -> pb::Contract {
    let line = pb::obligation_terms::Method::StraightLine(pb::StraightLine { convention: 0 });
    let obligation = |(index, price): (usize, &&str)| pb::ObligationTerms {
        key: format!("o{index}"),
        price: Some(usd(price)),
        method: Some(line.clone()),
        ..pb::ObligationTerms::default()
    };
    let terms = pb::ContractTerms {
        number: String::new(),
        customer: "Acme".to_owned(),
        term: Some(DateRange { from: Some(day(from).into()), to: Some(day(to).into()) }),
        currency_code: "USD".to_owned(),
        price: None,
        obligations: prices.iter().enumerate().map(obligation).collect(),
        ..pb::ContractTerms::default()
    };
    pb::Contract {
        contract_id: contract.to_string(),
        state: pb::ContractState::Signed.into(),
        terms: Some(terms),
        obligation_ids: (0..prices.len()).map(|n| obligation_of(contract, n).to_string()).collect(),
        signed_on: Some(day(from).into()),
        etag: "1".to_owned(),
        billed: Some(usd("0.00")),
    }
}

pub(crate) fn contract_signed(
    contract: ContractId,
    prices: &[&str],
    from: &str,
    to: &str,
) -> NewEvent {
    let payload = pb::ContractSigned {
        contract: Some(contract_of(contract, prices, from, to)),
        signed_on: Some(day(from).into()),
        price: None,
    };
    let name = "backlog.contract.v1.ContractSigned";
    event(name, contract.to_string(), day(from), payload.encode_to_vec())
}

pub(crate) fn contract_drafted(contract: ContractId) -> NewEvent {
    let drafted = contract_of(contract, &["50.00"], "2026-01-01", "2026-12-31");
    let payload = pb::ContractDrafted { contract: Some(drafted) };
    let name = "backlog.contract.v1.ContractDrafted";
    event(name, contract.to_string(), day("2026-01-01"), payload.encode_to_vec())
}

/// An invoice for the contract's first obligation.
pub(crate) fn invoice_issued(contract: ContractId, issued_on: &str, amount: &str) -> NewEvent {
    let id = backlog_ids::derive(contract.uuid(), &format!("invoice/{issued_on}/{amount}"));
    let payload = pb::InvoiceIssued {
        invoice: Some(pb::Invoice {
            invoice_id: InvoiceId::from_uuid(id).to_string(),
            contract_id: contract.to_string(),
            number: String::new(),
            issued_on: Some(day(issued_on).into()),
            due_on: Some(day(issued_on).into()),
            lines: vec![pb::InvoiceLine {
                obligation_id: obligation_of(contract, 0).to_string(),
                amount: Some(usd(amount)),
            }],
            amount: Some(usd(amount)),
            tax: None,
        }),
    };
    let name = "backlog.contract.v1.InvoiceIssued";
    event(name, contract.to_string(), day(issued_on), payload.encode_to_vec())
}

/// An event of a type that nobody knows.
pub(crate) fn unknown_type(contract: ContractId) -> NewEvent {
    event("backlog.contract.v1.Nonsense", contract.to_string(), day("2026-01-01"), vec![1])
}
