//! Requests and answers of backlog, between the wire and the domain.

use std::collections::BTreeMap;

use backlog_money::{Currency, Money};
use backlog_proto::Fields;
use backlog_proto::convert::Position;
use backlog_proto::reporting::v1 as pb;
use backlog_recognition_engine::Balances;
use backlog_service_kit::InvalidFields;
use chrono::NaiveDate;

use super::balances::{OpenMonth, Sums, balances};
use crate::reading::{Included, ReadFault, Scope, dimension_name};

/// Dimensions to group by at most.
const GROUP_BY_MAX: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) as_of: NaiveDate,
    pub(crate) scope: Scope,
    pub(crate) group_by: Vec<String>,
    pub(crate) min_positions: Vec<Position>,
}

/// What the database answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) included: Included,
    pub(crate) groups: BTreeMap<(Vec<String>, Currency), Group>,
}

/// The figures of one group in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) sums: Sums,
    pub(crate) contracts: u64,
    pub(crate) open_months: Vec<OpenMonth>,
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn query(request: &pb::GetBacklogRequest) -> Result<Query, InvalidFields> {
    let mut fields = Fields::new();
    let as_of = fields.date("as_of", request.as_of.as_ref());
    let scope = Scope::parse(&request.known_at, request.filter.as_ref(), &mut fields);
    if request.group_by.len() > GROUP_BY_MAX {
        fields.violation("group_by", format!("must have at most {GROUP_BY_MAX} names"));
    } else {
        for (index, name) in request.group_by.iter().enumerate() {
            let field = format!("group_by[{index}]");
            dimension_name(&field, name, &mut fields);
            if request.group_by.iter().take(index).any(|earlier| earlier == name) {
                fields.violation(field, "must not name a dimension twice");
            }
        }
    }
    let min_positions = fields.positions("min_positions", &request.min_positions);
    fields.finish().map_err(InvalidFields)?;
    match (as_of, scope, min_positions) {
        (Some(as_of), Some(scope), Some(min_positions)) => {
            Ok(Query { as_of, scope, group_by: request.group_by.clone(), min_positions })
        }
        _ => Err(InvalidFields(Vec::new())),
    }
}

/// Renders an answer. Errors when a figure leaves its range.
pub(crate) fn response(
    as_of: NaiveDate,
    report: &Report,
) -> Result<pb::GetBacklogResponse, ReadFault> {
    let rows = report.groups.iter().map(|((group, currency), figures)| {
        let accrued = figures
            .open_months
            .iter()
            .try_fold(0_i128, |sum, open| sum.checked_add(open.accrued(as_of)?));
        let at = accrued.and_then(|accrued| balances(&figures.sums, accrued));
        let at = at.ok_or_else(|| ReadFault::Internal("a sum leaves its range".to_owned()))?;
        let balances = Some(rendered(&at, *currency, figures.contracts));
        Ok(pb::BacklogRow { group: group.clone(), balances })
    });
    Ok(pb::GetBacklogResponse {
        rows: rows.collect::<Result<_, ReadFault>>()?,
        watermark: Some(report.included.into()),
        as_of: Some(as_of.into()),
    })
}

fn rendered(at: &Balances, currency: Currency, contract_count: u64) -> pb::Balances {
    let money = |minor| Some(Money::from_minor(minor, currency).into());
    pb::Balances {
        transaction_price: money(at.transaction_price),
        beyond_enforceable: money(at.beyond_enforceable),
        tcv: money(at.tcv),
        recognized: money(at.recognized),
        backlog: money(at.backlog),
        firm_backlog: money(at.firm),
        billed: money(at.billed),
        conditional_billing: money(at.conditional_billing),
        unbilled_backlog: money(at.unbilled_backlog),
        deferred_revenue: money(at.deferred_revenue),
        contract_asset: money(at.contract_asset),
        refund_liability: money(at.refund_liability),
        receivable: money(at.receivable),
        recognized_accrued: money(at.recognized_accrued),
        backlog_accrued: money(at.backlog_accrued),
        contract_count,
        cash: money(at.cash),
        interest: money(at.interest),
        potential: money(at.potential),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that everything wrong with a request is told at once, each under its own path, and that a
    // sound one with every part is read whole.
    #[test]
    fn requests_are_read_or_refused_whole() {
        let date = |text: &str| Some(text.parse::<NaiveDate>().unwrap().into());
        let mut request = pb::GetBacklogRequest {
            as_of: date("2026-01-31"),
            filter: Some(pb::ReportFilter {
                currency_code: "USD".to_owned(),
                dimensions: [("region".to_owned(), "EMEA".to_owned())].into(),
                ..pb::ReportFilter::default()
            }),
            group_by: vec!["customer".to_owned(), "region".to_owned()],
            ..pb::GetBacklogRequest::default()
        };
        let query_of = query(&request).unwrap();
        assert_eq!(query_of.group_by, ["customer", "region"]);
        assert_eq!(query_of.scope.dimensions, [("region".to_owned(), "EMEA".to_owned())]);
        request.as_of = None;
        request.group_by = vec!["region".to_owned(), "Region".to_owned(), "region".to_owned()];
        request.filter = Some(pb::ReportFilter {
            contract_id: "ctr_1".to_owned(),
            currency_code: "usd".to_owned(),
            dimensions: [("r;drop".to_owned(), "\0".to_owned())].into(),
            ..pb::ReportFilter::default()
        });
        let wrong: Vec<String> =
            query(&request).unwrap_err().0.into_iter().map(|violation| violation.field).collect();
        assert_eq!(
            wrong,
            [
                "as_of",
                "filter.contract_id",
                "filter.dimensions",
                "filter.dimensions[r;drop]",
                "filter.currency_code",
                "group_by[1]",
                "group_by[2]",
            ]
        );
    }
}
