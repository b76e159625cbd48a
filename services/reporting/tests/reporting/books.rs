//! A tenant's books as both other services would write them: facts go through the real engine, entries
//! are sealed into both logs, and the write path under test takes them in.

use std::collections::BTreeMap;
use std::time::Duration;

use backlog_audit_log::{SigningKey, Verifier};
use backlog_db::{Database, DatabaseSettings};
use backlog_event_log::{
    Applied, GENESIS, Head, Inbound, NewEvent, Opened, Origin, Outbox, Positions, WriterSettings,
    Writers, open, seal,
};
use backlog_ids::{AccountId, ContractId, InvoiceId, ObligationId, RunId, TenantId};
use backlog_money::{Currency, Money};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1 as contract;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::reporting::v1 as pb;
use backlog_proto::reporting::v1::audit_service_server::AuditService;
use backlog_proto::reporting::v1::backlog_service_server::BacklogService;
use backlog_recognition_engine::{
    Cause, Convention, Effects, Fact, InvoiceFact, InvoiceLine, Ledger, Measure, Method, Periods,
    Policy, Rounding, SignedContract, SignedObligation, Term, fold,
};
use backlog_reporting::audit::{AuditServer, CheckpointSigner};
use backlog_reporting::backlog::BacklogServer;
use backlog_reporting::migrations;
use backlog_reporting::projection::Reporting;
use backlog_service_kit::Clock;
use backlog_service_kit::page::PageTokens;
use backlog_service_kit::sources::FixedClock;
use backlog_tenancy::{RequestContext, Role, permissions};
use backlog_test_support::database::TestDatabase;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use prost::Message;
use secrecy::SecretString;
use tonic::{Request, Status};
use uuid::Uuid;

/// The name that checkpoints are signed under.
pub(crate) const KEY_NAME: &str = "reporting.test";

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

pub(crate) fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

/// A database with the service's tables, and the service's doors on it.
pub(crate) struct Service {
    pub(crate) test: TestDatabase,
    pub(crate) database: Database,
    pub(crate) positions: Positions,
    pub(crate) writers: Writers<Reporting>,
    pub(crate) backlog: BacklogServer,
    pub(crate) audit: AuditServer,
    pub(crate) clock: FixedClock,
    pub(crate) verifier: Verifier,
}

/// A database of its own for each test, migrated once.
pub(crate) async fn test_database() -> TestDatabase {
    TestDatabase::from_template("reporting", async |urls| {
        let owner = SecretString::from(urls.reporting.owner_url);
        Ok(backlog_db::migrate(&owner, migrations()).await?)
    })
    .await
    .unwrap()
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(WriterSettings { writers: 1, ..WriterSettings::default() }).await
    }

    pub(crate) async fn with(settings: WriterSettings) -> Self {
        let test = test_database().await;
        let url = SecretString::from(test.urls().reporting.runtime_url.clone());
        let database = Database::connect(&DatabaseSettings::new(url, "test")).await.unwrap();
        let clock = FixedClock::new("2026-11-01T08:00:00Z".parse().unwrap());
        let positions = Positions::new(database.clone(), Log::Reporting);
        let writers = Writers::start(
            database.clone(),
            Clock::Fixed(clock.clone()),
            positions.clone(),
            Outbox::none(),
            settings,
        );
        let signer = CheckpointSigner::new(KEY_NAME, SigningKey::from_bytes(&[7; 32])).unwrap();
        let wait_max = Duration::from_millis(50);
        Self {
            backlog: BacklogServer::new(database.clone(), positions.clone(), wait_max, 1_000),
            audit: AuditServer::new(
                database.clone(),
                positions.clone(),
                signer.clone(),
                PageTokens::derived_from(b"test"),
                Clock::Fixed(clock.clone()),
                wait_max,
            ),
            verifier: signer.verifier().unwrap(),
            test,
            database,
            positions,
            writers,
            clock,
        }
    }

    /// Hands entries to the write path as one batch of a consumer.
    pub(crate) async fn apply(&self, tenant: TenantId, entries: Vec<(Log, Opened)>) -> Applied {
        self.writers.apply(Inbound { tenant, entries, trace: std::sync::Arc::default() }).await
    }

    pub(crate) async fn report(
        &self,
        tenant: TenantId,
        request: pb::GetBacklogRequest,
    ) -> Result<pb::GetBacklogResponse, Status> {
        let answer = self.backlog.get_backlog(by(tenant, Role::Analyst, request)).await;
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn roll_forward(
        &self,
        tenant: TenantId,
        request: pb::GetRollForwardRequest,
    ) -> Result<pb::GetRollForwardResponse, Status> {
        let answer = self.backlog.get_roll_forward(by(tenant, Role::Analyst, request)).await;
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn checkpoint(&self, tenant: TenantId) -> Result<pb::Checkpoint, Status> {
        let request = pb::GetCheckpointRequest::default();
        let answer = self.audit.get_checkpoint(by(tenant, Role::Auditor, request)).await?;
        Ok(answer.into_inner().checkpoint.unwrap())
    }

    /// The digest of a tenant's projections, in hexadecimal.
    pub(crate) async fn digest(&self, tenant: TenantId) -> String {
        let sql = "select encode(projection_digest($1), 'hex') as digest";
        let rows = self.database.read(sql, vec![tenant.uuid().into()]).await.unwrap();
        rows[0].try_get("", "digest").unwrap()
    }

    /// The identities that do not hold.
    pub(crate) async fn violations(&self, tenant: TenantId) -> Vec<String> {
        let sql = "select v::text as violation from identity_violations($1) v";
        let rows = self.database.read(sql, vec![tenant.uuid().into()]).await.unwrap();
        rows.iter().map(|row| row.try_get("", "violation").unwrap()).collect()
    }

    /// Where the tenant stands, as `reason detail`.
    pub(crate) async fn stop(&self, tenant: TenantId) -> Option<String> {
        let sql =
            "select reason || ' ' || detail as stop from processing_stop where tenant_id = $1";
        let rows = self.database.read(sql, vec![tenant.uuid().into()]).await.unwrap();
        rows.first().map(|row| row.try_get("", "stop").unwrap())
    }

    /// Runs SQL as the superuser in the service's schema.
    pub(crate) async fn tamper(&self, sql: &str) -> String {
        let sql = format!("set search_path = reporting; {sql}");
        self.test.superuser_sql(&sql).await.unwrap()
    }
}

/// A request of a caller with a role.
pub(crate) fn by<T>(tenant: TenantId, role: Role, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let context = RequestContext::of_test(None, Some(tenant), "tester", permissions(role));
    request.extensions_mut().insert(context);
    request
}

/// One tenant's books: what was said, sealed into both logs, and what the engine made of it.
pub(crate) struct Books {
    pub(crate) tenant: TenantId,
    pub(crate) policy: Policy,
    pub(crate) ledger: Ledger,
    /// The ledger as it was after each recognition entry, from entry 0 on.
    pub(crate) ledgers: Vec<Ledger>,
    states: BTreeMap<ContractId, backlog_recognition_engine::ContractState>,
    heads: BTreeMap<i32, Head>,
    now: DateTime<Utc>,
    invoices: u128,
    runs: u128,
    /// All entries in the order in which they are applied.
    pub(crate) entries: Vec<(Log, Opened)>,
    delivered: usize,
}

/// What a contract is called.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    pub(crate) customer: &'a str,
    pub(crate) dimensions: &'a [(&'a str, &'a str)],
    pub(crate) product_lines: &'a [&'a str],
}

impl Books {
    /// Books of a new tenant, under a convention.
    pub(crate) fn open(tenant: TenantId, convention: Convention) -> Self {
        let policy = Policy { convention, rounding: Rounding::Cumulative, ..Policy::default() };
        Self::under(tenant, policy)
    }

    pub(crate) fn under(tenant: TenantId, policy: Policy) -> Self {
        let mut books = Self {
            tenant,
            policy,
            ledger: Ledger::default(),
            ledgers: vec![Ledger::default()],
            states: BTreeMap::new(),
            heads: BTreeMap::new(),
            now: "2026-01-20T09:00:00Z".parse().unwrap(),
            invoices: 0,
            runs: 0,
            entries: Vec::new(),
            delivered: 0,
        };
        let account = AccountId::from_uuid(Uuid::from_u128(77));
        let created = contract::TenantCreated {
            tenant: Some(contract::Tenant {
                tenant_id: tenant.to_string(),
                account_id: account.to_string(),
                ..contract::Tenant::default()
            }),
            policy: Some(contract::MeasurementPolicy::default()),
        };
        books.contract_entry(
            "backlog.contract.v1.TenantCreated",
            tenant.to_string(),
            day("2026-01-01"),
            created.encode_to_vec(),
        );
        books.account(&Effects::default(), day("2026-01-01"), None);
        books
    }

    /// Lets time pass between entries.
    pub(crate) fn pass(&mut self, days: i64) {
        self.now += TimeDelta::days(days);
    }

    pub(crate) fn position(&self, log: Log) -> u64 {
        self.heads.get(&i32::from(log)).map_or(0, |head| head.seq)
    }

    /// Signs a contract and books it.
    pub(crate) fn sign(&mut self, signed: SignedContract, names: Names<'_>) {
        let event = contract_signed(&signed, names);
        let (id, on) = (signed.contract, signed.signed_on);
        self.contract_entry(
            "backlog.contract.v1.ContractSigned",
            id.to_string(),
            on,
            event.encode_to_vec(),
        );
        let fact = Fact::Signed { contract: signed, policy: self.policy };
        let (state, effects) = fold(None, &fact, Periods::default()).unwrap();
        self.states.insert(id, state);
        self.account(&effects, on, None);
    }

    /// Issues an invoice for the obligation at a place of the contract.
    pub(crate) fn invoice(
        &mut self,
        id: ContractId,
        place: usize,
        on: &str,
        due: &str,
        amount: i128,
    ) {
        let state = self.states[&id].clone();
        self.invoices += 1;
        let fact = InvoiceFact {
            invoice: InvoiceId::from_uuid(Uuid::from_u128(9_000 + self.invoices)),
            contract: id,
            issued_on: day(on),
            due_on: day(due),
            lines: vec![InvoiceLine { obligation: state.obligations[place].id, amount }],
            tax: amount / 10,
        };
        let money = |minor| Some(Money::from_minor(minor, state.currency).into());
        let invoice = contract::Invoice {
            invoice_id: fact.invoice.to_string(),
            contract_id: id.to_string(),
            amount: money(amount),
            tax: money(fact.tax),
            ..contract::Invoice::default()
        };
        let event = contract::InvoiceIssued { invoice: Some(invoice) };
        self.contract_entry(
            "backlog.contract.v1.InvoiceIssued",
            fact.invoice.to_string(),
            fact.issued_on,
            event.encode_to_vec(),
        );
        let on = fact.issued_on;
        let (state, effects) =
            fold(Some(state), &Fact::Invoiced(fact), Periods::default()).unwrap();
        self.states.insert(id, state);
        self.account(&effects, on, None);
    }

    /// Posts revenue of all contracts, or of one, through a day.
    pub(crate) fn run(&mut self, through: &str, only: Option<ContractId>) {
        let through = day(through);
        self.runs += 1;
        let mut all = Effects::default();
        for (id, state) in &mut self.states {
            if only.is_none_or(|only| only == *id) {
                let (next, effects) =
                    fold(Some(state.clone()), &Fact::Run { through }, Periods::default()).unwrap();
                *state = next;
                all.movements.extend(effects.movements);
                all.plan_changes.extend(effects.plan_changes);
            }
        }
        let chunk = recognition::RunChunk {
            run_id: RunId::from_uuid(Uuid::from_u128(500 + self.runs)).to_string(),
            through: Some(through.into()),
            contract_id: only.map(|id| id.to_string()).unwrap_or_default(),
            last: true,
            ..recognition::RunChunk::default()
        };
        self.account(&all, through, Some(chunk));
    }

    /// Seals an entry of the contract log.
    pub(crate) fn contract_entry(
        &mut self,
        type_name: &'static str,
        aggregate_id: String,
        on: NaiveDate,
        payload: Vec<u8>,
    ) {
        self.seal(Log::Contract, type_name, aggregate_id, on, Vec::new(), payload);
    }

    /// Seals accounting as the recognition service does.
    pub(crate) fn account(
        &mut self,
        effects: &Effects,
        on: NaiveDate,
        run: Option<recognition::RunChunk>,
    ) {
        let covered = self.position(Log::Contract);
        let posted = recognition::AccountingPosted {
            covered_contract_seq: covered,
            movements: effects.movements.iter().map(movement).collect(),
            plan_changes: effects.plan_changes.iter().map(plan_change).collect(),
            run,
            own_fact: None,
        };
        self.ledger.apply(effects);
        self.posted(&posted, on);
    }

    /// Seals any event as one of the recognition log.
    pub(crate) fn posted(&mut self, posted: &recognition::AccountingPosted, on: NaiveDate) {
        let covers = LogPosition { log: Log::Contract.into(), seq: posted.covered_contract_seq };
        self.seal(
            Log::Recognition,
            "backlog.recognition.v1.AccountingPosted",
            format!("acc {}", self.position(Log::Recognition)),
            on,
            vec![covers],
            posted.encode_to_vec(),
        );
        self.ledgers.push(self.ledger.clone());
    }

    fn seal(
        &mut self,
        log: Log,
        type_name: &'static str,
        aggregate_id: String,
        effective_date: NaiveDate,
        depends_on: Vec<LogPosition>,
        payload: Vec<u8>,
    ) {
        let empty = Head { seq: 0, hash: GENESIS, recorded_at: DateTime::UNIX_EPOCH };
        let head = self.heads.entry(log.into()).or_insert(empty);
        let event = NewEvent {
            type_name,
            aggregate_id,
            aggregate_version: 1,
            effective_date,
            depends_on,
            payload,
        };
        let origin = Origin { actor: "tester", request_id: "", trace: &std::sync::Arc::default() };
        let sealed = seal(head, self.tenant, log, &event, origin, self.now);
        *head = Head { seq: sealed.seq, hash: sealed.hash, recorded_at: sealed.recorded_at };
        self.entries.push((log, open(&sealed.bytes).unwrap()));
    }

    /// Entries that were not delivered yet.
    pub(crate) fn news(&mut self) -> Vec<(Log, Opened)> {
        let news = self.entries[self.delivered..].to_vec();
        self.delivered = self.entries.len();
        news
    }

    /// Delivers what is new as one batch.
    pub(crate) async fn deliver(&mut self, service: &Service) {
        let news = self.news();
        assert_eq!(service.apply(self.tenant, news).await, Applied::All);
    }
}

/// A contract of obligations with these prices, each over the whole term, signed on `signed_on`.
pub(crate) fn terms(
    number: u128,
    signed_on: &str,
    (from, to): (&str, &str),
    prices: &[i128],
) -> SignedContract {
    let obligation = |(place, price): (u128, &i128)| SignedObligation {
        id: ObligationId::from_uuid(Uuid::from_u128(number * 1_000 + place)),
        key: format!("o{place}"),
        price: Some(*price),
        ssp: None,
        ssp_range: None,
        residual: false,
        term: None,
        method: Method::StraightLine { convention: None },
        renewal: None,
    };
    SignedContract {
        contract: ContractId::from_uuid(Uuid::from_u128(number)),
        signed_on: day(signed_on),
        currency: usd(),
        term: Term::new(day(from), day(to)).unwrap(),
        price: None,
        obligations: (0..).zip(prices).map(obligation).collect(),
        variables: Vec::new(),
        discount: None,
        clauses: Vec::new(),
        financing: None,
        unmet: Vec::new(),
    }
}

fn contract_signed(signed: &SignedContract, names: Names<'_>) -> contract::ContractSigned {
    let texts = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let obligations = signed.obligations.iter().enumerate().map(|(place, obligation)| {
        contract::ObligationTerms {
            key: obligation.key.clone(),
            product_line: names.product_lines.get(place).copied().unwrap_or_default().to_owned(),
            ..contract::ObligationTerms::default()
        }
    });
    let terms = contract::ContractTerms {
        customer: names.customer.to_owned(),
        currency_code: signed.currency.code().to_owned(),
        dimensions: names.dimensions.iter().map(texts).collect(),
        obligations: obligations.collect(),
        ..contract::ContractTerms::default()
    };
    contract::ContractSigned {
        contract: Some(contract::Contract {
            contract_id: signed.contract.to_string(),
            terms: Some(terms),
            obligation_ids: signed.obligations.iter().map(|o| o.id.to_string()).collect(),
            ..contract::Contract::default()
        }),
        signed_on: Some(signed.signed_on.into()),
        price: None,
    }
}

/// A movement on the wire.
pub(crate) fn movement(movement: &backlog_recognition_engine::Movement) -> recognition::Movement {
    let cause = match movement.cause {
        Cause::Booking => recognition::Cause::Booking,
        Cause::Recognition => recognition::Cause::Recognition,
        Cause::Invoice => recognition::Cause::Invoice,
        Cause::ContractBalance => recognition::Cause::ContractBalance,
        other => panic!("no story here has {other:?}"),
    };
    recognition::Movement {
        contract_id: movement.contract.to_string(),
        accounting_contract_id: movement.accounting_contract.to_string(),
        obligation_id: movement.obligation.map(|id| id.to_string()).unwrap_or_default(),
        cause: cause.into(),
        measure: measure(movement.measure).into(),
        amount: Some(movement.amount.into()),
        effective_date: Some(movement.effective_date.into()),
        posting_period: Some(movement.posting_period.into()),
        service_month: movement.service_month.map(Into::into),
        rule_version: movement.rule_version,
        policy_version: movement.policy_version,
        prior_performance: movement.prior_performance,
        late_of: movement.late_of.map(Into::into),
    }
}

fn measure(measure: Measure) -> recognition::Measure {
    match measure {
        Measure::TransactionPrice => recognition::Measure::TransactionPrice,
        Measure::BeyondEnforceable => recognition::Measure::BeyondEnforceable,
        Measure::Recognized => recognition::Measure::Recognized,
        Measure::Billed => recognition::Measure::Billed,
        Measure::Unconditional => recognition::Measure::Unconditional,
        Measure::DeferredRevenue => recognition::Measure::DeferredRevenue,
        Measure::ContractAsset => recognition::Measure::ContractAsset,
        Measure::RefundLiability => recognition::Measure::RefundLiability,
        Measure::Receivable => recognition::Measure::Receivable,
        Measure::Cash => recognition::Measure::Cash,
        Measure::Interest => recognition::Measure::Interest,
        Measure::Potential => recognition::Measure::Potential,
        Measure::Tax => recognition::Measure::Tax,
    }
}

fn plan_change(change: &backlog_recognition_engine::PlanChange) -> recognition::PlanChange {
    recognition::PlanChange {
        contract_id: change.contract.to_string(),
        obligation_id: change.obligation.to_string(),
        month: Some(change.month.into()),
        amount: Some(change.amount.into()),
        effective_date: Some(change.effective_date.into()),
        service_from: change.service.map(|days| days.from.into()),
        service_to: change.service.map(|days| days.to.into()),
    }
}

/// Asks for the total at a day.
pub(crate) fn at(as_of: NaiveDate) -> pb::GetBacklogRequest {
    pb::GetBacklogRequest { as_of: Some(as_of.into()), ..pb::GetBacklogRequest::default() }
}

/// The minor units of an amount.
pub(crate) fn minor(money: Option<&backlog_proto::common::v1::Money>) -> i128 {
    Money::try_from(money.unwrap()).unwrap().minor()
}

/// Balances of an answer as the engine has them.
pub(crate) fn balances(row: &pb::Balances) -> backlog_recognition_engine::Balances {
    backlog_recognition_engine::Balances {
        transaction_price: minor(row.transaction_price.as_ref()),
        beyond_enforceable: minor(row.beyond_enforceable.as_ref()),
        tcv: minor(row.tcv.as_ref()),
        recognized: minor(row.recognized.as_ref()),
        backlog: minor(row.backlog.as_ref()),
        firm: minor(row.firm_backlog.as_ref()),
        billed: minor(row.billed.as_ref()),
        conditional_billing: minor(row.conditional_billing.as_ref()),
        unbilled_backlog: minor(row.unbilled_backlog.as_ref()),
        deferred_revenue: minor(row.deferred_revenue.as_ref()),
        contract_asset: minor(row.contract_asset.as_ref()),
        refund_liability: minor(row.refund_liability.as_ref()),
        receivable: minor(row.receivable.as_ref()),
        cash: minor(row.cash.as_ref()),
        interest: minor(row.interest.as_ref()),
        potential: minor(row.potential.as_ref()),
        recognized_accrued: minor(row.recognized_accrued.as_ref()),
        backlog_accrued: minor(row.backlog_accrued.as_ref()),
    }
}
