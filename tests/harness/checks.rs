//! What must hold after any fault: every acknowledged command exactly once, every other at most once
//! and settled by a retry, gapless chained logs, no transaction left open, projections equal to a
//! fresh replay, and figures that add up.

use std::collections::{BTreeMap, BTreeSet};

use backlog_audit_log::leaf_hash;
use backlog_ids::{ContractId, InvoiceId, TenantId};
use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::log::v1::processing_service_client::ProcessingServiceClient;
use backlog_proto::log::v1::{GetProcessingRequest, GetProcessingResponse, LogEntry};
use backlog_proto::recognition::v1::RunRecognitionRequest;
use backlog_proto::recognition::v1::recognition_service_client::RecognitionServiceClient;
use backlog_proto::reporting::v1::backlog_service_client::BacklogServiceClient;
use backlog_proto::reporting::v1::{Balances, GetBacklogRequest};
use backlog_test_support::database::TestDatabase;
use prost::Message;
use tokio::process::Command as Program;
use tonic::transport::Channel;

use crate::load::{Answer, Books, Command, INVOICE, Ledger, PRICE, Request, is_unclear};
use crate::stack::{Service, Stack, binaries, migrated_database};
use crate::story::date;

/// Calls that wait on the server's side before we say that it does not come.
const WAITS_MAX: u32 = 200;
/// How long each waits.
const WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// Looks at a condition at most, with a pause after each.
const LOOKS_MAX: u32 = 6_000;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Looks until there is something to see, and answers it.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS_MAX {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("this never came: {what}");
}

/// An entry as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its place by the table's column.
    pub seq: u64,
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub entry: LogEntry,
}

impl Ledger {
    /// Repeats every command: those without an answer get one, the others must get the answer that
    /// they got before. Answers all of them with the answer.
    pub async fn settle(self, channel: &Channel) -> Vec<(Command, Answer)> {
        let mut settled = Vec::new();
        for (command, answer) in self.acknowledged {
            let again = command.settle(channel).await;
            assert_eq!(again, answer, "{} is answered otherwise", command.request_id());
            settled.push((command, answer));
        }
        for command in self.unsettled {
            let answer = command.settle(channel).await;
            settled.push((command, answer));
        }
        settled
    }
}

impl Stack {
    /// A tenant's log as a service stored it, in order.
    pub async fn stored_log(&self, service: Service, tenant: TenantId) -> Vec<Stored> {
        let sql = format!(
            "select seq, encode(entry, 'hex') from {}.log_entry where tenant_id = '{}' order by seq;",
            service.schema(),
            tenant.uuid(),
        );
        let rows = self.database.superuser_sql(&sql).await.expect("a log");
        let entry = |line: &str| {
            let (seq, bytes) = line.split_once('|').expect("two columns");
            let bytes = hex::decode(bytes).expect("bytes");
            let entry = LogEntry::decode(bytes.as_slice()).expect("an entry");
            Stored { seq: seq.parse().expect("a number"), bytes, entry }
        };
        rows.lines().map(entry).collect()
    }

    /// Asserts that a log is gapless from 1, chained, and ends where its head says.
    pub async fn assert_chained(&self, service: Service, tenant: TenantId) -> Vec<Stored> {
        let log = self.stored_log(service, tenant).await;
        let mut hash = [0; 32];
        for (expected, stored) in (1..).zip(&log) {
            assert_eq!(stored.seq, expected, "a gap or a double in {service:?} of {tenant}");
            assert_eq!(stored.entry.seq, expected);
            assert_eq!(stored.entry.tenant_id, tenant.to_string());
            assert_eq!(stored.entry.prev_hash, hash, "the chain breaks at {expected}");
            hash = leaf_hash(&stored.bytes);
        }
        let sql = format!(
            "select seq, encode(hash, 'hex') from {}.log_head where tenant_id = '{}';",
            service.schema(),
            tenant.uuid(),
        );
        let head = self.database.superuser_sql(&sql).await.expect("a head");
        assert_eq!(head, format!("{}|{}", log.len(), hex::encode(hash)), "the head of {tenant}");
        log
    }

    /// Asserts that each command is in the logs and tables of the contract service exactly once, and
    /// nothing else is.
    pub async fn assert_exactly_once(&self, books: &[Books], settled: &[(Command, Answer)]) {
        for books in books {
            let mine: BTreeMap<&str, (&Command, &Answer)> = settled
                .iter()
                .filter(|(command, _)| command.books.tenant == books.tenant)
                .map(|(command, answer)| (command.request_id(), (command, answer)))
                .collect();
            let log = self.assert_chained(Service::Contract, books.tenant).await;
            let mut seen = BTreeSet::new();
            for Stored { entry, .. } in log.iter().skip(1) {
                let id = entry.request_id.as_str();
                assert!(seen.insert(id), "{id} took effect twice");
                let (command, answer) = mine.get(id).expect("nobody asked for it");
                assert_eq!(entry.seq, answer.seq, "{id} was answered with another place");
                let expected = match command.request {
                    Request::Sign(_) => "backlog.contract.v1.ContractSigned",
                    Request::Invoice(_) => "backlog.contract.v1.InvoiceIssued",
                };
                assert_eq!(entry.r#type, expected, "{id}");
            }
            let lost: Vec<&&str> = mine.keys().filter(|id| !seen.contains(*id)).collect();
            assert!(lost.is_empty(), "acknowledged and not in the log: {lost:?}");
            self.assert_rows(books.tenant, &mine).await;
        }
    }

    async fn assert_rows(&self, tenant: TenantId, mine: &BTreeMap<&str, (&Command, &Answer)>) {
        let uuids = |of: fn(&Request, &str) -> Option<String>| -> BTreeSet<String> {
            mine.values().filter_map(|(command, answer)| of(&command.request, &answer.id)).collect()
        };
        let contracts = uuids(|request, id| match request {
            Request::Sign(_) => Some(id.parse::<ContractId>().expect("an id").uuid().to_string()),
            Request::Invoice(_) => None,
        });
        let invoices = uuids(|request, id| match request {
            Request::Invoice(_) => Some(id.parse::<InvoiceId>().expect("an id").uuid().to_string()),
            Request::Sign(_) => None,
        });
        for (table, column, expected) in
            [("contract", "contract_id", contracts), ("invoice", "invoice_id", invoices)]
        {
            let sql = format!(
                "select {column} from contract.{table} where tenant_id = '{}';",
                tenant.uuid()
            );
            let rows = self.database.superuser_sql(&sql).await.expect("rows");
            assert_eq!(rows.lines().count(), expected.len(), "rows of {table}");
            let found: BTreeSet<String> = rows.lines().map(ToOwned::to_owned).collect();
            assert_eq!(found, expected, "rows of {table}");
        }
    }

    /// Asserts that no connection of the services stays in an open transaction: whatever is open at
    /// one look has ended at a later one.
    pub async fn assert_no_open_transaction(&self) {
        let sql = format!(
            "select pid, xact_start from pg_stat_activity where datname = '{}' \
             and state like 'idle in transaction%';",
            self.database.urls().database
        );
        let look = async || -> BTreeSet<String> {
            let rows = self.database.superuser_sql(&sql).await.expect("the connections");
            rows.lines().map(ToOwned::to_owned).collect()
        };
        let mut open = look().await;
        for _ in 0..50 {
            if open.is_empty() {
                return;
            }
            let now = look().await;
            open.retain(|transaction| now.contains(transaction));
        }
        panic!("transactions stay open: {open:?}");
    }

    /// How far a service is with a tenant.
    pub async fn processing(&self, service: Service, books: &Books) -> GetProcessingResponse {
        self.processing_of(service, books, false).await
    }

    /// The same with the digest of its state.
    pub async fn digest(&self, service: Service, books: &Books) -> String {
        hex::encode(self.processing_of(service, books, true).await.digest)
    }

    async fn processing_of(
        &self,
        service: Service,
        books: &Books,
        with_digest: bool,
    ) -> GetProcessingResponse {
        let mut client = ProcessingServiceClient::new(self.channel(service));
        loop {
            let request = books.caller.request(GetProcessingRequest { with_digest });
            match client.get_processing(request).await {
                Ok(answer) => return answer.into_inner(),
                // The tenant is on its way, or the service.
                Err(status) => assert!(is_unclear(&status), "{service:?}: {status}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The last place of a service's log of a tenant.
    pub async fn head(&self, service: Service, books: &Books) -> LogPosition {
        self.processing(service, books).await.head.expect("a log")
    }

    /// A tenant's figures at a day, once they include positions.
    pub async fn figures(
        &self,
        books: &Books,
        as_of: (i32, i32, i32),
        min_positions: Vec<LogPosition>,
    ) -> Option<Balances> {
        let (year, month, day) = as_of;
        let mut client = BacklogServiceClient::new(self.channel(Service::Reporting));
        for _ in 0..WAITS_MAX {
            let mut request = books.caller.request(GetBacklogRequest {
                as_of: Some(date(year, month, day)),
                min_positions: min_positions.clone(),
                ..GetBacklogRequest::default()
            });
            request.set_timeout(WAIT);
            match client.get_backlog(request).await {
                Ok(answer) => {
                    return answer.into_inner().rows.pop().and_then(|row| row.balances);
                }
                Err(status) => assert!(is_unclear(&status), "the report: {status}"),
            }
            tokio::time::sleep(5 * PAUSE).await;
        }
        let recognition = self.processing(Service::Recognition, books).await;
        let reporting = self.processing(Service::Reporting, books).await;
        panic!("{min_positions:?} is not reached: {recognition:?}, {reporting:?}");
    }

    /// Waits until recognition and reporting have applied all that the contract service wrote for a
    /// tenant, and reporting all that recognition wrote.
    pub async fn caught_up(&self, books: &Books) {
        let contract = self.head(Service::Contract, books).await;
        self.figures(books, (2026, 12, 31), vec![contract]).await;
        // The entry that covers it was applied, so it was written before this.
        let recognition = self.head(Service::Recognition, books).await;
        self.figures(books, (2026, 12, 31), vec![recognition]).await;
    }

    /// Recognizes the whole year and asserts what the settled commands of the load add up to: all
    /// that was signed is recognized once, nothing is left, and all invoices are billed once.
    pub async fn assert_figures(&self, books: &Books, settled: &[(Command, Answer)]) {
        let mine = || settled.iter().filter(|(command, _)| command.books.tenant == books.tenant);
        let signed = mine().filter(|(c, _)| matches!(c.request, Request::Sign(_))).count();
        let invoiced = mine().filter(|(c, _)| matches!(c.request, Request::Invoice(_))).count();
        let times = |count: usize, minor: i64| {
            let sum = i64::try_from(count).expect("a count") * minor;
            format!("{}.{:02}", sum / 100, sum % 100)
        };
        let contract = self.head(Service::Contract, books).await;
        let channel = self.channel(Service::Recognition);
        let end = (2026, 12, 31);
        let run = recognize(&channel, books, "figures", end, vec![contract]).await;
        let figures = self.figures(books, end, vec![contract, run]).await;
        let Some(figures) = figures else {
            assert_eq!(signed, 0, "nothing is reported of {}", books.tenant);
            return;
        };
        let amount =
            |money: Option<backlog_proto::common::v1::Money>| money.expect("an amount").amount;
        assert_eq!(amount(figures.recognized), times(signed, PRICE), "recognized");
        assert_eq!(amount(figures.backlog), times(0, PRICE), "backlog");
        assert_eq!(amount(figures.billed), times(invoiced, INVOICE), "billed");
        assert_eq!(figures.contract_count, u64::try_from(signed).expect("a count"));
    }

    /// Asserts that what reporting shows of each tenant is what a replay of the logs on an empty
    /// database gives, byte for byte. The tenants must be at rest.
    pub async fn assert_equal_to_replay(&self, books: &[Books]) {
        let empty = migrated_database().await;
        for books in books {
            self.caught_up(books).await;
            let served = self.digest(Service::Reporting, books).await;
            let replayed = self.replay(&empty, books.tenant).await;
            assert_eq!(served, replayed, "reporting differs from a replay for {}", books.tenant);
            self.assert_chained(Service::Recognition, books.tenant).await;
        }
    }

    /// The digest of reporting's projections after a replay into another database.
    async fn replay(&self, database: &TestDatabase, tenant: TenantId) -> String {
        let config = &self.files(Service::Reporting).config;
        let text = std::fs::read_to_string(config).expect("the configuration");
        let text = text.replace(&self.database.urls().database, &database.urls().database);
        let config = config.with_file_name("replay.toml");
        std::fs::write(&config, text).expect("a configuration");
        let output = Program::new(binaries().join("backlog-reporting"))
            .args(["rebuild", &tenant.to_string(), "--config"])
            .arg(&config)
            .output()
            .await
            .expect("the rebuild");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the replay failed: {errors}");
        let told = String::from_utf8_lossy(&output.stdout);
        let digest = told.split("digest ").nth(1).and_then(|rest| rest.split(',').next());
        digest.expect("a digest").to_owned()
    }
}

/// Recognizes everything through a day, until answered. Answers the run's place in the log.
pub async fn recognize(
    channel: &Channel,
    books: &Books,
    request_id: &str,
    through: (i32, i32, i32),
    min_positions: Vec<LogPosition>,
) -> LogPosition {
    let (year, month, day) = through;
    let mut client = RecognitionServiceClient::new(channel.clone());
    loop {
        let request = books.caller.request(RunRecognitionRequest {
            request_id: request_id.to_owned(),
            through: Some(date(year, month, day)),
            contract_id: String::new(),
            min_positions: min_positions.clone(),
        });
        match client.run_recognition(request).await {
            Ok(answer) => return answer.into_inner().position.expect("a position"),
            Err(status) => assert!(is_unclear(&status), "{request_id}: {status}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A position of the recognition log.
#[must_use]
pub fn recognition_position(seq: u64) -> LogPosition {
    LogPosition { log: Log::Recognition.into(), seq }
}
