//! Golden bytes of every event type that this service writes or reads: what was ever written can be
//! read, and is written the same. The files never change; a new field gets a new file.

use backlog_ids::{ContractId, InvoiceId, RunId, TenantId};
use backlog_proto::common::v1::{ContractCriterion, DateRange, Log, LogPosition, Money};
use backlog_proto::contract::v1 as contract;
use backlog_proto::google::r#type::Date;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as recognition;
use backlog_recognition::accounting::convert::fact;
use backlog_recognition::accounting::events::ACCOUNTING_POSTED;
use backlog_recognition::accounting::fact::ContractFact;
use backlog_recognition_engine::Fact;
use prost::Message;
use uuid::Uuid;

use crate::owner::{account, day, obligation_of, usd};

/// That these bytes are this message, in both directions.
#[track_caller]
fn check<M: Message + Default + PartialEq + std::fmt::Debug>(golden: &str, sample: &M) -> Vec<u8> {
    let written = sample.encode_to_vec();
    assert_eq!(hex::encode(&written), golden.trim(), "written otherwise than before");
    let read = M::decode(hex::decode(golden.trim()).unwrap().as_slice()).unwrap();
    assert!(read == *sample, "read otherwise than before: {read:?}");
    written
}

/// What the service makes of a payload of the contract log.
fn read(name: &str, payload: Vec<u8>) -> ContractFact {
    let r#type = format!("backlog.contract.v1.{name}");
    fact(&LogEntry { r#type, payload, ..LogEntry::default() }).unwrap()
}

fn tenant_id() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(0x7e4))
}

fn contract_id() -> ContractId {
    ContractId::from_uuid(Uuid::from_u128(0xc))
}

fn date(text: &str) -> Option<Date> {
    Some(day(text).into())
}

fn range(from: &str, to: &str) -> Option<DateRange> {
    Some(DateRange { from: date(from), to: date(to) })
}

fn full_contract() -> contract::Contract {
    let line = contract::StraightLine { convention: contract::Convention::ActualDays.into() };
    contract::Contract {
        contract_id: contract_id().to_string(),
        state: contract::ContractState::Signed.into(),
        terms: Some(contract::ContractTerms {
            number: "C-1".to_owned(),
            customer: "Acme".to_owned(),
            term: range("2026-01-01", "2026-12-31"),
            currency_code: "USD".to_owned(),
            price: Some(usd("1000.00")),
            obligations: vec![contract::ObligationTerms {
                key: "subscription".to_owned(),
                price: None,
                ssp: Some(usd("1200.00")),
                term: range("2026-02-01", "2026-12-31"),
                method: Some(contract::obligation_terms::Method::StraightLine(line)),
                product_line: "cloud".to_owned(),
                ..contract::ObligationTerms::default()
            }],
            dimensions: [("region".to_owned(), "emea".to_owned())].into(),
            ..contract::ContractTerms::default()
        }),
        obligation_ids: vec![obligation_of(contract_id(), 0).to_string()],
        signed_on: date("2026-01-01"),
        etag: "7".to_owned(),
        billed: Some(usd("0.00")),
    }
}

// Shows that the events of the contract log that this service reads are read as when they were
// written, field by field, and mean what they meant.
#[test]
fn events_read() {
    let created = contract::TenantCreated {
        tenant: Some(contract::Tenant {
            tenant_id: tenant_id().to_string(),
            account_id: account().to_string(),
            external_id: "acme".to_owned(),
            display_name: "Acme Inc.".to_owned(),
            functional_currency_code: "USD".to_owned(),
            suspended: true,
        }),
        policy: Some(contract::MeasurementPolicy {
            convention: contract::Convention::EndsByDay.into(),
            rounding: contract::Rounding::PerPeriod.into(),
            receivable_on: contract::ReceivableOn::Due.into(),
            // Not known when this was written first.
            calendar: String::new(),
            adjustments_need_approval: false,
        }),
    };
    let bytes = check(include_str!("../golden/tenant_created.hex"), &created);
    let ContractFact::TenantCreated { policy, suspended, .. } = read("TenantCreated", bytes) else {
        panic!("another fact");
    };
    assert_eq!((policy.convention.name(), policy.rounding.name()), ("ends_by_day", "per_period"));
    assert_eq!((policy.receivable_on.name(), policy.version, suspended), ("due", 1, true));

    let policy = contract::MeasurementPolicy {
        calendar: "months/april".to_owned(),
        adjustments_need_approval: true,
        ..created.policy.clone().unwrap()
    };
    let created = contract::TenantCreated { policy: Some(policy), ..created };
    let bytes = check(include_str!("../golden/tenant_created_calendar.hex"), &created);
    let fact = read("TenantCreated", bytes);
    let ContractFact::TenantCreated { calendar, adjustments_need_approval, .. } = fact else {
        panic!("another fact");
    };
    assert_eq!((calendar.word().as_str(), adjustments_need_approval), ("months/april", true));

    let suspended = contract::TenantSuspensionChanged { suspended: true };
    let bytes = check(include_str!("../golden/tenant_suspension_changed.hex"), &suspended);
    assert_eq!(read("TenantSuspensionChanged", bytes), ContractFact::SuspensionChanged(true));

    let drafted = contract::ContractDrafted { contract: Some(full_contract()) };
    let bytes = check(include_str!("../golden/contract_drafted.hex"), &drafted);
    assert_eq!(read("ContractDrafted", bytes), ContractFact::Drafted);

    let signed = contract::ContractSigned {
        contract: Some(full_contract()),
        signed_on: date("2026-01-01"),
        price: Some(usd("1000.00")),
    };
    let bytes = check(include_str!("../golden/contract_signed.hex"), &signed);
    let ContractFact::Signed { contract, stated_price, .. } = read("ContractSigned", bytes) else {
        panic!("another fact");
    };
    assert_eq!((contract.contract, contract.price), (contract_id(), Some(100_000)));
    assert_eq!(stated_price, Some(100_000));
    assert_eq!(contract.obligations[0].ssp, Some(120_000));
    assert_eq!(contract.obligations[0].term.unwrap().from(), day("2026-02-01"));

    let issued = contract::InvoiceIssued {
        invoice: Some(contract::Invoice {
            invoice_id: InvoiceId::from_uuid(Uuid::from_u128(0x1)).to_string(),
            contract_id: contract_id().to_string(),
            number: "R-1".to_owned(),
            issued_on: date("2026-03-01"),
            due_on: date("2026-03-31"),
            lines: vec![contract::InvoiceLine {
                obligation_id: obligation_of(contract_id(), 0).to_string(),
                amount: Some(usd("100.00")),
            }],
            amount: Some(usd("100.00")),
            tax: Some(usd("19.00")),
        }),
    };
    let bytes = check(include_str!("../golden/invoice_issued.hex"), &issued);
    let read = read("InvoiceIssued", bytes);
    let ContractFact::Changed { fact: Fact::Invoiced(invoice), .. } = read else {
        panic!("another fact");
    };
    assert_eq!((invoice.tax, invoice.lines[0].amount), (1_900, 10_000));
    assert_eq!((invoice.issued_on, invoice.due_on), (day("2026-03-01"), day("2026-03-31")));
}

fn posted() -> recognition::AccountingPosted {
    let amount =
        |text: &str| Some(Money { currency_code: "JPY".to_owned(), amount: text.to_owned() });
    recognition::AccountingPosted {
        covered_contract_seq: 300,
        movements: vec![recognition::Movement {
            contract_id: contract_id().to_string(),
            accounting_contract_id: "act_0000000000000000000000000000000a".to_owned(),
            obligation_id: obligation_of(contract_id(), 0).to_string(),
            cause: recognition::Cause::Recognition.into(),
            measure: recognition::Measure::Recognized.into(),
            amount: amount("-100"),
            effective_date: date("2026-01-31"),
            posting_period: date("2026-02-01"),
            service_month: date("2026-01-01"),
            rule_version: 1,
            policy_version: 2,
            prior_performance: false,
            late_of: None,
        }],
        plan_changes: vec![recognition::PlanChange {
            contract_id: contract_id().to_string(),
            obligation_id: obligation_of(contract_id(), 0).to_string(),
            month: date("2026-01-01"),
            amount: amount("100"),
            effective_date: date("2026-01-31"),
            service_from: date("2026-01-05"),
            service_to: date("2026-01-31"),
        }],
        run: None,
        own_fact: None,
    }
}

// Shows that what this service wrote is read and written the same: accounting of a fact, a chunk of a
// run, and the entry around them.
#[test]
fn events_written() {
    let payload = check(include_str!("../golden/accounting_posted.hex"), &posted());
    let run = recognition::AccountingPosted {
        run: Some(recognition::RunChunk {
            run_id: RunId::from_uuid(Uuid::from_u128(0xa)).to_string(),
            through: date("2026-01-31"),
            contract_id: contract_id().to_string(),
            last: true,
            entries_posted: 1_000,
            recognized: vec![usd("12345.67")],
            recognized_through: date("2025-12-31"),
        }),
        ..posted()
    };
    check(include_str!("../golden/accounting_posted_run.hex"), &run);
    let entry = LogEntry {
        tenant_id: tenant_id().to_string(),
        log: Log::Recognition.into(),
        seq: 7,
        prev_hash: vec![0xab; 32],
        event_id: "evt_00000000000000000000000000000001".to_owned(),
        r#type: ACCOUNTING_POSTED.to_owned(),
        aggregate_id: contract_id().to_string(),
        aggregate_version: 3,
        effective_date: date("2026-01-31"),
        recorded_at: Some(backlog_proto::convert::timestamp(
            chrono::DateTime::from_timestamp(1_780_000_000, 123_456_000).unwrap(),
        )),
        actor: "recognition".to_owned(),
        request_id: "r-1".to_owned(),
        depends_on: vec![LogPosition { log: Log::Contract.into(), seq: 300 }],
        payload,
    };
    check(include_str!("../golden/log_entry.hex"), &entry);
}

// Shows that the facts that this service keeps itself are read and written the same, inside the event
// that accounts for them.
#[test]
fn own_facts() {
    let contract_id = contract_id().to_string();
    let obligation_id = obligation_of(self::contract_id(), 0).to_string();
    let with = |own_fact| recognition::AccountingPosted { own_fact: Some(own_fact), ..posted() };
    let progress = recognition::Progress {
        contract_id: contract_id.clone(),
        obligation_id: obligation_id.clone(),
        on: date("2026-01-31"),
        reading: Some(recognition::progress::Reading::Cost(recognition::CostReading {
            cost: Some(usd("10.00")),
            estimate_at_completion: Some(usd("80.00")),
            uninstalled: Some(usd("5.00")),
        })),
        evidence: "minutes".to_owned(),
    };
    let progress = with(recognition::accounting_posted::OwnFact::Progress(progress));
    check(include_str!("../golden/accounting_posted_progress.hex"), &progress);
    let estimate = recognition::EstimateChange {
        contract_id: contract_id.clone(),
        on: date("2026-01-31"),
        estimate: Some(recognition::estimate_change::Estimate::Variable(
            recognition::VariableEstimate {
                id: "bonus".to_owned(),
                estimate: Some(usd("10.00")),
                included: Some(usd("4.00")),
            },
        )),
    };
    let estimate = with(recognition::accounting_posted::OwnFact::Estimate(estimate));
    check(include_str!("../golden/accounting_posted_estimate.hex"), &estimate);
    let assessment = recognition::Assessment {
        contract_id: contract_id.clone(),
        on: date("2026-01-31"),
        unmet: vec![ContractCriterion::Collection.into()],
        reason: "still nothing paid".to_owned(),
    };
    let assessment = with(recognition::accounting_posted::OwnFact::Assessment(assessment));
    check(include_str!("../golden/accounting_posted_assessment.hex"), &assessment);
    let adjustment = recognition::Adjustment {
        contract_id,
        obligation_id,
        on: date("2026-01-31"),
        amount: Some(usd("-3.00")),
        reason: "an error".to_owned(),
    };
    let adjustment = with(recognition::accounting_posted::OwnFact::Adjustment(adjustment));
    check(include_str!("../golden/accounting_posted_adjustment.hex"), &adjustment);
}

// Shows the same of contracts that are accounted for as one.
#[test]
fn combinations() {
    let contract = |n| ContractId::from_uuid(Uuid::from_u128(n)).to_string();
    let combination = recognition::Combination {
        contract_ids: vec![contract(7), contract(8)],
        on: date("2026-02-01"),
        criterion: recognition::CombinationCriterion::SingleObjective.into(),
        reason: "negotiated together".to_owned(),
    };
    let own = recognition::accounting_posted::OwnFact::Combination(combination);
    let posted = recognition::AccountingPosted {
        covered_contract_seq: 9,
        own_fact: Some(own),
        ..recognition::AccountingPosted::default()
    };
    check(include_str!("../golden/accounting_posted_combination.hex"), &posted);
}

// Shows the same of facts about the journal.
#[test]
fn journal_facts() {
    use recognition::accounting_posted::OwnFact;
    let with = |own_fact| recognition::AccountingPosted { own_fact: Some(own_fact), ..posted() };
    let mapping = recognition::AccountMapping {
        accounts: vec![recognition::AccountAssignment {
            role: recognition::AccountRole::TaxPayable.into(),
            account_code: "2200".to_owned(),
        }],
        unbilled_receivable: true,
        on: date("2026-01-31"),
    };
    let mapping = with(OwnFact::AccountMapping(mapping));
    check(include_str!("../golden/accounting_posted_mapping.hex"), &mapping);
    let rate = recognition::ExchangeRate {
        from_currency_code: "EUR".to_owned(),
        to_currency_code: "USD".to_owned(),
        kind: recognition::RateKind::Closing.into(),
        on: date("2026-01-31"),
        rate: "1.0825".to_owned(),
    };
    let rate = with(OwnFact::ExchangeRate(rate));
    check(include_str!("../golden/accounting_posted_rate.hex"), &rate);
    let export = recognition::JournalExport { period: date("2026-01-01") };
    let export = with(OwnFact::JournalExport(export));
    check(include_str!("../golden/accounting_posted_export.hex"), &export);
}

// Shows the same of closes, of what takes two people, and of what comes late.
#[test]
fn periods_and_approvals() {
    use recognition::accounting_posted::OwnFact;
    let with = |own_fact| recognition::AccountingPosted { own_fact: Some(own_fact), ..posted() };
    let text = |text: &str| text.to_owned();
    let period = Some(recognition::Period {
        name: text("2026-01"),
        first_day: date("2026-01-01"),
        last_day: date("2026-01-31"),
        year: 2026,
        number: 1,
        quarter: 1,
    });
    let figures = recognition::CloseFigures {
        balances: vec![recognition::CloseBalance {
            measure: recognition::Measure::Recognized.into(),
            amount: Some(usd("10.00")),
        }],
        movements: vec![recognition::CloseMovement {
            cause: recognition::Cause::Recognition.into(),
            measure: recognition::Measure::Recognized.into(),
            amount: Some(usd("4.00")),
        }],
    };
    let closed = with(OwnFact::PeriodClosed(recognition::PeriodClosed {
        period: period.clone(),
        version: 2,
        closed_by: text("ann"),
        figures: Some(figures),
    }));
    check(include_str!("../golden/accounting_posted_period_closed.hex"), &closed);
    let reopened = with(OwnFact::PeriodReopened(recognition::PeriodReopened {
        period,
        version: 2,
        reopened_by: text("bob"),
        reason: text("an error"),
    }));
    check(include_str!("../golden/accounting_posted_period_reopened.hex"), &reopened);
    let adjustment_id = text("adj_0000000000000000000000000000000b");
    let adjustment = Some(recognition::Adjustment {
        contract_id: contract_id().to_string(),
        obligation_id: obligation_of(contract_id(), 0).to_string(),
        on: date("2026-01-31"),
        amount: Some(usd("-3.00")),
        reason: text("an error"),
    });
    let proposed = with(OwnFact::AdjustmentProposed(recognition::AdjustmentProposed {
        adjustment_id: adjustment_id.clone(),
        adjustment: adjustment.clone(),
        proposed_by: text("ann"),
    }));
    check(include_str!("../golden/accounting_posted_adjustment_proposed.hex"), &proposed);
    let approved = with(OwnFact::AdjustmentApproved(recognition::AdjustmentApproved {
        adjustment_id: adjustment_id.clone(),
        adjustment,
        proposed_by: text("ann"),
        approved_by: text("bob"),
    }));
    check(include_str!("../golden/accounting_posted_adjustment_approved.hex"), &approved);
    let policy = with(OwnFact::PolicySet(recognition::PolicyVersion {
        version: 2,
        effective_from: date("2026-07-01"),
        policy: Some(recognition::Policy {
            convention: contract::Convention::EvenMonths.into(),
            rounding: contract::Rounding::FloorLast.into(),
            receivable_on: contract::ReceivableOn::Due.into(),
            standard: recognition::AccountingStandard::Ifrs15.into(),
            expedients: Some(recognition::Expedients {
                right_to_invoice: true,
                one_year: true,
                royalty: true,
                series_variable: true,
            }),
        }),
        reason: text("as the group does"),
        set_by: text("ann"),
    }));
    check(include_str!("../golden/accounting_posted_policy_set.hex"), &policy);
    let rejected = with(OwnFact::AdjustmentRejected(recognition::AdjustmentRejected {
        adjustment_id,
        rejected_by: text("bob"),
        reason: text("no document"),
    }));
    check(include_str!("../golden/accounting_posted_adjustment_rejected.hex"), &rejected);
    let mut late = posted();
    late.movements[0].late_of = date("2026-01-15");
    check(include_str!("../golden/accounting_posted_late.hex"), &late);
}
