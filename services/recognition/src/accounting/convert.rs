//! Between the wire and the engine: contract facts in, accounting out.

mod amounts;
mod billing;
mod changes;
mod criteria;
mod effects;
mod own;
mod tenant;
mod terms;

use backlog_proto::contract::v1 as contract;
use backlog_proto::fields::Fields;
use backlog_proto::log::v1::LogEntry;
use chrono::NaiveDate;
use prost::Message;

pub(crate) use self::criteria::criterion;
pub use self::effects::{accounting_posted, cause, measure, money, movement, plan_change};
pub use self::own::own_fact;
pub(crate) use self::tenant::{convention, receivable_on, rounding};

use self::billing::{credit_note_issued, invoice_issued, payment_recorded};
use self::changes::{contract_amended, contract_terminated};
use self::tenant::tenant_created;
use self::terms::contract_signed;
use super::error::AccountingError;
use super::fact::ContractFact;

const TENANT_CREATED: &str = "backlog.contract.v1.TenantCreated";
const TENANT_SUSPENSION_CHANGED: &str = "backlog.contract.v1.TenantSuspensionChanged";
const CONTRACT_DRAFTED: &str = "backlog.contract.v1.ContractDrafted";
const CONTRACT_SIGNED: &str = "backlog.contract.v1.ContractSigned";
const CONTRACT_AMENDED: &str = "backlog.contract.v1.ContractAmended";
const AMENDMENT_PROPOSED: &str = "backlog.contract.v1.AmendmentProposed";
const CONTRACT_TERMINATED: &str = "backlog.contract.v1.ContractTerminated";
const INVOICE_ISSUED: &str = "backlog.contract.v1.InvoiceIssued";
const CREDIT_NOTE_ISSUED: &str = "backlog.contract.v1.CreditNoteIssued";
const PAYMENT_RECORDED: &str = "backlog.contract.v1.PaymentRecorded";

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
        CONTRACT_AMENDED => parse(entry, CONTRACT_AMENDED, contract_amended),
        AMENDMENT_PROPOSED => {
            let _: contract::AmendmentProposed = decode(entry)?;
            Ok(ContractFact::Drafted)
        }
        CONTRACT_TERMINATED => parse(entry, CONTRACT_TERMINATED, contract_terminated),
        INVOICE_ISSUED => parse(entry, INVOICE_ISSUED, invoice_issued),
        CREDIT_NOTE_ISSUED => parse(entry, CREDIT_NOTE_ISSUED, credit_note_issued),
        PAYMENT_RECORDED => parse(entry, PAYMENT_RECORDED, payment_recorded),
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
