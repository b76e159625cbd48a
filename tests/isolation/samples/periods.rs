//! Accounting periods, and adjustments that wait for a second person.

use backlog_proto::recognition::v1 as recognition;

use super::reads::seen;
use super::{Subject, encoded};

/// The period that everybody here has closed.
const CLOSED: &str = "2025-12";

/// The one that follows.
const OPEN: &str = "2026-01";

pub(crate) fn close_period(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ClosePeriodRequest {
        request_id: subject.request_id.clone(),
        period: OPEN.to_owned(),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn reopen_period(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ReopenPeriodRequest {
        request_id: subject.request_id.clone(),
        period: CLOSED.to_owned(),
        reason: "an error".to_owned(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn get_period(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetPeriodRequest { period: CLOSED.to_owned(), min_positions: seen() }])
}

pub(crate) fn list_periods(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ListPeriodsRequest { year: 2026, min_positions: seen() }])
}

pub(crate) fn get_close_checklist(_: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::GetCloseChecklistRequest {
        period: OPEN.to_owned(),
        min_positions: seen(),
    }])
}

pub(crate) fn approve_adjustment(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::ApproveAdjustmentRequest {
        request_id: subject.request_id.clone(),
        adjustment_id: subject.adjustment.clone(),
        min_positions: seen(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn reject_adjustment(subject: &Subject) -> Vec<Vec<u8>> {
    encoded(&[recognition::RejectAdjustmentRequest {
        request_id: subject.request_id.clone(),
        adjustment_id: subject.adjustment.clone(),
        reason: "no document".to_owned(),
        validate_only: subject.dry,
    }])
}

pub(crate) fn list_proposed_adjustments(subject: &Subject) -> Vec<Vec<u8>> {
    let all = recognition::ListProposedAdjustmentsRequest {
        page_size: subject.page_size,
        after_adjustment_id: String::new(),
        min_positions: seen(),
    };
    let after = recognition::ListProposedAdjustmentsRequest {
        after_adjustment_id: subject.adjustment.clone(),
        ..all.clone()
    };
    encoded(&[all, after])
}
