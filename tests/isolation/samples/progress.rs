//! Progress, estimates and adjustments.

use backlog_proto::common::v1::ContractCriterion;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::recognition::v1::estimate_change::Estimate;
use backlog_proto::recognition::v1::progress::Reading;
use backlog_tests::story::{date, usd};

use super::reads::seen;
use super::{Subject, encoded};

pub(crate) fn report_progress(subject: &Subject) -> Vec<Vec<u8>> {
    let report = |reading| recognition::ReportProgressRequest {
        request_id: subject.request_id.clone(),
        progress: Some(recognition::Progress {
            contract_id: subject.contract.clone(),
            obligation_id: subject.measured.clone(),
            on: Some(date(2026, 2, 1)),
            reading: Some(reading),
            evidence: "minutes".to_owned(),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    };
    let text = |text: &str| text.to_owned();
    encoded(&[
        report(Reading::Percent(text("12.5"))),
        report(Reading::Units(text("3"))),
        report(Reading::Hours(text("1.5"))),
        report(Reading::Cost(recognition::CostReading {
            cost: Some(usd("20.00")),
            estimate_at_completion: Some(usd("80.00")),
            uninstalled: Some(usd("5.00")),
        })),
        report(Reading::Usage(recognition::UsageReading {
            quantity: text("100"),
            amount: Some(usd("1.50")),
        })),
        report(Reading::Milestone(text("design"))),
        report(Reading::Delivery(recognition::Delivery {
            quantity: text("1"),
            gate: text("shipment"),
        })),
        report(Reading::ExercisedShare(text("0.5"))),
        report(Reading::Expired(true)),
    ])
}

pub(crate) fn change_estimate(subject: &Subject) -> Vec<Vec<u8>> {
    let change = |estimate| recognition::ChangeEstimateRequest {
        request_id: subject.request_id.clone(),
        change: Some(recognition::EstimateChange {
            contract_id: subject.contract.clone(),
            on: Some(date(2026, 2, 1)),
            estimate: Some(estimate),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    };
    encoded(&[
        change(Estimate::Variable(recognition::VariableEstimate {
            id: "bonus".to_owned(),
            estimate: Some(usd("10.00")),
            included: Some(usd("5.00")),
        })),
        change(Estimate::Cost(recognition::CostEstimate {
            obligation_id: subject.measured.clone(),
            estimate_at_completion: Some(usd("90.00")),
        })),
        change(Estimate::Exercise(recognition::ExerciseEstimate {
            obligation_id: subject.measured.clone(),
            expected_share: "0.9".to_owned(),
        })),
    ])
}

pub(crate) fn hold_revenue(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::HoldRevenueRequest {
        request_id: subject.request_id.clone(),
        hold: Some(recognition::Hold {
            contract_id: subject.contract.clone(),
            obligation_id: subject.obligation.clone(),
            on: Some(date(2026, 2, 1)),
            released: true,
            reason: "the customer confirmed".to_owned(),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn reassess_contract(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ReassessContractRequest {
        request_id: subject.request_id.clone(),
        assessment: Some(recognition::Assessment {
            contract_id: subject.unlikely.clone(),
            on: Some(date(2026, 2, 1)),
            unmet: vec![ContractCriterion::Collection.into()],
            reason: "still nothing paid".to_owned(),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn adjust_revenue(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::AdjustRevenueRequest {
        request_id: subject.request_id.clone(),
        adjustment: Some(recognition::Adjustment {
            contract_id: subject.contract.clone(),
            obligation_id: subject.obligation.clone(),
            on: Some(date(2026, 2, 1)),
            amount: Some(usd("-1.00")),
            reason: "an error".to_owned(),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}
