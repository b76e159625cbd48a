//! What-ifs.

use backlog_proto::contract::v1 as contract;
use backlog_proto::recognition::v1 as recognition;
use backlog_tests::story::date;

use super::reads::seen;
use super::{Subject, encoded};

pub(crate) fn start_what_if(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::StartWhatIfRequest {
        request_id: subject.request_id.clone(),
        label: "half months".to_owned(),
        policy: Some(recognition::WhatIfPolicy {
            convention: contract::Convention::HalfMonth.into(),
            rounding: contract::Rounding::FloorLast.into(),
            receivable_on: contract::ReceivableOn::Due.into(),
        }),
        from: Some(date(2030, 1, 1)),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn get_what_if(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetWhatIfRequest { what_if_id: subject.what_if.clone() }])
}

pub(crate) fn list_what_ifs(subject: &Subject) -> Vec<Vec<u8>> {
    let page_token = String::new();
    encoded(&[recognition::ListWhatIfsRequest { page_size: subject.page_size, page_token }])
}

pub(crate) fn delete_what_if(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::DeleteWhatIfRequest {
        what_if_id: subject.what_if.clone(),
        validate_only: subject.dry,
    }])
}
