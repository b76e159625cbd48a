//! Versions of the policy.

use backlog_proto::contract::v1 as contract;
use backlog_proto::recognition::v1 as recognition;
use backlog_tests::story::date;

use super::reads::seen;
use super::{Subject, encoded};

pub(crate) fn set_policy(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::SetPolicyRequest {
        request_id: subject.request_id.clone(),
        policy: Some(recognition::Policy {
            convention: contract::Convention::HalfMonth.into(),
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
        effective_from: Some(date(2029, 1, 1)),
        reason: "as the group does".to_owned(),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn get_policy(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetPolicyRequest { on: Some(date(2026, 1, 1)), min_positions: seen() }])
}

pub(crate) fn list_policies(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ListPoliciesRequest { min_positions: seen() }])
}
