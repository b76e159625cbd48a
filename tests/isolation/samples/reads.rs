//! Runs, plans, reports, the audit trail and logs.

use backlog_proto::common::v1::{Log, LogPosition};
use backlog_proto::contract::v1 as contract;
use backlog_proto::log::v1 as log;
use backlog_proto::recognition::v1 as recognition;
use backlog_proto::reporting::v1 as reporting;
use backlog_tests::story::date;
use prost::Message;

use super::{Subject, encoded, year};

pub(super) fn seen() -> Vec<LogPosition> {
    vec![LogPosition { log: Log::Contract.into(), seq: 1 }]
}

pub(crate) fn run_recognition(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::RunRecognitionRequest {
        request_id: subject.request_id.clone(),
        through: Some(date(2026, 1, 31)),
        contract_id: subject.contract.clone(),
        min_positions: seen(),
    }])
}

pub(crate) fn stream_run(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::StreamRunRequest {
        request_id: subject.request_id.clone(),
        through: Some(date(2026, 1, 31)),
        contract_id: subject.contract.clone(),
        min_positions: seen(),
    }])
}

pub(crate) fn get_plan(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetPlanRequest {
        contract_id: subject.contract.clone(),
        min_positions: seen(),
    }])
}

pub(crate) fn explain_contract(subject: &Subject) -> Vec<Vec<u8>> {
    let all = recognition::ExplainContractRequest {
        contract_id: subject.contract.clone(),
        page_size: subject.page_size,
        min_positions: seen(),
        ..Default::default()
    };
    let some = recognition::ExplainContractRequest {
        obligation_id: subject.obligation.clone(),
        period: year(),
        ..all.clone()
    };
    encoded(&[all, some])
}

pub(crate) fn preview_change(subject: &Subject) -> Vec<Vec<u8>> {
    let ended = contract::ContractTerminated {
        contract: Some(contract::Contract {
            contract_id: subject.contract.clone(),
            ..contract::Contract::default()
        }),
        termination: Some(contract::Termination {
            effective_on: Some(date(2026, 6, 1)),
            ..contract::Termination::default()
        }),
    };
    encoded(&[recognition::PreviewChangeRequest {
        event_type: "backlog.contract.v1.ContractTerminated".to_owned(),
        event: ended.encode_to_vec(),
        run_through: Some(date(2026, 12, 31)),
        min_positions: seen(),
    }])
}

fn filter(subject: &Subject) -> reporting::ReportFilter {
    reporting::ReportFilter {
        contract_id: subject.contract.clone(),
        obligation_id: subject.obligation.clone(),
        dimensions: [("region".to_owned(), format!("region of {}", subject.customer))].into(),
        currency_code: "USD".to_owned(),
    }
}

pub(crate) fn get_backlog(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[reporting::GetBacklogRequest {
        as_of: Some(date(2026, 1, 31)),
        known_at: vec![LogPosition { log: Log::Contract.into(), seq: 1_000 }],
        filter: Some(filter(subject)),
        group_by: vec!["customer".to_owned(), "region".to_owned()],
        min_positions: seen(),
    }])
}

pub(crate) fn get_roll_forward(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[reporting::GetRollForwardRequest {
        period: year(),
        known_at: vec![LogPosition { log: Log::Contract.into(), seq: 1_000 }],
        filter: Some(filter(subject)),
        min_positions: seen(),
    }])
}

pub(crate) fn list_entries(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[reporting::ListEntriesRequest {
        log: Log::Contract.into(),
        page_size: subject.page_size,
        aggregate_id: subject.contract.clone(),
        min_positions: seen(),
        ..Default::default()
    }])
}

pub(crate) fn get_checkpoint(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[reporting::GetCheckpointRequest { min_positions: seen() }])
}

pub(crate) fn get_inclusion_proof(_: &Subject) -> Vec<Vec<u8>> {
    let log = Log::Contract.into();
    encoded(&[reporting::GetInclusionProofRequest { log, seq: 1, tree_size: 1 }])
}

pub(crate) fn get_consistency_proof(_: &Subject) -> Vec<Vec<u8>> {
    let log = Log::Contract.into();
    encoded(&[reporting::GetConsistencyProofRequest { log, first_size: 1, second_size: 1 }])
}

pub(crate) fn get_processing(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[log::GetProcessingRequest { with_digest: true }])
}

pub(crate) fn resume_processing(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[log::ResumeProcessingRequest { request_id: subject.request_id.clone() }])
}

pub(crate) fn read_log(_: &Subject) -> Vec<Vec<u8>> {
    let all = log::ReadRequest {
        after_seq: 0,
        after_hash: vec![0; 32],
        limit: 1_000,
        only_seqs: Vec::new(),
    };
    encoded(&[all.clone(), log::ReadRequest { only_seqs: vec![1, 2], ..all }])
}
