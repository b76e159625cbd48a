//! Issuing an invoice.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::{ContractId, InvoiceId};
use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use chrono::NaiveDate;

use super::convert::billing_to_proto;
use super::error::InvoiceError;
use super::events;
use super::invoice::{Billing, Invoice, check_currency};
use crate::contract::contract::Contract;
use crate::domain::Effect;
use crate::request;

/// Asks for an invoice.
#[derive(Debug)]
pub(crate) struct IssueInvoice {
    /// Id to give it.
    pub(crate) invoice: InvoiceId,
    /// Contract to bill.
    pub(crate) contract: ContractId,
    /// The vendor's number for it.
    pub(crate) number: String,
    /// Day of issue.
    pub(crate) issued_on: NaiveDate,
    /// Day on which payment is due.
    pub(crate) due_on: NaiveDate,
    /// What is billed.
    pub(crate) billing: Billing,
    /// Tax on top.
    pub(crate) tax: Option<Money>,
}

impl IssueInvoice {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let (amount, lines) = billing_to_proto(&self.billing);
        let canonical = pb::IssueInvoiceRequest {
            request_id: String::new(),
            contract_id: self.contract.to_string(),
            number: self.number.clone(),
            issued_on: Some(self.issued_on.into()),
            due_on: Some(self.due_on.into()),
            amount,
            lines,
            // No tax and a tax of nothing are the same invoice.
            tax: self.tax.filter(|tax| tax.minor() != 0).map(Into::into),
            validate_only: false,
        };
        request::key(request_id, "IssueInvoice", &canonical, &BTreeMap::new())
    }

    /// The invoice of the contract as it now is.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_SIGNED`, `TERMINATED`, `INVALID_FIELDS`, `INVOICE_EXCEEDS_CEILING`.
    pub(crate) fn decide(
        &self,
        contract: Option<&Contract>,
    ) -> Result<Change<Effect>, InvoiceError> {
        let contract = contract.ok_or(InvoiceError::ContractNotFound(self.contract))?;
        if contract.signed_on.is_none() {
            return Err(InvoiceError::NotSigned(self.contract));
        }
        if contract.terminated {
            return Err(InvoiceError::Terminated(self.contract));
        }
        let mut fields = Fields::new();
        self.billing.check(&mut fields, contract);
        if let Some(tax) = self.tax {
            check_currency(&mut fields, "tax", tax, contract);
        }
        fields.finish().map_err(InvoiceError::Invalid)?;
        let lines = self.billing.lines(contract)?;
        let mut billed = contract.billed.clone();
        for line in &lines {
            let place = contract.place_of(line.obligation).and_then(|p| billed.get_mut(p));
            if let Some(part) = place {
                *part = part.saturating_add(line.amount);
            }
        }
        let invoice = Invoice {
            id: self.invoice,
            contract: self.contract,
            number: self.number.clone(),
            issued_on: self.issued_on,
            due_on: self.due_on,
            currency: contract.terms.currency,
            lines,
            tax: self.tax.map_or(0, Money::minor),
        };
        let event = events::issued(&invoice);
        Ok(Change { events: vec![event], effect: Effect::Invoiced { invoice, billed } })
    }
}
