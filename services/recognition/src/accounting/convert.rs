//! Between the wire and the engine: contract facts in, accounting out.

use backlog_ids::{AccountId, ContractId, InvoiceId, ObligationId};
use backlog_money::{Currency, Money};
use backlog_proto::common::v1 as common;
use backlog_proto::contract::v1 as contract;
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::{
    Cause, Convention, Effects, InvoiceFact, InvoiceLine, Measure, Method, Movement, PlanChange,
    Policy, ReceivableOn, Rounding, SignedContract, SignedObligation, Term,
};
use chrono::NaiveDate;
use prost::Message;

use super::error::AccountingError;
use super::fact::ContractFact;

const TENANT_CREATED: &str = "backlog.contract.v1.TenantCreated";
const TENANT_SUSPENSION_CHANGED: &str = "backlog.contract.v1.TenantSuspensionChanged";
const CONTRACT_DRAFTED: &str = "backlog.contract.v1.ContractDrafted";
const CONTRACT_SIGNED: &str = "backlog.contract.v1.ContractSigned";
const INVOICE_ISSUED: &str = "backlog.contract.v1.InvoiceIssued";

/// Reads the fact in an entry of the contract log. Errors name everything that is wrong with it.
pub fn fact(entry: &LogEntry) -> Result<ContractFact, AccountingError> {
    match entry.r#type.as_str() {
        TENANT_CREATED => parse(entry, TENANT_CREATED, tenant_created),
        TENANT_SUSPENSION_CHANGED => {
            let event: contract::TenantSuspensionChanged = decode(entry)?;
            Ok(ContractFact::SuspensionChanged(event.suspended))
        }
        CONTRACT_DRAFTED => {
            let _: contract::ContractDrafted = decode(entry)?;
            Ok(ContractFact::Drafted)
        }
        CONTRACT_SIGNED => parse(entry, CONTRACT_SIGNED, contract_signed),
        INVOICE_ISSUED => parse(entry, INVOICE_ISSUED, invoice_issued),
        other => Err(AccountingError::UnknownType(other.to_owned())),
    }
}

/// The day on which an entry takes effect.
pub fn effective_date(entry: &LogEntry) -> Result<NaiveDate, AccountingError> {
    let mut fields = Fields::new();
    let date = fields.date("effective_date", entry.effective_date.as_ref());
    finished("backlog.log.v1.LogEntry", fields, date)
}

fn decode<M: Message + Default>(entry: &LogEntry) -> Result<M, AccountingError> {
    M::decode(entry.payload.as_slice()).map_err(|error| AccountingError::Undecodable {
        type_name: entry.r#type.clone(),
        cause: error.to_string(),
    })
}

fn parse<M: Message + Default>(
    entry: &LogEntry,
    type_name: &'static str,
    read: fn(&M, &mut Fields) -> Option<ContractFact>,
) -> Result<ContractFact, AccountingError> {
    let event: M = decode(entry)?;
    let mut fields = Fields::new();
    let fact = read(&event, &mut fields);
    finished(type_name, fields, fact)
}

fn finished<T>(
    type_name: &'static str,
    mut fields: Fields,
    value: Option<T>,
) -> Result<T, AccountingError> {
    if value.is_none() && fields.is_clean() {
        fields.violation("event", "is incomplete");
    }
    let wrong = |violations| AccountingError::WrongFields { type_name, violations };
    fields.finish().map_err(wrong)?;
    value.ok_or_else(|| wrong(Vec::new()))
}

fn tenant_created(event: &contract::TenantCreated, fields: &mut Fields) -> Option<ContractFact> {
    let tenant = fields.required("tenant", event.tenant.as_ref());
    let account = tenant.and_then(|t| fields.id::<AccountId>("tenant.account_id", &t.account_id));
    let policy = fields.required("policy", event.policy.as_ref());
    let policy = policy.and_then(|policy| first_policy(policy, fields));
    let tenant = tenant?;
    Some(ContractFact::TenantCreated {
        tenant: tenant.tenant_id.clone(),
        account: account?,
        policy: policy?,
        suspended: tenant.suspended,
    })
}

fn first_policy(policy: &contract::MeasurementPolicy, fields: &mut Fields) -> Option<Policy> {
    let default = Policy::default();
    let convention = convention("policy.convention", policy.convention, fields);
    let rounding = match contract::Rounding::try_from(policy.rounding) {
        Ok(contract::Rounding::Unspecified) => Some(default.rounding),
        Ok(contract::Rounding::Cumulative) => Some(Rounding::Cumulative),
        Ok(contract::Rounding::FloorLast) => Some(Rounding::FloorLast),
        Ok(contract::Rounding::PerPeriod) => Some(Rounding::PerPeriod),
        Err(_) => unknown("policy.rounding", policy.rounding, fields),
    };
    let receivable_on = match contract::ReceivableOn::try_from(policy.receivable_on) {
        Ok(contract::ReceivableOn::Unspecified) => Some(default.receivable_on),
        Ok(contract::ReceivableOn::Issue) => Some(ReceivableOn::Issue),
        Ok(contract::ReceivableOn::Due) => Some(ReceivableOn::Due),
        Err(_) => unknown("policy.receivable_on", policy.receivable_on, fields),
    };
    Some(Policy {
        version: 1,
        convention: convention?.unwrap_or(default.convention),
        rounding: rounding?,
        receivable_on: receivable_on?,
    })
}

/// The outer `None` is a violation, the inner one "not stated".
fn convention(field: &str, value: i32, fields: &mut Fields) -> Option<Option<Convention>> {
    let stated = match contract::Convention::try_from(value) {
        Ok(contract::Convention::Unspecified) => return Some(None),
        Ok(contract::Convention::ActualDays) => Convention::ActualDays,
        Ok(contract::Convention::ProratedMonths) => Convention::ProratedMonths,
        Ok(contract::Convention::EvenMonths) => Convention::EvenMonths,
        Ok(contract::Convention::ServiceMonths) => Convention::ServiceMonths,
        Ok(contract::Convention::Thirty360) => Convention::Thirty360,
        Ok(contract::Convention::HalfMonth) => Convention::HalfMonth,
        Ok(contract::Convention::EndsByDay) => Convention::EndsByDay,
        Err(_) => return unknown(field, value, fields),
    };
    Some(Some(stated))
}

fn unknown<T>(field: &str, value: i32, fields: &mut Fields) -> Option<T> {
    fields.violation(field, format!("has a value that is not known here, {value}"));
    None
}

fn contract_signed(event: &contract::ContractSigned, fields: &mut Fields) -> Option<ContractFact> {
    let signed_on = fields.date("signed_on", event.signed_on.as_ref());
    let contract = fields.required("contract", event.contract.as_ref())?;
    let id = fields.id::<ContractId>("contract.contract_id", &contract.contract_id);
    let terms = fields.required("contract.terms", contract.terms.as_ref())?;
    let currency = fields.currency("contract.terms.currency_code", &terms.currency_code);
    let term = term("contract.terms.term", terms.term.as_ref(), fields);
    let currency = currency?;
    let price = optional_amount("contract.terms.price", terms.price.as_ref(), currency, fields);
    let stated_price = optional_amount("price", event.price.as_ref(), currency, fields);
    if contract.obligation_ids.len() != terms.obligations.len() {
        fields.violation("contract.obligation_ids", "must name each of terms.obligations");
    }
    let ids = contract.obligation_ids.iter();
    let obligations: Option<Vec<SignedObligation>> = terms
        .obligations
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(index, (terms, id))| obligation(index, terms, id, currency, fields))
        // Collected in full first, so that every violation is recorded.
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    let contract = SignedContract {
        contract: id?,
        signed_on: signed_on?,
        currency,
        term: term?,
        price: price?,
        obligations: obligations?,
    };
    Some(ContractFact::Signed { contract, stated_price: stated_price? })
}

fn obligation(
    index: usize,
    terms: &contract::ObligationTerms,
    id: &str,
    currency: Currency,
    fields: &mut Fields,
) -> Option<SignedObligation> {
    let path = |field: &str| format!("contract.terms.obligations[{index}].{field}");
    let id = fields.id::<ObligationId>(&format!("contract.obligation_ids[{index}]"), id);
    let price = optional_amount(&path("price"), terms.price.as_ref(), currency, fields);
    let ssp = optional_amount(&path("ssp"), terms.ssp.as_ref(), currency, fields);
    let own_term = match &terms.term {
        None => Some(None),
        Some(range) => term(&path("term"), Some(range), fields).map(Some),
    };
    let method = match &terms.method {
        Some(contract::obligation_terms::Method::StraightLine(line)) => {
            convention(&path("straight_line.convention"), line.convention, fields)
                .map(|convention| Method::StraightLine { convention })
        }
        None => {
            fields.violation(path("method"), "must be one that is known here");
            None
        }
    };
    Some(SignedObligation {
        id: id?,
        key: terms.key.clone(),
        price: price?,
        ssp: ssp?,
        term: own_term?,
        method: method?,
    })
}

fn term(field: &str, range: Option<&common::DateRange>, fields: &mut Fields) -> Option<Term> {
    let span = fields.range(field, range)?;
    fields.keep(field, Term::new(span.from, span.to))
}

/// The outer `None` is a violation, the inner one "not stated".
fn optional_amount(
    field: &str,
    value: Option<&common::Money>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<Option<i128>> {
    match value {
        None => Some(None),
        Some(value) => amount(field, Some(value), currency, fields).map(Some),
    }
}

fn amount(
    field: &str,
    value: Option<&common::Money>,
    currency: Currency,
    fields: &mut Fields,
) -> Option<i128> {
    let money = fields.money(field, value)?;
    if money.currency() != currency {
        fields.violation(field, format!("must be in {currency}, the contract's currency"));
        return None;
    }
    Some(money.minor())
}

fn invoice_issued(event: &contract::InvoiceIssued, fields: &mut Fields) -> Option<ContractFact> {
    let invoice = fields.required("invoice", event.invoice.as_ref())?;
    let id = fields.id::<InvoiceId>("invoice.invoice_id", &invoice.invoice_id);
    let contract = fields.id::<ContractId>("invoice.contract_id", &invoice.contract_id);
    let issued_on = fields.date("invoice.issued_on", invoice.issued_on.as_ref());
    let due_on = fields.date("invoice.due_on", invoice.due_on.as_ref());
    let total = fields.money("invoice.amount", invoice.amount.as_ref())?;
    let currency = total.currency();
    let tax = optional_amount("invoice.tax", invoice.tax.as_ref(), currency, fields);
    let (mut lines, mut sum) = (Vec::with_capacity(invoice.lines.len()), 0_i128);
    for (index, line) in invoice.lines.iter().enumerate() {
        let path = format!("invoice.lines[{index}]");
        let obligation = fields.id(&format!("{path}.obligation_id"), &line.obligation_id);
        let amount = amount(&format!("{path}.amount"), line.amount.as_ref(), currency, fields);
        if let (Some(obligation), Some(amount)) = (obligation, amount) {
            sum = sum.saturating_add(amount);
            lines.push(InvoiceLine { obligation, amount });
        }
    }
    if fields.is_clean() && sum != total.minor() {
        fields.violation("invoice.amount", "must be the sum of the lines");
    }
    let invoice = InvoiceFact {
        invoice: id?,
        contract: contract?,
        issued_on: issued_on?,
        due_on: due_on?,
        lines,
        tax: tax?.unwrap_or(0),
    };
    Some(ContractFact::Invoiced { invoice, currency })
}

/// Renders what the engine emitted, as of a position of the contract log.
#[must_use]
pub fn accounting_posted(effects: &Effects, covered: u64) -> pb::AccountingPosted {
    pb::AccountingPosted {
        covered_contract_seq: covered,
        movements: effects.movements.iter().map(movement).collect(),
        plan_changes: effects.plan_changes.iter().map(plan_change).collect(),
        run: None,
    }
}

/// Renders a movement.
#[must_use]
pub fn movement(movement: &Movement) -> pb::Movement {
    pb::Movement {
        contract_id: movement.contract.to_string(),
        accounting_contract_id: movement.accounting_contract.to_string(),
        obligation_id: movement.obligation.map(|id| id.to_string()).unwrap_or_default(),
        cause: cause(movement.cause).into(),
        measure: measure(movement.measure).into(),
        amount: Some(movement.amount.into()),
        effective_date: Some(movement.effective_date.into()),
        posting_period: Some(movement.posting_period.into()),
        service_month: movement.service_month.map(Into::into),
        rule_version: movement.rule_version,
        policy_version: movement.policy_version,
    }
}

/// Renders a change of plan.
#[must_use]
pub fn plan_change(change: &PlanChange) -> pb::PlanChange {
    pb::PlanChange {
        contract_id: change.contract.to_string(),
        obligation_id: change.obligation.to_string(),
        month: Some(change.month.into()),
        amount: Some(change.amount.into()),
        effective_date: Some(change.effective_date.into()),
        service_from: Some(change.service_from.into()),
        service_to: Some(change.service_to.into()),
    }
}

fn cause(cause: Cause) -> pb::Cause {
    match cause {
        Cause::Booking => pb::Cause::Booking,
        Cause::Recognition => pb::Cause::Recognition,
        Cause::Invoice => pb::Cause::Invoice,
        Cause::ContractBalance => pb::Cause::ContractBalance,
    }
}

fn measure(measure: Measure) -> pb::Measure {
    match measure {
        Measure::TransactionPrice => pb::Measure::TransactionPrice,
        Measure::BeyondEnforceable => pb::Measure::BeyondEnforceable,
        Measure::Recognized => pb::Measure::Recognized,
        Measure::Billed => pb::Measure::Billed,
        Measure::Unconditional => pb::Measure::Unconditional,
        Measure::DeferredRevenue => pb::Measure::DeferredRevenue,
        Measure::ContractAsset => pb::Measure::ContractAsset,
        Measure::RefundLiability => pb::Measure::RefundLiability,
        Measure::Receivable => pb::Measure::Receivable,
    }
}

/// Renders an amount of minor units.
#[must_use]
pub fn money(minor: i128, currency: Currency) -> common::Money {
    Money::from_minor(minor, currency).into()
}
