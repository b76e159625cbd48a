//! Requests and answers of roll-forwards, between the wire and the domain.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money};
use backlog_proto::Fields;
use backlog_proto::convert::{DateSpan, Position};
use backlog_proto::reporting::v1 as pb;
use backlog_service_kit::InvalidFields;

use super::roll_forward::RollForward;
use crate::reading::{Included, ReadFault, Scope};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) period: DateSpan,
    pub(crate) scope: Scope,
    pub(crate) min_positions: Vec<Position>,
}

/// What the database answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) included: Included,
    pub(crate) by_currency: BTreeMap<Currency, RollForward>,
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn query(request: &pb::GetRollForwardRequest) -> Result<Query, InvalidFields> {
    let mut fields = Fields::new();
    let period = fields.range("period", request.period.as_ref());
    let scope = Scope::parse(&request.known_at, request.filter.as_ref(), &mut fields);
    let min_positions = fields.positions("min_positions", &request.min_positions);
    fields.finish().map_err(InvalidFields)?;
    match (period, scope, min_positions) {
        (Some(period), Some(scope), Some(min_positions)) => {
            Ok(Query { period, scope, min_positions })
        }
        _ => Err(InvalidFields(Vec::new())),
    }
}

/// Renders an answer. Errors when a figure leaves its range.
pub(crate) fn response(report: &Report) -> Result<pb::GetRollForwardResponse, ReadFault> {
    let rendered = report.by_currency.iter().map(|(currency, roll)| one(*currency, roll));
    let roll_forwards = rendered.collect::<Option<_>>();
    Ok(pb::GetRollForwardResponse {
        roll_forwards: roll_forwards
            .ok_or_else(|| ReadFault::Internal("a sum leaves its range".to_owned()))?,
        watermark: Some(report.included.into()),
    })
}

fn one(currency: Currency, roll: &RollForward) -> Option<pb::RollForward> {
    let money = |minor| Some(Money::from_minor(minor, currency).into());
    let changes = roll.changes.iter().filter(|(_, amount)| **amount != 0);
    Some(pb::RollForward {
        opening: money(roll.opening),
        changes: changes
            .map(|(cause, amount)| pb::CauseAmount { cause: *cause, amount: money(*amount) })
            .collect(),
        closing: money(roll.closing),
        unexplained: money(roll.unexplained()?),
    })
}
