//! Promises of every method, few enough a contract that everything wrong with one fits an answer.

use backlog_proto::common::v1::ContractCriterion;
use backlog_proto::contract::v1 as contract;
use backlog_proto::contract::v1::milestone::Weight;
use backlog_proto::contract::v1::obligation_terms::Method;
use backlog_tests::story::{date, usd};

use super::year;

fn promise(key: &str, method: Method) -> contract::ObligationTerms {
    contract::ObligationTerms {
        key: key.to_owned(),
        price: Some(usd("1200.00")),
        method: Some(method),
        ..Default::default()
    }
}

fn milestone(id: &str, weight: Weight) -> contract::Milestone {
    contract::Milestone { id: id.to_owned(), weight: Some(weight) }
}

/// Earned by what is delivered, reached and spent.
pub(super) fn deliveries() -> Vec<contract::ObligationTerms> {
    let gates = vec!["shipment".to_owned()];
    let range = contract::MoneyRange { low: Some(usd("1000.00")), high: Some(usd("1500.00")) };
    let milestones = vec![
        milestone("design", Weight::Share("0.25".to_owned())),
        milestone("build", Weight::Amount(usd("900.00"))),
    ];
    let estimate_at_completion = Some(usd("800.00"));
    let right = contract::MaterialRight {
        expected_share: "0.8".to_owned(),
        expires_on: Some(date(2026, 12, 31)),
        exercise_price: Some(usd("50.00")),
    };
    vec![
        contract::ObligationTerms {
            price: None,
            quantity: "2".to_owned(),
            unit_price: "600.5".to_owned(),
            ssp_range: Some(Box::new(range)),
            ..promise("goods", Method::PointInTime(contract::PointInTime { gates }))
        },
        promise("project", Method::Milestones(contract::Milestones { milestones })),
        promise("works", Method::CostToCost(contract::CostToCost { estimate_at_completion })),
        contract::ObligationTerms {
            price: None,
            ssp: Some(usd("120.00")),
            ..promise("voucher", Method::MaterialRight(right))
        },
        contract::ObligationTerms {
            price: None,
            renewal: Some(Box::new(contract::RenewalOption {
                expected_share: "0.9".to_owned(),
                expires_on: Some(date(2026, 12, 31)),
                exercise_price: Some(usd("1100.00")),
            })),
            ..promise("next", Method::PercentComplete(contract::PercentComplete {}))
        },
    ]
}

/// Earned by what is counted and metered.
pub(super) fn measures() -> Vec<contract::ObligationTerms> {
    let total = || "100.5".to_owned();
    vec![
        promise("units", Method::Units(contract::Units { total: total() })),
        promise("hours", Method::LaborHours(contract::LaborHours { total: total() })),
        contract::ObligationTerms {
            price: None,
            unit_price: "0.015".to_owned(),
            ..promise(
                "calls",
                Method::Usage(contract::Usage {
                    minimum: Some(usd("60.00")),
                    cap: Some(usd("600.00")),
                }),
            )
        },
        contract::ObligationTerms {
            price: None,
            unit_price: "100".to_owned(),
            ..promise(
                "work",
                Method::RightToInvoice(contract::RightToInvoice { cap: Some(usd("900.00")) }),
            )
        },
    ]
}

/// A right to end a contract early.
pub(super) fn clause() -> contract::TerminationClause {
    contract::TerminationClause {
        by: contract::ClauseParty::Customer.into(),
        notice_days: 30,
        penalty: Some(usd("5.00")),
        from: Some(date(2026, 2, 1)),
        to: Some(date(2026, 11, 30)),
    }
}

/// That it is unlikely to be paid.
pub(crate) fn unlikely() -> contract::UnmetCriteria {
    contract::UnmetCriteria {
        criteria: vec![ContractCriterion::Collection.into()],
        reason: "the customer is new".to_owned(),
    }
}

/// Terms with each of these, the second with a variable amount and a discount of its own.
pub(super) fn varied() -> [contract::ContractTerms; 2] {
    let of = |obligations| contract::ContractTerms {
        customer: "sample".to_owned(),
        term: year(),
        currency_code: "USD".to_owned(),
        obligations,
        ..Default::default()
    };
    let variable = contract::VariableConsideration {
        id: "bonus".to_owned(),
        estimate: Some(usd("100.00")),
        included: Some(usd("50.00")),
        kind: contract::VariableKind::MostLikely.into(),
        applies_to: vec!["units".to_owned()],
        period: None,
    };
    let discount = contract::DiscountScope {
        obligations: vec!["hours".to_owned()],
        amount: Some(usd("10.00")),
    };
    [
        of(deliveries()),
        contract::ContractTerms {
            variables: vec![variable],
            discount: Some(discount),
            clauses: vec![clause()],
            financing_rate: "0.06".to_owned(),
            unmet: Some(unlikely()),
            ..of(measures())
        },
    ]
}
