//! Requests and answers of explanations and previews, between the wire and the domain.

mod answers;

use backlog_ids::{ContractId, ObligationId};
use backlog_proto::common::v1::Log;
use backlog_proto::convert::{DateSpan, Position};
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{Line, Preview, warnings};
use backlog_service_kit::error::InvalidFields;
use chrono::NaiveDate;
use prost::Message;

use self::answers::{explained_fact, preview_alternative, warning};
use super::history::{History, Told};
use super::preview::Change;
use super::queries::Reach;
use crate::plan::convert::watermark;
use crate::run::convert::min_positions;

/// Facts a page at most.
const PAGE_MAX: usize = 500;

/// Longest event that a preview is made from.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// What of a contract is to be explained.
#[derive(Debug)]
pub(crate) struct ExplainQuery {
    pub(crate) contract: ContractId,
    obligation: Option<ObligationId>,
    period: Option<(NaiveDate, NaiveDate)>,
    page_size: usize,
    pub(crate) positions: Vec<Position>,
}

/// A change to be previewed.
#[derive(Debug)]
pub(crate) struct PreviewQuery {
    pub(crate) change: Change,
    pub(crate) run_through: Option<NaiveDate>,
    pub(crate) positions: Vec<Position>,
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn explain_query(
    request: &pb::ExplainContractRequest,
) -> Result<ExplainQuery, InvalidFields> {
    let mut fields = Fields::new();
    let contract = fields.id::<ContractId>("contract_id", &request.contract_id);
    let obligation = fields.optional_id::<ObligationId>("obligation_id", &request.obligation_id);
    let period = match &request.period {
        None => Some(None),
        Some(range) => {
            fields.range("period", Some(range)).map(|DateSpan { from, to }| Some((from, to)))
        }
    };
    let size = fields.page_size("page_size", request.page_size);
    let positions = min_positions(&request.min_positions, &mut fields);
    fields.finish().map_err(InvalidFields)?;
    let query = || {
        Some(ExplainQuery {
            contract: contract?,
            obligation,
            period: period?,
            page_size: size?.min(PAGE_MAX),
            positions: positions?,
        })
    };
    query().ok_or_else(|| InvalidFields(Vec::new()))
}

/// Parses a request, collecting everything that is wrong with it.
pub(crate) fn preview_query(
    request: &pb::PreviewChangeRequest,
) -> Result<PreviewQuery, InvalidFields> {
    let mut fields = Fields::new();
    let event_type = fields.text("event_type", &request.event_type, 1, 100);
    let run_through = match &request.run_through {
        None => Some(None),
        day => fields.date("run_through", day.as_ref()).map(Some),
    };
    let positions = min_positions(&request.min_positions, &mut fields);
    let change = match request.event.len() {
        0..=EVENT_BYTES_MAX => event_type.and_then(|of| Change::read(&of, &request.event)),
        _ => None,
    };
    if change.is_none() {
        let sentence = "must be what SignContract, AmendContract or TerminateContract answered to \
                        validate_only";
        fields.violation("event", sentence);
    }
    fields.finish().map_err(InvalidFields)?;
    let (Some(change), Some(run_through), Some(positions)) = (change, run_through, positions)
    else {
        return Err(InvalidFields(Vec::new()));
    };
    Ok(PreviewQuery { change, run_through, positions })
}

impl ExplainQuery {
    /// Everything that decides which facts are answered.
    pub(crate) fn filter(&self) -> Vec<u8> {
        let range = self.period.map(|(from, to)| backlog_proto::common::v1::DateRange {
            from: Some(from.into()),
            to: Some(to.into()),
        });
        pb::ExplainContractRequest {
            contract_id: self.contract.to_string(),
            obligation_id: self.obligation.map(|id| id.to_string()).unwrap_or_default(),
            period: range,
            ..pb::ExplainContractRequest::default()
        }
        .encode_to_vec()
    }

    fn takes(&self, line: &Line) -> bool {
        let on = line.movement.effective_date;
        let within = self.period.is_none_or(|(from, to)| (from..=to).contains(&on));
        within && self.obligation.is_none_or(|id| line.movement.obligation == Some(id))
    }
}

/// The facts of one answer, with the movements that were asked for.
#[derive(Debug)]
pub(crate) struct Page {
    told: Vec<Told>,
    /// Where the last one was accounted for; none on the last page.
    pub(crate) last: Option<u64>,
}

impl Page {
    /// The facts accounted for after a place. Without a filter, also those that moved nothing.
    pub(crate) fn of(query: &ExplainQuery, history: &History, after: u64) -> Self {
        let filtered = query.obligation.is_some() || query.period.is_some();
        let mut told: Vec<Told> = Vec::new();
        for fact in history.told.iter().filter(|told| told.posted > after) {
            let mut fact = fact.clone();
            fact.explained.lines.retain(|line| query.takes(line));
            if filtered && fact.explained.lines.is_empty() {
                continue;
            }
            // What was accounted for together stays together.
            let last = told.last().map(|told| told.posted).filter(|last| *last != fact.posted);
            if told.len() >= query.page_size && last.is_some() {
                return Self { told, last };
            }
            told.push(fact);
        }
        Self { told, last: None }
    }
}

/// Renders a page; none when an amount leaves its range, which posted ones never do.
pub(crate) fn explain_response(
    query: &ExplainQuery,
    history: &History,
    page: &Page,
    reach: &Reach,
) -> Option<pb::ExplainContractResponse> {
    let state = history.explainer.state()?;
    let render = |told: &Told| {
        let fact = explained_fact(&told.explained, state.currency)?;
        Some(pb::ExplainedFact {
            source: Some(told.source.into()),
            posted: Some(Position { log: Log::Recognition, seq: told.posted }.into()),
            contract_id: told.contract.to_string(),
            ..fact
        })
    };
    let as_of = query.period.map_or(NaiveDate::MAX, |(_, to)| to);
    let found = warnings(state, as_of);
    let found = found.iter().filter(|of| query.obligation.is_none_or(|id| of.obligation == id));
    Some(pb::ExplainContractResponse {
        facts: page.told.iter().map(render).collect::<Option<_>>()?,
        next_page_token: String::new(),
        warnings: found.map(|of| warning(of, state)).collect(),
        watermark: Some(watermark(
            reach.contract_seq,
            reach.recognition_seq,
            reach.recognized_through,
        )),
    })
}

/// Renders previews; none when an amount leaves its range.
pub(crate) fn preview_response(
    previews: &[Preview],
    reach: &Reach,
) -> Option<pb::PreviewChangeResponse> {
    let alternatives = previews.iter().map(preview_alternative).collect::<Option<_>>()?;
    Some(pb::PreviewChangeResponse {
        alternatives,
        watermark: Some(watermark(
            reach.contract_seq,
            reach.recognition_seq,
            reach.recognized_through,
        )),
    })
}
