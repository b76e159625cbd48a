//! What contract events tell: who owns the tenant, what contracts are called and report under.

use std::collections::{BTreeMap, BTreeSet};

use backlog_ids::{AccountId, ContractId, ObligationId, TenantId};
use backlog_money::Currency;
use backlog_proto::Fields;
use backlog_proto::contract::v1 as pb;
use backlog_proto::log::v1::LogEntry;
use chrono::NaiveDate;
use prost::Message;
use uuid::Uuid;

use super::convert::{decode, finished, no_nul};
use super::dimensions::DimensionSet;
use super::error::ProjectionError;

const CONTRACT_SIGNED: &str = "backlog.contract.v1.ContractSigned";
const CONTRACT_AMENDED: &str = "backlog.contract.v1.ContractAmended";

/// What an entry of the contract log tells.
#[derive(Debug)]
pub(crate) enum ContractFact {
    /// The tenant exists.
    TenantCreated { account: AccountId, suspended: bool },
    /// It was suspended, or its suspension lifted.
    SuspensionChanged(bool),
    /// A contract was signed.
    Signed(SignedContract),
    /// A contract was changed; it may have promises that it did not have.
    Amended(SignedContract),
    /// Nothing that figures need: the audit trail has it.
    Other,
}

/// A signed contract: what figures are called.
#[derive(Debug, Clone)]
pub(crate) struct SignedContract {
    pub(crate) contract: ContractId,
    pub(crate) customer: String,
    pub(crate) currency: Currency,
    pub(crate) signed_on: NaiveDate,
    /// The segment of measures of the whole contract.
    pub(crate) segment: Uuid,
    pub(crate) obligations: Vec<SignedObligation>,
    /// The dimension sets behind all these segments.
    pub(crate) sets: Vec<DimensionSet>,
}

/// An obligation of a signed contract.
#[derive(Debug, Clone)]
pub(crate) struct SignedObligation {
    pub(crate) obligation: ObligationId,
    pub(crate) product_line: String,
    pub(crate) segment: Uuid,
}

/// Reads an entry of the contract log. Errors name everything that is wrong with it.
pub(crate) fn fact(tenant: TenantId, entry: &LogEntry) -> Result<ContractFact, ProjectionError> {
    let is_first = entry.seq == 1;
    let type_name = entry.r#type.as_str();
    if (type_name == "backlog.contract.v1.TenantCreated") != is_first {
        return Err(ProjectionError::CreationMisplaced(entry.seq));
    }
    match type_name {
        "backlog.contract.v1.TenantCreated" => created(tenant, &decode(entry)?),
        "backlog.contract.v1.TenantSuspensionChanged" => {
            let event: pb::TenantSuspensionChanged = decode(entry)?;
            Ok(ContractFact::SuspensionChanged(event.suspended))
        }
        CONTRACT_SIGNED => signed(tenant, &decode(entry)?),
        CONTRACT_AMENDED => amended(tenant, &decode(entry)?),
        "backlog.contract.v1.ContractDrafted" => other::<pb::ContractDrafted>(entry),
        "backlog.contract.v1.AmendmentProposed" => other::<pb::AmendmentProposed>(entry),
        "backlog.contract.v1.ContractTerminated" => other::<pb::ContractTerminated>(entry),
        "backlog.contract.v1.InvoiceIssued" => other::<pb::InvoiceIssued>(entry),
        "backlog.contract.v1.CreditNoteIssued" => other::<pb::CreditNoteIssued>(entry),
        "backlog.contract.v1.PaymentRecorded" => other::<pb::PaymentRecorded>(entry),
        other => Err(ProjectionError::UnknownType(other.to_owned())),
    }
}

/// An entry that figures do not need, once it is what it says it is.
fn other<M: Message + Default>(entry: &LogEntry) -> Result<ContractFact, ProjectionError> {
    decode::<M>(entry).map(|_| ContractFact::Other)
}

/// The contract that an entry of the contract log signs or amends, as far as it can be read.
pub(crate) fn contract_named(entry: &LogEntry) -> Option<ContractId> {
    let contract = match entry.r#type.as_str() {
        CONTRACT_SIGNED => decode::<pb::ContractSigned>(entry).ok()?.contract,
        CONTRACT_AMENDED => decode::<pb::ContractAmended>(entry).ok()?.contract,
        _ => None,
    };
    contract?.contract_id.parse().ok()
}

fn created(tenant: TenantId, event: &pb::TenantCreated) -> Result<ContractFact, ProjectionError> {
    let mut fields = Fields::new();
    let stated = fields.required("tenant", event.tenant.as_ref());
    let account = stated.and_then(|t| fields.id::<AccountId>("tenant.account_id", &t.account_id));
    let read = stated.zip(account);
    let (stated, account) = finished("backlog.contract.v1.TenantCreated", fields, read)?;
    if stated.tenant_id != tenant.to_string() {
        return Err(ProjectionError::OtherTenant(stated.tenant_id.clone()));
    }
    Ok(ContractFact::TenantCreated { account, suspended: stated.suspended })
}

fn signed(tenant: TenantId, event: &pb::ContractSigned) -> Result<ContractFact, ProjectionError> {
    let mut fields = Fields::new();
    let signed_on = event.signed_on.as_ref();
    let read = contract(tenant, event.contract.as_ref(), signed_on, &mut fields);
    let contract = finished(CONTRACT_SIGNED, fields, read)?;
    Ok(ContractFact::Signed(contract))
}

fn amended(tenant: TenantId, event: &pb::ContractAmended) -> Result<ContractFact, ProjectionError> {
    let mut fields = Fields::new();
    let signed_on = event.contract.as_ref().and_then(|contract| contract.signed_on.as_ref());
    let read = contract(tenant, event.contract.as_ref(), signed_on, &mut fields);
    let contract = finished(CONTRACT_AMENDED, fields, read)?;
    Ok(ContractFact::Amended(contract))
}

fn contract(
    tenant: TenantId,
    contract: Option<&pb::Contract>,
    signed_on: Option<&backlog_proto::google::r#type::Date>,
    fields: &mut Fields,
) -> Option<SignedContract> {
    let signed_on = fields.date("signed_on", signed_on);
    let contract = fields.required("contract", contract)?;
    let id = fields.id::<ContractId>("contract.contract_id", &contract.contract_id);
    let terms = fields.required("contract.terms", contract.terms.as_ref())?;
    let currency = fields.currency("contract.terms.currency_code", &terms.currency_code);
    let customer = no_nul("contract.terms.customer", &terms.customer, fields);
    for (name, value) in &terms.dimensions {
        no_nul("contract.terms.dimensions", name, fields);
        no_nul(&format!("contract.terms.dimensions[{name}]"), value, fields);
    }
    if contract.obligation_ids.len() != terms.obligations.len() {
        fields.violation("contract.obligation_ids", "must name each of terms.obligations");
    }
    let whole = DimensionSet::new(tenant, "", &terms.dimensions);
    let segment = whole.segment;
    let mut sets = BTreeMap::from([(segment, whole)]);
    let mut obligations = Vec::with_capacity(terms.obligations.len());
    let mut seen = BTreeSet::new();
    for (index, (terms_of, id)) in
        terms.obligations.iter().zip(&contract.obligation_ids).enumerate()
    {
        let path = format!("contract.terms.obligations[{index}].product_line");
        let product_line = no_nul(&path, &terms_of.product_line, fields);
        let path = format!("contract.obligation_ids[{index}]");
        let id = fields.id::<ObligationId>(&path, id);
        let (Some(product_line), Some(obligation)) = (product_line, id) else { continue };
        if !seen.insert(obligation) {
            fields.violation(path, "must name each obligation once");
            continue;
        }
        let set = DimensionSet::new(tenant, &product_line, &terms.dimensions);
        obligations.push(SignedObligation { obligation, product_line, segment: set.segment });
        sets.insert(set.segment, set);
    }
    Some(SignedContract {
        contract: id?,
        customer: customer?,
        currency: currency?,
        signed_on: signed_on?,
        segment,
        obligations,
        sets: sets.into_values().collect(),
    })
}
