//! What recognition events tell: movements and plan changes, as rows.

use std::collections::{BTreeMap, BTreeSet};

use backlog_ids::{AccountingContractId, ContractId, ObligationId};
use backlog_money::Currency;
use backlog_proto::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::convert::{amount, decode, finished, first_of_month, last_of_month};
use super::error::ProjectionError;

/// Full name of the one message that recognition writes.
const ACCOUNTING_POSTED: &str = "backlog.recognition.v1.AccountingPosted";

/// The pseudo-measures under which rollups by segment hold plan rows, how many contracts were booked,
/// and how many in the segment.
pub(crate) const PLAN_DUE: i16 = 64;
pub(crate) const CONTRACTS: i16 = 65;
pub(crate) const SEGMENT_CONTRACTS: i16 = 66;

/// A contract as accounting refers to it.
#[derive(Debug, Clone)]
pub(crate) struct KnownContract {
    pub(crate) currency: Currency,
    /// The segment of measures of the whole contract.
    pub(crate) segment: Uuid,
    /// The segments of its obligations.
    pub(crate) obligations: BTreeMap<ObligationId, Uuid>,
}

/// What one entry of the recognition log adds.
#[derive(Debug)]
pub(crate) struct Accounting {
    pub(crate) covered: u64,
    pub(crate) movements: Vec<MovementRow>,
    pub(crate) plan: Vec<PlanRow>,
    /// The last day of a run over all contracts that this entry ends.
    pub(crate) run_through: Option<NaiveDate>,
}

/// A row of the ledger of movements. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovementRow {
    pub(crate) source_seq: u64,
    pub(crate) ordinal: i32,
    pub(crate) contract: Uuid,
    pub(crate) accounting_contract: Uuid,
    /// Nil for measures of the whole accounting contract.
    pub(crate) obligation: Uuid,
    pub(crate) segment: Uuid,
    pub(crate) cause: i16,
    pub(crate) measure: i16,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) effective_date: NaiveDate,
    pub(crate) posting_period: NaiveDate,
    pub(crate) service_month: Option<NaiveDate>,
    pub(crate) rule_version: u32,
    pub(crate) policy_version: u32,
    /// 1 on the row that counts its contract as booked.
    pub(crate) contracts: i16,
    /// 1 on the row that counts its contract as booked in its segment.
    pub(crate) segment_contracts: i16,
    pub(crate) recorded_at: DateTime<Utc>,
}

/// A row of the ledger of plan changes. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanRow {
    pub(crate) source_seq: u64,
    pub(crate) ordinal: i32,
    pub(crate) contract: Uuid,
    pub(crate) obligation: Uuid,
    pub(crate) segment: Uuid,
    pub(crate) month: NaiveDate,
    pub(crate) service_from: NaiveDate,
    pub(crate) service_to: NaiveDate,
    /// Whether time alone earns it, so that it accrues by its days.
    pub(crate) timed: bool,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) effective_date: NaiveDate,
    pub(crate) recorded_at: DateTime<Utc>,
}

impl PlanRow {
    /// The day from whose end on the row is earned in full.
    pub(crate) fn due_date(&self) -> NaiveDate {
        last_of_month(self.month).max(self.effective_date)
    }

    /// Whether `next` is the next change to the same obligation by the same event.
    pub(crate) fn goes_on(&self, next: &Self) -> bool {
        self.source_seq == next.source_seq
            && self.ordinal.checked_add(1) == Some(next.ordinal)
            && self.contract == next.contract
            && self.obligation == next.obligation
            && self.effective_date == next.effective_date
            && self.timed == next.timed
    }

    /// Whether the row takes effect after its month.
    pub(crate) fn is_late(&self) -> bool {
        self.effective_date > last_of_month(self.month)
    }
}

/// Reads the accounting in an entry of the recognition log.
pub(crate) fn posted(entry: &LogEntry) -> Result<pb::AccountingPosted, ProjectionError> {
    if entry.r#type == ACCOUNTING_POSTED {
        decode(entry)
    } else {
        Err(ProjectionError::UnknownType(entry.r#type.clone()))
    }
}

/// The contracts that an entry of the recognition log names, as far as it can be read.
pub(crate) fn contracts_named(entry: &LogEntry) -> BTreeSet<ContractId> {
    let Ok(posted) = posted(entry) else { return BTreeSet::new() };
    let movements = posted.movements.iter().map(|movement| &movement.contract_id);
    let changes = posted.plan_changes.iter().map(|change| &change.contract_id);
    movements.chain(changes).filter_map(|id| id.parse().ok()).collect()
}

/// Makes rows of what an entry of the recognition log says. `known` finds a contract.
pub(crate) fn accounting<'a>(
    entry: &LogEntry,
    recorded_at: DateTime<Utc>,
    known: impl Fn(ContractId) -> Option<&'a KnownContract>,
) -> Result<Accounting, ProjectionError> {
    let event = posted(entry)?;
    let mut reader = Reader { seq: entry.seq, recorded_at, known, fields: Fields::new() };
    let mut movements = Vec::with_capacity(event.movements.len());
    for (ordinal, movement) in (0_i32..).zip(&event.movements) {
        movements.extend(reader.movement(ordinal, movement)?);
    }
    let mut plan = Vec::with_capacity(event.plan_changes.len());
    for (ordinal, change) in (0_i32..).zip(&event.plan_changes) {
        plan.extend(reader.plan_change(ordinal, change)?);
    }
    let run_through = event.run.as_ref().and_then(|run| {
        let through = reader.fields.date("run.through", run.through.as_ref());
        through.filter(|_| run.last && run.contract_id.is_empty())
    });
    count_bookings(&mut movements);
    let accounting =
        Accounting { covered: event.covered_contract_seq, movements, plan, run_through };
    finished(ACCOUNTING_POSTED, reader.fields, Some(accounting))
}

/// Marks, per booked contract, the rows by which it is counted: the first booking at a price, and the
/// first in each segment.
fn count_bookings(movements: &mut [MovementRow]) {
    let booking = i16::try_from(i32::from(pb::Cause::Booking)).unwrap_or_default();
    let price = i16::try_from(i32::from(pb::Measure::TransactionPrice)).unwrap_or_default();
    let (mut contracts, mut segments) = (BTreeSet::new(), BTreeSet::new());
    for row in movements.iter_mut().filter(|row| row.cause == booking && row.measure == price) {
        row.contracts = i16::from(contracts.insert(row.contract));
        row.segment_contracts = i16::from(segments.insert((row.contract, row.segment)));
    }
}

/// Reads rows and collects what is wrong with them.
struct Reader<K> {
    seq: u64,
    recorded_at: DateTime<Utc>,
    known: K,
    fields: Fields,
}

impl<'a, K: Fn(ContractId) -> Option<&'a KnownContract>> Reader<K> {
    fn movement(
        &mut self,
        ordinal: i32,
        movement: &pb::Movement,
    ) -> Result<Option<MovementRow>, ProjectionError> {
        let path = |field: &str| format!("movements[{ordinal}].{field}");
        let Some((contract, known)) = self.contract(&path("contract_id"), &movement.contract_id)?
        else {
            return Ok(None);
        };
        let fields = &mut self.fields;
        let accounting_contract = fields.id::<AccountingContractId>(
            &path("accounting_contract_id"),
            &movement.accounting_contract_id,
        );
        let cause = cause(&path("cause"), movement.cause, fields);
        let measure = measure(&path("measure"), movement.measure, fields);
        let amount = amount(&path("amount"), movement.amount.as_ref(), known.currency, fields);
        let effective = fields.date(&path("effective_date"), movement.effective_date.as_ref());
        let period = fields.date(&path("posting_period"), movement.posting_period.as_ref());
        let service = movement.service_month.as_ref();
        let service = service.map(|month| fields.date(&path("service_month"), Some(month)));
        let place = self.place(
            &path("obligation_id"),
            &movement.obligation_id,
            contract,
            known,
            measure.is_some_and(of_obligation),
        )?;
        let (Some(place), Some(effective_date), Some(posting_period)) = (place, effective, period)
        else {
            return Ok(None);
        };
        let service_month = service.flatten();
        // Reports look for a month's revenue from its first day on only.
        if service_month
            .is_some_and(|month| first_of_month(month) != month || month > effective_date)
        {
            let problem = "must be the first day of a month that has begun on effective_date";
            self.fields.violation(path("service_month"), problem);
        }
        let (Some(accounting_contract), Some(cause), Some(measure), Some(amount)) =
            (accounting_contract, cause, measure, amount)
        else {
            return Ok(None);
        };
        Ok(Some(MovementRow {
            source_seq: self.seq,
            ordinal,
            contract: contract.uuid(),
            accounting_contract: accounting_contract.uuid(),
            obligation: place.0,
            segment: place.1,
            cause: small(cause.into()),
            measure: small(measure.into()),
            amount,
            currency: known.currency,
            effective_date,
            posting_period,
            service_month,
            rule_version: movement.rule_version,
            policy_version: movement.policy_version,
            contracts: 0,
            segment_contracts: 0,
            recorded_at: self.recorded_at,
        }))
    }

    fn plan_change(
        &mut self,
        ordinal: i32,
        change: &pb::PlanChange,
    ) -> Result<Option<PlanRow>, ProjectionError> {
        let path = |field: &str| format!("plan_changes[{ordinal}].{field}");
        let Some((contract, known)) = self.contract(&path("contract_id"), &change.contract_id)?
        else {
            return Ok(None);
        };
        let place =
            self.place(&path("obligation_id"), &change.obligation_id, contract, known, true)?;
        let fields = &mut self.fields;
        let month = fields.date(&path("month"), change.month.as_ref());
        let amount = amount(&path("amount"), change.amount.as_ref(), known.currency, fields);
        let effective = fields.date(&path("effective_date"), change.effective_date.as_ref());
        // Unset together where time alone earns nothing: the month's first day stands for them.
        let timed = change.service_from.is_some() || change.service_to.is_some();
        let (from, to) = match timed {
            true => (
                fields.date(&path("service_from"), change.service_from.as_ref()),
                fields.date(&path("service_to"), change.service_to.as_ref()),
            ),
            false => (month, month),
        };
        let (Some((obligation, segment)), Some(month), Some(amount)) = (place, month, amount)
        else {
            return Ok(None);
        };
        let (Some(effective_date), Some(service_from), Some(service_to)) = (effective, from, to)
        else {
            return Ok(None);
        };
        let within = |day: NaiveDate| first_of_month(day) == month;
        if !within(month) || !within(service_from) || !within(service_to) {
            fields.violation(path("month"), "must be the first day of the month of service");
        }
        Ok(Some(PlanRow {
            source_seq: self.seq,
            ordinal,
            contract: contract.uuid(),
            obligation,
            segment,
            month,
            service_from,
            service_to,
            timed,
            amount,
            currency: known.currency,
            effective_date,
            recorded_at: self.recorded_at,
        }))
    }

    fn contract(
        &mut self,
        field: &str,
        id: &str,
    ) -> Result<Option<(ContractId, &'a KnownContract)>, ProjectionError> {
        let Some(contract) = self.fields.id::<ContractId>(field, id) else { return Ok(None) };
        let known = (self.known)(contract).ok_or(ProjectionError::UnknownContract(contract))?;
        Ok(Some((contract, known)))
    }

    /// Obligation and segment of a row; the nil obligation for measures of the whole contract.
    fn place(
        &mut self,
        field: &str,
        id: &str,
        contract: ContractId,
        known: &KnownContract,
        of_obligation: bool,
    ) -> Result<Option<(Uuid, Uuid)>, ProjectionError> {
        if !of_obligation {
            if !id.is_empty() {
                self.fields.violation(field, "must be empty for a measure of the whole contract");
            }
            return Ok(Some((Uuid::nil(), known.segment)));
        }
        let Some(obligation) = self.fields.id::<ObligationId>(field, id) else { return Ok(None) };
        let segment = known.obligations.get(&obligation);
        let segment = segment.ok_or(ProjectionError::UnknownObligation(contract, obligation))?;
        Ok(Some((obligation.uuid(), *segment)))
    }
}

/// Whether a measure belongs to an obligation, or else to the accounting contract.
fn of_obligation(measure: pb::Measure) -> bool {
    match measure {
        pb::Measure::TransactionPrice
        | pb::Measure::BeyondEnforceable
        | pb::Measure::Recognized
        | pb::Measure::Billed
        | pb::Measure::Unconditional
        | pb::Measure::Potential => true,
        pb::Measure::Unspecified
        | pb::Measure::DeferredRevenue
        | pb::Measure::ContractAsset
        | pb::Measure::RefundLiability
        | pb::Measure::Receivable
        | pb::Measure::Cash
        | pb::Measure::Interest
        | pb::Measure::Tax => false,
    }
}

fn cause(field: &str, value: i32, fields: &mut Fields) -> Option<pb::Cause> {
    let known = pb::Cause::try_from(value).ok().filter(|c| *c != pb::Cause::Unspecified);
    if known.is_none() {
        fields.violation(field, format!("has a value that is not known here, {value}"));
    }
    known
}

fn measure(field: &str, value: i32, fields: &mut Fields) -> Option<pb::Measure> {
    let known = pb::Measure::try_from(value).ok().filter(|m| *m != pb::Measure::Unspecified);
    if known.is_none() {
        fields.violation(field, format!("has a value that is not known here, {value}"));
    }
    known
}

/// A number of the wire as a column holds it.
fn small(value: i32) -> i16 {
    i16::try_from(value).unwrap_or_default()
}
