//! The load: SignContract calls in a closed loop, a fixed number in flight, each answer kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use backlog_ids::ContractId;
use backlog_proto::common::v1::{DateRange, Money};
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::sign_contract_request::Subject;
use backlog_proto::contract::v1::{
    ContractTerms, Convention, ObligationTerms, SignContractRequest, SignContractResponse,
    StraightLine,
};
use backlog_proto::google::r#type::Date;
use tonic::transport::Channel;

use crate::ledger::Ack;
use crate::system::System;
use crate::tenants::Tenant;

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After a time; calls in flight are finished, but count no more.
    Elapsed(Duration),
    /// After so many calls.
    Calls(u64),
}

/// A load on one system.
pub(crate) struct Load<'a> {
    /// Whose contracts are signed: each call takes one of them at random.
    pub(crate) tenants: &'a Arc<[Tenant]>,
    /// The connections.
    pub(crate) channels: &'a [Channel],
    /// Calls in flight.
    pub(crate) in_flight: u32,
    /// When it ends.
    pub(crate) until: Until,
    /// The contract that a call signs.
    pub(crate) sign: fn(u64) -> SignContractRequest,
}

/// How a load went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Signs that were acknowledged in time.
    pub(crate) signs: u64,
    /// From the first call to the end of time, or to the last answer.
    pub(crate) elapsed: Duration,
}

impl Done {
    /// Signs a second.
    pub(crate) fn rate(&self) -> f64 {
        rate(self.signs, self.elapsed)
    }
}

/// Things a second.
pub(crate) fn rate(count: u64, elapsed: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
    let count = count as f64;
    count / elapsed.as_secs_f64()
}

impl Load<'_> {
    /// Runs the load. Everything acknowledged goes to the system's ledger.
    ///
    /// # Errors
    /// When any call fails: what a failed call left behind could not be told.
    pub(crate) async fn run(&self, system: &System) -> anyhow::Result<Done> {
        let next = Arc::new(AtomicU64::new(0));
        let first = system.ledger.reserve();
        let started = Instant::now();
        let (end, calls) = match self.until {
            Until::Elapsed(time) => (Some(started + time), u64::MAX),
            Until::Calls(calls) => (None, calls),
        };
        let mut workers = Vec::new();
        for channel in self.channels.iter().cycle().take(usize::try_from(self.in_flight)?) {
            let worker = Worker {
                client: ContractServiceClient::new(channel.clone()),
                tenants: Arc::clone(self.tenants),
                next: Arc::clone(&next),
                first,
                end,
                calls,
                sign: self.sign,
            };
            workers.push(tokio::spawn(worker.run()));
        }
        let mut signs = 0;
        for worker in workers {
            let (acks, in_time) = worker.await??;
            system.ledger.add(acks);
            signs += in_time;
        }
        let elapsed = match self.until {
            Until::Elapsed(time) => time,
            Until::Calls(_) => started.elapsed(),
        };
        Ok(Done { signs, elapsed })
    }
}

struct Worker {
    client: ContractServiceClient<Channel>,
    tenants: Arc<[Tenant]>,
    next: Arc<AtomicU64>,
    first: u64,
    end: Option<Instant>,
    calls: u64,
    sign: fn(u64) -> SignContractRequest,
}

impl Worker {
    async fn run(mut self) -> anyhow::Result<(Vec<Ack>, u64)> {
        let mut acks = Vec::new();
        let mut in_time = 0;
        while self.end.is_none_or(|end| Instant::now() < end) {
            let call = self.next.fetch_add(1, Ordering::Relaxed);
            if call >= self.calls {
                break;
            }
            let number = self.first + call;
            let place = usize::try_from(scattered(number))? % self.tenants.len();
            let tenant = self.tenants.get(place).context("a load needs a tenant")?;
            let request = tenant.request((self.sign)(number));
            let answer = self.client.sign_contract(request).await;
            if self.end.is_none_or(|end| Instant::now() <= end) {
                in_time += 1;
            }
            let answer = answer.with_context(|| format!("call {}", request_id(number)))?;
            acks.push(ack(tenant, number, answer.into_inner())?);
        }
        Ok((acks, in_time))
    }
}

/// What an answer promises.
pub(crate) fn ack(
    tenant: &Tenant,
    number: u64,
    answer: SignContractResponse,
) -> anyhow::Result<Ack> {
    let contract: ContractId = answer.contract.context("no contract")?.contract_id.parse()?;
    let seq = answer.position.context("no position")?.seq;
    Ok(Ack { tenant: tenant.id.uuid(), number, contract: contract.uuid(), seq })
}

/// The request_id of a call: always of the same length, as pgbench's are.
pub(crate) fn request_id(number: u64) -> String {
    format!("sign-{number:011}")
}

/// Minor units of the price of the contract that a call signs.
pub(crate) fn price(number: u64) -> u64 {
    120_000 + number % 100
}

/// One subscription over the year 2026 with two dimensions.
pub(crate) fn sign(number: u64) -> SignContractRequest {
    let date = |year, month, day| Date { year, month, day };
    let price = price(number);
    let terms = ContractTerms {
        number: format!("C-{number:011}"),
        customer: format!("Customer {:03}", number % 500),
        term: Some(DateRange { from: Some(date(2026, 1, 1)), to: Some(date(2026, 12, 31)) }),
        currency_code: "USD".to_owned(),
        obligations: vec![ObligationTerms {
            key: "subscription".to_owned(),
            price: Some(Money {
                currency_code: "USD".to_owned(),
                amount: format!("{}.{:02}", price / 100, price % 100),
            }),
            method: Some(Method::StraightLine(StraightLine {
                convention: Convention::EvenMonths.into(),
            })),
            product_line: "platform".to_owned(),
            ..ObligationTerms::default()
        }],
        dimensions: [
            ("region".to_owned(), format!("region-{}", number % 4)),
            ("sales_rep".to_owned(), format!("rep-{}", number % 8)),
        ]
        .into(),
        ..ContractTerms::default()
    };
    SignContractRequest {
        request_id: request_id(number),
        subject: Some(Subject::Terms(terms)),
        signed_on: Some(date(2026, 1, 1)),
        ..SignContractRequest::default()
    }
}

/// Spreads consecutive numbers evenly and without order (the finalizer of splitmix64).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
