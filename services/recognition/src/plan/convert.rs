//! Requests and answers of plans, between the wire and the domain.

use backlog_ids::ContractId;
use backlog_money::Currency;
use backlog_proto::common::v1::{Log, Watermark};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{EngineError, ObligationState, plan};
use backlog_service_kit::error::InvalidFields;

use super::queries::Planned;
use crate::accounting::convert::money;
use crate::run::convert::min_positions;

/// Parses a request, collecting everything that is wrong with it.
///
/// # Errors
/// All violations.
pub fn plan_request(
    request: &pb::GetPlanRequest,
) -> Result<(ContractId, Vec<Position>), InvalidFields> {
    let mut fields = Fields::new();
    let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    contract.zip(positions).ok_or_else(|| InvalidFields(Vec::new()))
}

/// Renders a plan. Errors when an amount leaves its range, which stored ones never do.
pub(crate) fn plan_response(planned: &Planned) -> Result<pb::GetPlanResponse, EngineError> {
    let render = |obligation| obligation_plan(obligation, planned.currency);
    let position = |log, seq| Position { log, seq }.into();
    Ok(pb::GetPlanResponse {
        obligations: planned.obligations.iter().map(render).collect::<Result<_, _>>()?,
        watermark: Some(Watermark {
            positions: vec![
                position(Log::Contract, planned.contract_seq),
                position(Log::Recognition, planned.recognition_seq),
            ],
            recognized_through: planned.recognized_through.map(Into::into),
        }),
    })
}

fn obligation_plan(
    obligation: &ObligationState,
    currency: Currency,
) -> Result<pb::ObligationPlan, EngineError> {
    let months = plan(obligation)?.into_iter().map(|planned| pb::PlannedMonth {
        month: Some(planned.month.into()),
        amount: Some(money(planned.amount, currency)),
    });
    Ok(pb::ObligationPlan {
        obligation_id: obligation.id.to_string(),
        key: obligation.key.clone(),
        transaction_price: Some(money(obligation.transaction_price, currency)),
        recognized: Some(money(obligation.recognized, currency)),
        months: months.collect(),
    })
}
