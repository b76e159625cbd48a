//! Requests and answers of plans, between the wire and the domain.

use std::collections::BTreeMap;

use backlog_ids::{ContractId, ObligationId};
use backlog_money::Currency;
use backlog_proto::common::v1::{Log, Watermark};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{EngineError, ObligationState, Standing, plan};
use backlog_service_kit::error::InvalidFields;
use chrono::NaiveDate;

use super::queries::Planned;
use crate::accounting::convert::{criterion, money};
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
    let not_yet = planned.standing.not_yet();
    let obligations = match not_yet {
        Some(_) => nothing_planned(&planned.obligations, planned.currency),
        None => plans(&planned.obligations, planned.currency)?,
    };
    Ok(pb::GetPlanResponse {
        obligations,
        watermark: Some(watermark(
            planned.contract_seq,
            planned.recognition_seq,
            planned.recognized_through,
        )),
        not_a_contract: not_yet.map(|why| pb::NotAContract {
            unmet: why.unmet.iter().map(|of| criterion(*of).into()).collect(),
            arises_on: planned.arises_on.map(Into::into),
        }),
        contract_since: match planned.standing {
            Standing::Since(day) => Some(day.into()),
            Standing::Contract | Standing::NotYet(_) => None,
        },
    })
}

/// What is no contract yet has no price, and nothing is planned of it.
fn nothing_planned(obligations: &[ObligationState], currency: Currency) -> Vec<pb::ObligationPlan> {
    let plan = |of: &ObligationState| pb::ObligationPlan {
        obligation_id: of.id.to_string(),
        key: of.key.clone(),
        transaction_price: Some(money(0, currency)),
        recognized: Some(money(0, currency)),
        months: Vec::new(),
    };
    obligations.iter().map(plan).collect()
}

/// What is planned of obligations, in their order.
pub(crate) fn plans(
    obligations: &[ObligationState],
    currency: Currency,
) -> Result<Vec<pb::ObligationPlan>, EngineError> {
    let mut plans: Vec<ObligationPlan> = Vec::new();
    for obligation in obligations {
        // What later additions promised more of an obligation is a state of its own.
        match plans.iter_mut().find(|plan| plan.id == obligation.id) {
            Some(plan) => plan.more(obligation)?,
            None => plans.push(ObligationPlan::of(obligation)?),
        }
    }
    Ok(plans.iter().map(|plan| plan.render(currency)).collect())
}

/// What an answer includes.
pub(crate) fn watermark(
    contract_seq: u64,
    recognition_seq: u64,
    recognized_through: Option<NaiveDate>,
) -> Watermark {
    let position = |log, seq| Position { log, seq }.into();
    Watermark {
        positions: vec![
            position(Log::Contract, contract_seq),
            position(Log::Recognition, recognition_seq),
        ],
        recognized_through: recognized_through.map(Into::into),
    }
}

/// An obligation as its readers know it. Amounts in minor units.
struct ObligationPlan {
    id: ObligationId,
    key: String,
    transaction_price: i128,
    recognized: i128,
    months: BTreeMap<NaiveDate, i128>,
}

impl ObligationPlan {
    fn of(obligation: &ObligationState) -> Result<Self, EngineError> {
        let mut of = Self {
            id: obligation.id,
            key: obligation.key.clone(),
            transaction_price: 0,
            recognized: 0,
            months: BTreeMap::new(),
        };
        of.more(obligation)?;
        Ok(of)
    }

    /// Adds a state of the same obligation. Stored amounts are far from where sums end.
    fn more(&mut self, obligation: &ObligationState) -> Result<(), EngineError> {
        self.transaction_price =
            self.transaction_price.saturating_add(obligation.transaction_price);
        self.recognized = self.recognized.saturating_add(obligation.recognized);
        for planned in plan(obligation)? {
            let amount = self.months.entry(planned.month).or_default();
            *amount = amount.saturating_add(planned.amount);
        }
        Ok(())
    }

    fn render(&self, currency: Currency) -> pb::ObligationPlan {
        let months = self.months.iter().map(|(month, amount)| pb::PlannedMonth {
            month: Some((*month).into()),
            amount: Some(money(*amount, currency)),
        });
        pb::ObligationPlan {
            obligation_id: self.id.to_string(),
            key: self.key.clone(),
            transaction_price: Some(money(self.transaction_price, currency)),
            recognized: Some(money(self.recognized, currency)),
            months: months.collect(),
        }
    }
}
