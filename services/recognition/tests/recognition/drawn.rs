//! Drawn histories through the service: what it posts is what the engine makes of the same facts, and what a
//! replay of both logs comes to.

use backlog_event_log::NewEvent;
use backlog_ids::TenantId;
use backlog_proto::common::v1::Log;
use backlog_proto::contract::v1 as contract_pb;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::combination_service_client::CombinationServiceClient;
use backlog_proto::recognition::v1::progress::Reading;
use chrono::{Days, NaiveDate};
use prost::Message;
use tonic::{Code, Status};

use crate::owner::{contract_of, contract_signed, invoice_issued, obligation_of, usd};
use crate::periods::close;
use crate::stack::{Replica, Stack, at, contract, even_months, tenant};
use crate::what_ifs::{assumed, books, finished, request};

const CONTRACTS: u64 = 6;
const FACTS: u64 = 60;

/// Numbers that look random, the same for a seed.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn amount(&mut self, most: u64) -> String {
        format!("{}.{:02}", self.below(most), self.below(100))
    }
}

/// A history under way.
struct History<'a> {
    stack: &'a Stack,
    replica: &'a Replica,
    tenant: TenantId,
    drawn: Drawn,
    on: NaiveDate,
    seen: u64,
    calls: u64,
    /// Contracts that have ended.
    ended: Vec<u64>,
    /// How many facts of the contract log, calls and refused calls there were.
    told: [u64; 3],
}

/// Two obligations, one earned by time and one by percent complete.
fn signed(n: u64) -> NewEvent {
    let of = contract(u128::from(n));
    let event = contract_signed(of, &["900.00", "800.00"], "2026-01-20", "2026-11-10");
    let mut signed = contract_pb::ContractSigned::decode(event.payload.as_slice()).unwrap();
    let terms = signed.contract.as_mut().unwrap().terms.as_mut().unwrap();
    let percent = contract_pb::PercentComplete {};
    terms.obligations[1].method =
        Some(contract_pb::obligation_terms::Method::PercentComplete(percent));
    terms.obligations[1].ssp = Some(usd("1100.00"));
    NewEvent { payload: signed.encode_to_vec(), ..event }
}

impl History<'_> {
    fn event(&self, n: u64, type_name: &'static str, payload: &impl Message) -> NewEvent {
        let like = signed(n);
        NewEvent { type_name, effective_date: self.on, payload: payload.encode_to_vec(), ..like }
    }

    async fn write(&mut self, event: NewEvent) {
        self.seen = self.stack.owner.write(self.tenant, event).await;
        self.told[0] += 1;
    }

    fn call(&mut self) -> String {
        self.calls += 1;
        format!("call-{}", self.calls)
    }

    /// A refusal changes nothing and has a reason; a fault of the service is none.
    fn answered<T>(&mut self, answer: Result<T, Status>) {
        self.told[1] += 1;
        if let Err(status) = answer {
            let codes = [Code::FailedPrecondition, Code::InvalidArgument];
            assert!(codes.contains(&status.code()), "{status:?}");
            self.told[2] += 1;
        }
    }

    /// A fact of the contract log.
    async fn fact(&mut self, n: u64, kind: u64) {
        let (id, on) = (contract(u128::from(n)).to_string(), Some(self.on.into()));
        let amount = self.drawn.amount(400);
        let event = match kind {
            0 => invoice_issued(contract(u128::from(n)), &self.on.to_string(), &amount),
            1 => {
                let sign = if self.drawn.below(4) == 0 { "-" } else { "" };
                let payment = contract_pb::Payment {
                    payment_id: "pay_0123456789abcdef0123456789abcdef".to_owned(),
                    contract_id: id,
                    paid_on: on,
                    amount: Some(usd(&format!("{sign}{amount}"))),
                    reference: String::new(),
                };
                let payload = contract_pb::PaymentRecorded { payment: Some(payment) };
                self.event(n, "backlog.contract.v1.PaymentRecorded", &payload)
            }
            2 => {
                let price = self.drawn.amount(2_500);
                let change = contract_pb::ObligationChange {
                    key: format!("o{}", self.drawn.below(2)),
                    price: Some(usd(&price)),
                    ..contract_pb::ObligationChange::default()
                };
                let treatment = i32::try_from(self.drawn.below(3)).unwrap();
                let amendment = contract_pb::Amendment {
                    effective_on: on,
                    changes: vec![change],
                    treatment: [0, 1, 2][usize::try_from(treatment).unwrap()],
                    ..contract_pb::Amendment::default()
                };
                let of = contract_of(
                    contract(u128::from(n)),
                    &["900.00", "800.00"],
                    "2026-01-20",
                    "2026-11-10",
                );
                let payload =
                    contract_pb::ContractAmended { contract: Some(of), amendment: Some(amendment) };
                self.event(n, "backlog.contract.v1.ContractAmended", &payload)
            }
            _ => {
                self.ended.push(n);
                let termination = contract_pb::Termination {
                    effective_on: on,
                    forfeit_earned: self.drawn.below(4) == 0,
                    penalty: Some(usd(&amount)),
                    ..contract_pb::Termination::default()
                };
                let of = contract_of(
                    contract(u128::from(n)),
                    &["900.00", "800.00"],
                    "2026-01-20",
                    "2026-11-10",
                );
                let payload = contract_pb::ContractTerminated {
                    contract: Some(of),
                    termination: Some(termination),
                };
                self.event(n, "backlog.contract.v1.ContractTerminated", &payload)
            }
        };
        self.write(event).await;
    }

    /// A fact that the service keeps itself.
    async fn own(&mut self, n: u64, kind: u64) {
        let (id, on) = (contract(u128::from(n)), Some(self.on.into()));
        let (request_id, min_positions) = (self.call(), at(Log::Contract, self.seen));
        let obligation = |place| obligation_of(id, place).to_string();
        let controller = ["controller"];
        match kind {
            0 | 1 => {
                let request = pb::ReportProgressRequest {
                    request_id,
                    progress: Some(pb::Progress {
                        contract_id: id.to_string(),
                        obligation_id: obligation(1),
                        on,
                        reading: Some(Reading::Percent(self.drawn.below(101).to_string())),
                        evidence: String::new(),
                    }),
                    min_positions,
                    validate_only: false,
                };
                let request = self.replica.call(Some(self.tenant), &controller, request);
                let answer = self.replica.progress().report_progress(request).await;
                self.answered(answer);
            }
            2 => {
                let request = pb::AdjustRevenueRequest {
                    request_id,
                    adjustment: Some(pb::Adjustment {
                        contract_id: id.to_string(),
                        obligation_id: obligation(0),
                        on,
                        amount: Some(usd(&self.drawn.amount(20))),
                        reason: "an error".to_owned(),
                    }),
                    min_positions,
                    validate_only: false,
                };
                let request = self.replica.call(Some(self.tenant), &controller, request);
                let answer = self.replica.progress().adjust_revenue(request).await;
                self.answered(answer);
            }
            _ => {
                let request = pb::HoldRevenueRequest {
                    request_id,
                    hold: Some(pb::Hold {
                        contract_id: id.to_string(),
                        obligation_id: String::new(),
                        on,
                        released: self.drawn.below(2) == 0,
                        reason: "in doubt".to_owned(),
                    }),
                    min_positions,
                    validate_only: false,
                };
                let request = self.replica.call(Some(self.tenant), &controller, request);
                let answer = self.replica.progress().hold_revenue(request).await;
                self.answered(answer);
            }
        }
    }

    async fn combine(&mut self, n: u64) {
        let other = self.drawn.below(CONTRACTS);
        let ids = [n, other].map(|n| contract(u128::from(n)).to_string());
        let request = pb::CombineContractsRequest {
            request_id: self.call(),
            combination: Some(pb::Combination {
                contract_ids: ids.to_vec(),
                on: Some(self.on.into()),
                criterion: pb::CombinationCriterion::DependentConsideration.into(),
                reason: "one pays for the other".to_owned(),
            }),
            min_positions: at(Log::Contract, self.seen),
            validate_only: false,
        };
        let request = self.replica.call(Some(self.tenant), &["controller"], request);
        let mut client = CombinationServiceClient::new(self.replica.channel());
        let answer = client.combine_contracts(request).await;
        self.answered(answer);
    }

    async fn run(&mut self, through: NaiveDate, of: Option<u64>) {
        let request = pb::RunRecognitionRequest {
            request_id: self.call(),
            through: Some(through.into()),
            contract_id: of.map(|n| contract(u128::from(n)).to_string()).unwrap_or_default(),
            min_positions: at(Log::Contract, self.seen),
        };
        let answer = self.replica.try_run(self.tenant, request).await;
        self.answered(answer);
    }

    async fn next(&mut self) {
        let n = self.drawn.below(CONTRACTS);
        self.on = self.on + Days::new(self.drawn.below(9));
        match self.drawn.below(14) {
            0..=3 => {
                let kind = self.drawn.below(16);
                let kind = [0, 0, 1, 1, 2][usize::try_from(kind.min(4)).unwrap()];
                let ends = self.drawn.below(12) == 0;
                if !self.ended.contains(&n) {
                    self.fact(n, if ends { 3 } else { kind }).await;
                }
            }
            4..=8 => {
                let kind = self.drawn.below(5);
                self.own(n, kind).await;
            }
            9 => self.combine(n).await,
            10 => {
                let name = self.on.format("%Y-%m").to_string();
                let call = self.call();
                let closed = close(self.replica, self.tenant, (&call, &name), self.seen).await;
                self.answered(closed);
            }
            11 => self.run(self.on, Some(n)).await,
            _ => self.run(self.on, None).await,
        }
    }
}

async fn explained(replica: &Replica, tenant: TenantId, n: u64) -> usize {
    let request = pb::ExplainContractRequest {
        contract_id: contract(u128::from(n)).to_string(),
        page_size: 200,
        ..pb::ExplainContractRequest::default()
    };
    let request = replica.call(Some(tenant), &["auditor"], request);
    let facts =
        replica.explain_client().explain_contract(request).await.unwrap().into_inner().facts;
    for told in facts.iter().flat_map(|fact| &fact.movements) {
        assert_eq!(told.unexplained, None, "{told:?}");
    }
    facts.len()
}

// Shows over drawn histories of every kind of fact, with combinations, closes and runs of one contract or all
// between them, that a replay of both logs makes every entry and comes to the stored state; that the engine,
// folding the facts of each contract, makes every movement that was posted and explains it; and that the books,
// folded again beside another policy, are the same. What a call may not do is refused for a reason.
#[tokio::test]
async fn engine_service_and_replay_agree() {
    for seed in [1_u64, 20_261_126, 606] {
        let stack = Stack::start().await;
        let replica = stack.replica().await;
        let own = tenant(1);
        stack.owner.create_tenant(own, even_months()).await;
        let mut history = History {
            stack: &stack,
            replica: &replica,
            tenant: own,
            drawn: Drawn(seed),
            on: "2026-01-20".parse().unwrap(),
            seen: 1,
            calls: 0,
            ended: Vec::new(),
            told: [0; 3],
        };
        for n in 0..CONTRACTS {
            history.write(signed(n)).await;
        }
        history.run("2026-01-20".parse().unwrap(), None).await;
        for _ in 0..FACTS {
            history.next().await;
        }
        let last = history.on.max("2027-12-31".parse().unwrap());
        history.run(last, None).await;
        let [facts, calls, refused] = history.told;
        assert!(
            facts > CONTRACTS + 5 && calls > 20 && refused < calls / 2,
            "{facts} {calls} {refused}"
        );
        stack.verify(&replica, own).await;
        let mut told = 0;
        for n in 0..CONTRACTS {
            told += explained(&replica, own, n).await;
        }
        assert!(told > 30, "facts are explained: {told}");
        let same = finished(&replica, own, request("same", pb::WhatIfPolicy::default())).await;
        assert_eq!(same.state(), pb::WhatIfState::Finished, "seed {seed}: {same:?}");
        assert_eq!(assumed(&same), books(&same));
    }
}
