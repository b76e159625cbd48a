//! Every kind of fact in one history: what followers keep of it is what the logs say.

use backlog_proto::common::v1::{DateRange, LogPosition, Money};
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_proto::contract::v1::{self as contract, ContractTerms, ObligationTerms};
use backlog_proto::google::r#type::Date;
use backlog_proto::recognition::v1::combination_service_client::CombinationServiceClient;
use backlog_proto::recognition::v1::journal_service_client::JournalServiceClient;
use backlog_proto::recognition::v1::period_service_client::PeriodServiceClient;
use backlog_proto::recognition::v1::progress::Reading;
use backlog_proto::recognition::v1::progress_service_client::ProgressServiceClient;
use backlog_proto::recognition::v1::{self as recognition, Progress};
use backlog_tests::checks::recognize;
use backlog_tests::load::Books;
use backlog_tests::story::{date, invoice, sign, usd, year_of_service};
use backlog_tests::{Service, Stack};

use crate::oracle::assert_projections;

/// A contract with an obligation of each kind of progress.
fn every_method() -> ContractTerms {
    let one = |key: &str, price: Option<&str>, method: Method| ObligationTerms {
        key: key.to_owned(),
        price: price.map(usd),
        method: Some(method),
        ..ObligationTerms::default()
    };
    let weight = |share: &str| Some(contract::milestone::Weight::Share(share.to_owned()));
    let milestones = [("design", "0.4"), ("build", "0.6")]
        .map(|(id, share)| contract::Milestone { id: id.to_owned(), weight: weight(share) });
    let estimate_at_completion = Some(usd("400.00"));
    let mut usage = one("calls", None, Method::Usage(contract::Usage::default()));
    usage.unit_price = "0.015".to_owned();
    let mut next = one("next", None, Method::StraightLine(contract::StraightLine::default()));
    next.ssp = Some(usd("1100.00"));
    next.term = Some(DateRange { from: Some(date(2027, 1, 1)), to: Some(date(2027, 12, 31)) });
    next.renewal = Some(Box::new(contract::RenewalOption {
        expected_share: "0.5".to_owned(),
        expires_on: Some(date(2026, 12, 31)),
        exercise_price: Some(usd("1000.00")),
    }));
    let total = |total: &str| total.to_owned();
    ContractTerms {
        obligations: vec![
            one(
                "service",
                Some("1200.00"),
                Method::StraightLine(contract::StraightLine::default()),
            ),
            one("setup", Some("300.00"), Method::PointInTime(contract::PointInTime::default())),
            one(
                "project",
                Some("500.00"),
                Method::Milestones(contract::Milestones { milestones: milestones.into() }),
            ),
            one(
                "works",
                Some("600.00"),
                Method::CostToCost(contract::CostToCost { estimate_at_completion }),
            ),
            one("boxes", Some("120.00"), Method::Units(contract::Units { total: total("120") })),
            one("study", Some("80.00"), Method::PercentComplete(contract::PercentComplete {})),
            one(
                "help",
                Some("90.00"),
                Method::LaborHours(contract::LaborHours { total: total("9") }),
            ),
            usage,
            next,
        ],
        clauses: vec![contract::TerminationClause {
            notice_days: 60,
            penalty: Some(usd("10.00")),
            ..contract::TerminationClause::default()
        }],
        financing_rate: "0.06".to_owned(),
        variables: vec![contract::VariableConsideration {
            id: "bonus".to_owned(),
            estimate: Some(usd("100.00")),
            included: Some(usd("40.00")),
            ..contract::VariableConsideration::default()
        }],
        ..year_of_service("0.00")
    }
}

/// One tenant's history under way.
struct History<'a> {
    stack: &'a Stack,
    books: &'a Books,
    contract: contract::Contract,
    calls: usize,
}

impl History<'_> {
    fn id(&mut self) -> String {
        self.calls += 1;
        format!("call-{}", self.calls)
    }

    async fn seen(&self) -> Vec<LogPosition> {
        vec![self.stack.head(Service::Contract, self.books).await]
    }

    fn obligation(&self, key: &str) -> String {
        let terms = &self.contract.terms.as_ref().unwrap().obligations;
        let place = terms.iter().position(|terms| terms.key == key).unwrap();
        self.contract.obligation_ids[place].clone()
    }

    async fn progress(&mut self, key: &str, on: Date, reading: Reading) {
        let progress = Progress {
            contract_id: self.contract.contract_id.clone(),
            obligation_id: self.obligation(key),
            on: Some(on),
            reading: Some(reading),
            evidence: "minutes of a meeting".to_owned(),
        };
        let request = recognition::ReportProgressRequest {
            request_id: self.id(),
            progress: Some(progress),
            min_positions: self.seen().await,
            validate_only: false,
        };
        let mut client = ProgressServiceClient::new(self.stack.channel(Service::Recognition));
        client.report_progress(self.books.caller.request(request)).await.unwrap();
    }

    async fn invoice(&mut self, amount: &str, on: Date) {
        let id = self.id();
        let request = invoice(&id, &self.contract.contract_id, amount, on);
        let mut client = InvoiceServiceClient::new(self.stack.channel(Service::Contract));
        client.issue_invoice(self.books.caller.request(request)).await.unwrap();
    }

    async fn credit(&mut self, amount: &str, on: Date, concession: contract::Concession) {
        let request = contract::IssueCreditNoteRequest {
            request_id: self.id(),
            contract_id: self.contract.contract_id.clone(),
            issued_on: Some(on),
            amount: Some(usd(amount)),
            concession: concession.into(),
            ..contract::IssueCreditNoteRequest::default()
        };
        let mut client = InvoiceServiceClient::new(self.stack.channel(Service::Contract));
        client.issue_credit_note(self.books.caller.request(request)).await.unwrap();
    }

    async fn pay(&mut self, amount: &str, on: Date) {
        let request = contract::RecordPaymentRequest {
            request_id: self.id(),
            contract_id: self.contract.contract_id.clone(),
            paid_on: Some(on),
            amount: Some(usd(amount)),
            ..contract::RecordPaymentRequest::default()
        };
        let mut client = InvoiceServiceClient::new(self.stack.channel(Service::Contract));
        client.record_payment(self.books.caller.request(request)).await.unwrap();
    }

    async fn amend(&mut self, amendment: contract::Amendment) {
        let request = contract::AmendContractRequest {
            request_id: self.id(),
            contract_id: self.contract.contract_id.clone(),
            amendment: Some(amendment),
            ..contract::AmendContractRequest::default()
        };
        let mut client = ContractServiceClient::new(self.stack.channel(Service::Contract));
        let answer = client.amend_contract(self.books.caller.request(request)).await.unwrap();
        self.contract = answer.into_inner().contract.unwrap();
    }

    async fn estimate(&mut self, on: Date, estimate: recognition::estimate_change::Estimate) {
        let change = recognition::EstimateChange {
            contract_id: self.contract.contract_id.clone(),
            on: Some(on),
            estimate: Some(estimate),
        };
        let request = recognition::ChangeEstimateRequest {
            request_id: self.id(),
            change: Some(change),
            min_positions: self.seen().await,
            validate_only: false,
        };
        let mut client = ProgressServiceClient::new(self.stack.channel(Service::Recognition));
        client.change_estimate(self.books.caller.request(request)).await.unwrap();
    }

    /// Lets other contracts be one.
    async fn combine(&mut self, on: Date, contracts: &[contract::Contract]) {
        let request = self.books.caller.request(recognition::CombineContractsRequest {
            request_id: self.id(),
            combination: Some(recognition::Combination {
                contract_ids: contracts.iter().map(|of| of.contract_id.clone()).collect(),
                on: Some(on),
                criterion: recognition::CombinationCriterion::SingleObjective.into(),
                reason: "negotiated together".to_owned(),
            }),
            min_positions: self.seen().await,
            validate_only: false,
        });
        let channel = self.stack.channel(Service::Recognition);
        let mut combinations = CombinationServiceClient::new(channel);
        combinations.combine_contracts(request).await.unwrap();
    }

    async fn hold(&mut self, key: &str, on: Date, released: bool) {
        let hold = recognition::Hold {
            contract_id: self.contract.contract_id.clone(),
            obligation_id: self.obligation(key),
            on: Some(on),
            released,
            reason: "a dispute".to_owned(),
        };
        let request = recognition::HoldRevenueRequest {
            request_id: self.id(),
            hold: Some(hold),
            min_positions: self.seen().await,
            validate_only: false,
        };
        let mut client = ProgressServiceClient::new(self.stack.channel(Service::Recognition));
        client.hold_revenue(self.books.caller.request(request)).await.unwrap();
    }

    async fn adjust(&mut self, key: &str, on: Date, amount: &str) {
        let adjustment = recognition::Adjustment {
            contract_id: self.contract.contract_id.clone(),
            obligation_id: self.obligation(key),
            on: Some(on),
            amount: Some(usd(amount)),
            reason: "an error of the year before".to_owned(),
        };
        let request = recognition::AdjustRevenueRequest {
            request_id: self.id(),
            adjustment: Some(adjustment),
            min_positions: self.seen().await,
            validate_only: false,
        };
        let mut client = ProgressServiceClient::new(self.stack.channel(Service::Recognition));
        client.adjust_revenue(self.books.caller.request(request)).await.unwrap();
    }

    /// Accounts, a rate and an export of a month.
    async fn journal(&mut self, on: Date, period: &str) {
        let mut client = JournalServiceClient::new(self.stack.channel(Service::Recognition));
        let revenue = recognition::AccountAssignment {
            role: recognition::AccountRole::Revenue.into(),
            account_code: format!("4000-{period}"),
        };
        let request = recognition::SetAccountMappingRequest {
            request_id: self.id(),
            mapping: Some(recognition::AccountMapping {
                accounts: vec![revenue],
                unbilled_receivable: false,
                on: Some(on),
            }),
            validate_only: false,
        };
        client.set_account_mapping(self.books.caller.request(request)).await.unwrap();
        let request = recognition::SetExchangeRateRequest {
            request_id: self.id(),
            rate: Some(recognition::ExchangeRate {
                from_currency_code: "EUR".to_owned(),
                to_currency_code: "USD".to_owned(),
                kind: recognition::RateKind::Spot.into(),
                on: Some(on),
                rate: "1.0825".to_owned(),
            }),
            validate_only: false,
        };
        client.set_exchange_rate(self.books.caller.request(request)).await.unwrap();
        let request = recognition::ExportJournalRequest {
            request_id: self.id(),
            period: period.to_owned(),
            min_positions: self.seen().await,
        };
        client.export_journal(self.books.caller.request(request)).await.unwrap();
    }

    async fn run(&mut self, through: (i32, i32, i32)) -> LogPosition {
        let id = self.id();
        let seen = self.seen().await;
        recognize(&self.stack.channel(Service::Recognition), self.books, &id, through, seen).await
    }

    async fn close(&mut self, period: &str) {
        let request = recognition::ClosePeriodRequest {
            request_id: self.id(),
            period: period.to_owned(),
            min_positions: self.seen().await,
            validate_only: false,
        };
        let mut client = PeriodServiceClient::new(self.stack.channel(Service::Recognition));
        client.close_period(self.books.caller.request(request)).await.unwrap();
    }

    async fn reopen(&mut self, period: &str) {
        let request = recognition::ReopenPeriodRequest {
            request_id: self.id(),
            period: period.to_owned(),
            reason: "a report was late".to_owned(),
            validate_only: false,
        };
        let mut client = PeriodServiceClient::new(self.stack.channel(Service::Recognition));
        client.reopen_period(self.books.caller.request(request)).await.unwrap();
    }

    async fn terminate(&mut self, on: Date) {
        let request = contract::TerminateContractRequest {
            request_id: self.id(),
            contract_id: self.contract.contract_id.clone(),
            termination: Some(contract::Termination {
                effective_on: Some(on),
                penalty: Some(usd("50.00")),
                wind_down_to: Some(date(2026, 11, 15)),
                reason: "moved away".to_owned(),
                ..contract::Termination::default()
            }),
            ..contract::TerminateContractRequest::default()
        };
        let mut client = ContractServiceClient::new(self.stack.channel(Service::Contract));
        client.terminate_contract(self.books.caller.request(request)).await.unwrap();
    }
}

fn amendment(on: Date, treatment: contract::ChangeTreatment) -> contract::Amendment {
    contract::Amendment {
        effective_on: Some(on),
        treatment: treatment.into(),
        ..contract::Amendment::default()
    }
}

fn cost(amount: &str, estimate: Option<&str>) -> Reading {
    Reading::Cost(recognition::CostReading {
        cost: Some(usd(amount)),
        estimate_at_completion: estimate.map(usd),
        uninstalled: Some(usd("20.00")),
    })
}

fn used(quantity: &str) -> Reading {
    Reading::Usage(recognition::UsageReading { quantity: quantity.to_owned(), amount: None })
}

async fn first_quarter(history: &mut History<'_>) {
    history.invoice("900.00", date(2026, 1, 2)).await;
    history.pay("1000.00", date(2026, 1, 20)).await;
    let delivered = Reading::Delivery(recognition::Delivery::default());
    history.progress("setup", date(2026, 1, 15), delivered).await;
    history.progress("project", date(2026, 1, 31), Reading::Milestone("design".to_owned())).await;
    history.progress("works", date(2026, 1, 31), cost("100.00", None)).await;
    history.progress("calls", date(2026, 1, 10), used("1000")).await;
    history.run((2026, 1, 31)).await;
    history.close("2026-01").await;
    history.progress("boxes", date(2026, 2, 10), Reading::Units("30".to_owned())).await;
    history.progress("study", date(2026, 2, 20), Reading::Percent("35".to_owned())).await;
    history.progress("help", date(2026, 2, 20), Reading::Hours("4.5".to_owned())).await;
    history.run((2026, 2, 28)).await;
    history.close("2026-02").await;
    // Late, for a month that is closed.
    history.progress("study", date(2026, 1, 20), Reading::Percent("10".to_owned())).await;
    history.progress("calls", date(2026, 1, 12), used("250")).await;
    history.reopen("2026-02").await;
    history.run((2026, 2, 28)).await;
    history.close("2026-02").await;
    history.hold("service", date(2026, 3, 1), false).await;
    history.credit("100.00", date(2026, 3, 1), contract::Concession::Unspecified).await;
    history.run((2026, 3, 15)).await;
    history.journal(date(2026, 3, 15), "2026-01").await;
}

async fn changes(history: &mut History<'_>) {
    let mut changed = amendment(date(2026, 3, 16), contract::ChangeTreatment::Prospective);
    changed.changes.push(contract::ObligationChange {
        key: "service".to_owned(),
        price: Some(usd("1500.00")),
        term: Some(DateRange { from: Some(date(2026, 1, 1)), to: Some(date(2027, 3, 31)) }),
        ..contract::ObligationChange::default()
    });
    changed.added.push(ObligationTerms {
        key: "extra".to_owned(),
        price: Some(usd("200.00")),
        method: Some(Method::StraightLine(contract::StraightLine::default())),
        product_line: "add-ons".to_owned(),
        ..ObligationTerms::default()
    });
    history.amend(changed).await;
    let mut changed = amendment(date(2026, 4, 1), contract::ChangeTreatment::CatchUp);
    changed.changes.push(contract::ObligationChange {
        key: "works".to_owned(),
        price: Some(usd("700.00")),
        ..contract::ObligationChange::default()
    });
    history.amend(changed).await;
    let cost = recognition::CostEstimate {
        obligation_id: history.obligation("works"),
        estimate_at_completion: Some(usd("500.00")),
    };
    let cost = recognition::estimate_change::Estimate::Cost(cost);
    history.estimate(date(2026, 4, 1), cost).await;
    let bonus = recognition::VariableEstimate {
        id: "bonus".to_owned(),
        estimate: Some(usd("100.00")),
        included: None,
    };
    let bonus = recognition::estimate_change::Estimate::Variable(bonus);
    history.estimate(date(2026, 5, 1), bonus).await;
    history.run((2026, 5, 31)).await;
    // A contract of its own, and other terms for leaving.
    let mut more = amendment(date(2026, 6, 1), contract::ChangeTreatment::Separate);
    more.changes.push(contract::ObligationChange {
        key: "boxes".to_owned(),
        price: Some(usd("150.00")),
        quantity: "150".to_owned(),
        ..contract::ObligationChange::default()
    });
    more.clauses = Some(contract::TerminationClauses { clauses: Vec::new() });
    history.amend(more).await;
    history.progress("boxes", date(2026, 6, 5), Reading::Units("130".to_owned())).await;
    history.invoice("900.00", date(2026, 6, 6)).await;
    history.progress("next", date(2026, 6, 7), Reading::ExercisedShare("0.5".to_owned())).await;
    history.hold("service", date(2026, 6, 8), true).await;
    history.adjust("service", date(2026, 6, 9), "-25.00").await;
    history.credit("60.00", date(2026, 6, 10), contract::Concession::Whole).await;
    history.credit("30.00", date(2026, 6, 20), contract::Concession::Transferred).await;
    history.run((2026, 7, 31)).await;
    history.journal(date(2026, 7, 31), "2026-01").await;
}

fn amount(money: Option<Money>) -> String {
    money.unwrap().amount
}

// Shows that a history of every kind of fact, with late ones and changes among them, is the same in
// what recognition and reporting keep, in a fold of both logs, and in a replay on an empty database,
// and that all identities hold; in the end nothing is left in backlog.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_fact_is_the_same_after_a_replay() {
    let stack = Stack::start().await;
    let books = stack.many_books("facts", 1).await;
    let mut contracts = ContractServiceClient::new(stack.channel(Service::Contract));
    let request = books[0].caller.request(sign("sign", every_method()));
    let signed = contracts.sign_contract(request).await.unwrap().into_inner().contract.unwrap();
    // Two more, that are accounted for as one later: the second sells alone for more than it states.
    let mut dear = year_of_service("600.00");
    dear.obligations[0].ssp = Some(usd("1200.00"));
    let mut together = Vec::new();
    for (key, terms) in [("one", year_of_service("1200.00")), ("other", dear)] {
        let signed = contracts.sign_contract(books[0].caller.request(sign(key, terms))).await;
        together.push(signed.unwrap().into_inner().contract.unwrap());
    }
    // Recognition answers a tenant once its creation has arrived.
    stack.settle().await;
    let mut history = History { stack: &stack, books: &books[0], contract: signed, calls: 0 };
    first_quarter(&mut history).await;
    history.combine(date(2026, 3, 16), &together).await;
    changes(&mut history).await;
    assert_projections(&stack, &books).await;
    history.terminate(date(2026, 10, 1)).await;
    history.pay("-40.00", date(2026, 10, 5)).await;
    let run = history.run((2026, 12, 31)).await;
    let figures = stack.figures(&books[0], (2026, 12, 31), vec![run]).await.unwrap();
    assert_eq!(amount(figures.backlog), "0.00");
    assert_eq!(amount(figures.cash), "960.00");
    assert_ne!(amount(figures.recognized), "0.00");
    assert_projections(&stack, &books).await;
}
