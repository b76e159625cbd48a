//! Contracts that are accounted for as one.

use backlog_proto::recognition::v1 as recognition;
use backlog_tests::story::date;

use super::reads::seen;
use super::{Subject, encoded};

pub(crate) fn combine_contracts(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::CombineContractsRequest {
        request_id: subject.request_id.clone(),
        combination: Some(recognition::Combination {
            contract_ids: vec![subject.contract.clone(), subject.partner.clone()],
            on: Some(date(2026, 3, 1)),
            criterion: recognition::CombinationCriterion::SingleObjective.into(),
            reason: "negotiated together".to_owned(),
        }),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn list_combination_proposals(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ListCombinationProposalsRequest {
        customer: subject.customer.clone(),
        within_days: 7,
        page_size: subject.page_size,
        page_token: String::new(),
        min_positions: seen(),
    }])
}
