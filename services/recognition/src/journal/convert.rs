//! The journal between the wire and the domain.

use std::collections::BTreeMap;

use backlog_event_log::RequestKey;
use backlog_money::{Currency, Money, Quantity};
use backlog_proto::common::v1::{Log, LogPosition, Watermark};
use backlog_proto::convert::Position;
use backlog_proto::fields::Fields;
use backlog_proto::recognition::v1 as pb;
use backlog_proto::recognition::v1::accounting_posted::OwnFact as Wire;
use backlog_recognition_engine::{
    Calendar, Cause, JournalLine, Measure, Movement, Period, RateKind, Role, Turnover,
};
use backlog_service_kit::error::InvalidFields;
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::journal::{AccountMapping, Batch, ExchangeRate, Kept};
use super::lines::ExportLine;
use super::queries::Included;
use super::trial_balance::Balance;
use crate::accounting::convert::{measure, money};

/// Longest account code.
const CODE_MAX: usize = 60;

/// Reads a fact about the journal, recording everything that is wrong with it; none of other facts.
/// Paths begin with the name of its field in requests.
pub fn kept(wire: &Wire, fields: &mut Fields) -> Option<Kept> {
    match wire {
        Wire::AccountMapping(wire) => mapping(wire, fields).map(Kept::Mapping),
        Wire::ExchangeRate(wire) => rate(wire, fields).map(Kept::Rate),
        Wire::JournalExport(wire) => fields.date("period", wire.period.as_ref()).map(Kept::Export),
        _ => None,
    }
}

fn mapping(wire: &pb::AccountMapping, fields: &mut Fields) -> Option<AccountMapping> {
    let on = fields.date("mapping.on", wire.on.as_ref());
    let mut accounts = BTreeMap::new();
    for (index, assignment) in wire.accounts.iter().enumerate() {
        let path = format!("mapping.accounts[{index}]");
        let role = role_from(assignment.role());
        if role.is_none() {
            fields.violation(format!("{path}.role"), "must be a role that is known here");
        }
        let code = &assignment.account_code;
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._:/-".contains(&c);
        if code.is_empty() || code.len() > CODE_MAX || !code.bytes().all(plain) {
            let sentence = "must be 1 to 60 letters, digits, and . _ : / -";
            fields.violation(format!("{path}.account_code"), sentence);
        } else if role.and_then(|role| accounts.insert(role, code.clone())).is_some() {
            fields.violation(format!("{path}.role"), "must be assigned once");
        }
    }
    let unbilled_receivable = wire.unbilled_receivable;
    Some(AccountMapping { accounts, unbilled_receivable, on: Some(on?) })
}

fn rate(wire: &pb::ExchangeRate, fields: &mut Fields) -> Option<ExchangeRate> {
    let from = fields.currency("rate.from_currency_code", &wire.from_currency_code);
    let to = fields.currency("rate.to_currency_code", &wire.to_currency_code);
    let on = fields.date("rate.on", wire.on.as_ref());
    let rate = fields.keep("rate.rate", Quantity::parse(&wire.rate));
    if rate.is_some_and(|rate| rate <= Quantity::ZERO) {
        fields.violation("rate.rate", "must be above zero");
    }
    if from.is_some() && from == to {
        fields.violation("rate.from_currency_code", "must be another currency");
    }
    let kind = match pb::RateKind::try_from(wire.kind) {
        Ok(pb::RateKind::Unspecified | pb::RateKind::Spot) => Some(RateKind::Spot),
        Ok(pb::RateKind::Average) => Some(RateKind::Average),
        Ok(pb::RateKind::Closing) => Some(RateKind::Closing),
        Err(_) => {
            fields.violation("rate.kind", "must be a kind that is known here");
            None
        }
    };
    Some(ExchangeRate { from: from?, to: to?, kind: kind?, on: on?, rate: rate? })
}

/// Renders a mapping.
pub(crate) fn mapping_wire(mapping: &AccountMapping) -> pb::AccountMapping {
    let assignment = |(role, code): (&Role, &String)| pb::AccountAssignment {
        role: role_wire(*role).into(),
        account_code: code.clone(),
    };
    pb::AccountMapping {
        accounts: mapping.accounts.iter().map(assignment).collect(),
        unbilled_receivable: mapping.unbilled_receivable,
        on: mapping.on.map(Into::into),
    }
}

/// The form of a period's name, so that a wrong one is told with all else that is wrong; whether the
/// tenant's calendar has such a period is asked later.
pub(crate) fn period_form(name: &str, fields: &mut Fields) {
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let like = |(year, place): (&str, &str)| {
        digits(year, 4) && digits(place.strip_prefix('P').unwrap_or(place), 2)
    };
    if !name.split_once('-').is_some_and(like) {
        fields.violation("period", "must be a period of the tenant's calendar, such as 2026-01");
    }
}

/// A period by its name in the tenant's calendar.
///
/// # Errors
/// When there is none of this name.
pub(crate) fn period(calendar: Calendar, name: &str) -> Result<Period, InvalidFields> {
    let mut fields = Fields::new();
    let found = calendar.period(name);
    if found.is_none() {
        let like = calendar.period_of(NaiveDate::default());
        let sentence = format!("must be a period of the tenant's calendar, such as {like}");
        fields.violation("period", sentence);
    }
    fields.finish().map_err(InvalidFields)?;
    found.ok_or_else(|| InvalidFields(Vec::new()))
}

/// What makes a call idempotent: its method and the fact it asks to keep.
pub(crate) fn key(id: String, method: &str, content: &[u8]) -> RequestKey {
    let mut hash = Sha256::new();
    hash.update(b"backlog.recognition.v1.JournalService/");
    hash.update(method.as_bytes());
    hash.update(content);
    RequestKey { id, content_hash: hash.finalize().into() }
}

/// Renders the position of an effect; none when nothing was written.
pub(crate) fn position(seq: Option<u64>) -> Option<LogPosition> {
    seq.map(|seq| Position { log: Log::Recognition, seq }.into())
}

/// Renders an export.
pub(crate) fn batch_wire(batch: &Batch, calendar: Calendar) -> pb::JournalBatch {
    pb::JournalBatch {
        batch_id: batch.id.to_string(),
        period: calendar.period_of(batch.period).to_string(),
        after_seq: batch.after(),
        through_seq: batch.through(),
    }
}

/// Renders a line of an export.
pub(crate) fn line_wire(line: &ExportLine, mapping: &AccountMapping) -> pb::JournalLine {
    let shown = mapping.shown(line.role);
    pb::JournalLine {
        role: role_wire(shown).into(),
        account_code: mapping.account(shown),
        amount: Some(line.amount.into()),
        functional_amount: Some(line.functional.into()),
        contract_id: line.of.map(|of| of.contract.to_string()).unwrap_or_default(),
        accounting_contract_id: line
            .of
            .map(|of| of.accounting_contract.to_string())
            .unwrap_or_default(),
        obligation_id: line
            .of
            .and_then(|of| of.obligation)
            .map(|id| id.to_string())
            .unwrap_or_default(),
        effective_date: line.of.map(|of| of.effective_date.into()),
    }
}

/// Renders a trial balance.
pub(crate) fn balance_wire(
    (currency, role): (Currency, Role),
    balance: &Balance,
    mapping: &AccountMapping,
) -> pb::TrialBalanceLine {
    let Turnover { debit, credit } = balance.period;
    pb::TrialBalanceLine {
        role: role_wire(role).into(),
        account_code: mapping.account(role),
        opening: Some(money(balance.opening, currency)),
        debit: Some(money(debit, currency)),
        credit: Some(money(credit, currency)),
        closing: Some(money(balance.closing(), currency)),
    }
}

/// Renders what an answer includes.
pub(crate) fn watermark(included: &Included) -> Watermark {
    let at = |log, seq| Position { log, seq }.into();
    Watermark {
        positions: vec![
            at(Log::Contract, included.contract_seq),
            at(Log::Recognition, included.recognition_seq),
        ],
        recognized_through: included.recognized_through.map(Into::into),
    }
}

/// The line of a stored movement; none where it is no matter of the journal, or cannot be read, which
/// what this service wrote always can.
pub(crate) fn line(stored: &pb::Movement) -> Option<JournalLine> {
    let amount = Money::try_from(stored.amount.as_ref()?).ok()?;
    let day = |date: Option<&_>| NaiveDate::try_from(date?).ok();
    let obligation = match stored.obligation_id.as_str() {
        "" => None,
        id => Some(id.parse().ok()?),
    };
    JournalLine::of(&Movement {
        contract: stored.contract_id.parse().ok()?,
        accounting_contract: stored.accounting_contract_id.parse().ok()?,
        obligation,
        // Why is told by the audit trail.
        cause: Cause::ContractBalance,
        measure: *Measure::ALL.iter().find(|of| measure(**of) == stored.measure())?,
        amount,
        effective_date: day(stored.effective_date.as_ref())?,
        posting_period: day(stored.posting_period.as_ref())?,
        service_month: None,
        late_of: None,
        prior_performance: stored.prior_performance,
        rule_version: stored.rule_version,
        policy_version: stored.policy_version,
    })
}

const fn role_wire(role: Role) -> pb::AccountRole {
    match role {
        Role::Receivable => pb::AccountRole::Receivable,
        Role::UnbilledReceivable => pb::AccountRole::UnbilledReceivable,
        Role::ContractAsset => pb::AccountRole::ContractAsset,
        Role::ContractLiability => pb::AccountRole::ContractLiability,
        Role::RefundLiability => pb::AccountRole::RefundLiability,
        Role::TaxPayable => pb::AccountRole::TaxPayable,
        Role::Revenue => pb::AccountRole::Revenue,
        Role::Interest => pb::AccountRole::Interest,
        Role::Fx => pb::AccountRole::Fx,
        Role::Cash => pb::AccountRole::Cash,
    }
}

fn role_from(wire: pb::AccountRole) -> Option<Role> {
    Role::ALL.iter().copied().find(|role| role_wire(*role) == wire)
}
