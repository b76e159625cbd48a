//! The journal: accounts, rates, trial balances and exports.

use backlog_proto::recognition::v1 as recognition;
use backlog_tests::story::date;

use super::reads::seen;
use super::{Subject, encoded};

pub(crate) fn set_account_mapping(subject: &Subject) -> Vec<Vec<u8>> {
    let revenue = recognition::AccountAssignment {
        role: recognition::AccountRole::Revenue.into(),
        account_code: "4000".to_owned(),
    };
    encoded(&[recognition::SetAccountMappingRequest {
        request_id: subject.request_id.clone(),
        mapping: Some(recognition::AccountMapping {
            accounts: vec![revenue],
            unbilled_receivable: true,
            on: Some(date(2026, 1, 1)),
        }),
        validate_only: subject.dry,
    }])
}

pub(crate) fn get_account_mapping(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetAccountMappingRequest { min_positions: seen() }])
}

pub(crate) fn set_exchange_rate(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::SetExchangeRateRequest {
        request_id: subject.request_id.clone(),
        rate: Some(recognition::ExchangeRate {
            from_currency_code: "EUR".to_owned(),
            to_currency_code: "USD".to_owned(),
            kind: recognition::RateKind::Closing.into(),
            on: Some(date(2026, 12, 31)),
            rate: "1.08".to_owned(),
        }),
        validate_only: subject.dry,
    }])
}

pub(crate) fn get_trial_balance(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetTrialBalanceRequest {
        period: "2026-01".to_owned(),
        functional: true,
        contract_id: subject.contract.clone(),
        min_positions: seen(),
    }])
}

pub(crate) fn export_journal(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ExportJournalRequest {
        request_id: subject.request_id.clone(),
        period: "2026-01".to_owned(),
        min_positions: seen(),
    }])
}

pub(crate) fn read_journal(subject: &Subject) -> Vec<Vec<u8>> {
    let batch_id = subject.batch.clone();
    let form = recognition::JournalForm::Detail.into();
    encoded(&[recognition::ReadJournalRequest { batch_id, form }])
}

pub(crate) fn list_journal_exports(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ListJournalExportsRequest {
        period: "2026-01".to_owned(),
        page_size: subject.page_size,
        page_token: String::new(),
    }])
}
