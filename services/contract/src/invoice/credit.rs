//! Issuing a credit note.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_ids::{ContractId, CreditNoteId};
use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;
use chrono::NaiveDate;

use super::convert::{billing_to_proto, concession_to_proto};
use super::credit_note::{Concession, CreditNote};
use super::error::InvoiceError;
use super::events;
use super::invoice::{Billing, check_currency};
use crate::contract::contract::Contract;
use crate::domain::Effect;
use crate::request;

/// Asks for a credit note.
#[derive(Debug)]
pub(crate) struct IssueCreditNote {
    /// Id to give it.
    pub(crate) credit_note: CreditNoteId,
    /// Contract that it concerns.
    pub(crate) contract: ContractId,
    /// The vendor's number for it.
    pub(crate) number: String,
    /// Day of issue.
    pub(crate) issued_on: NaiveDate,
    /// What is credited.
    pub(crate) billing: Billing,
    /// Tax credited on top.
    pub(crate) tax: Option<Money>,
    /// Whether the price is reduced with it.
    pub(crate) concession: Option<Concession>,
}

impl IssueCreditNote {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let (amount, lines) = billing_to_proto(&self.billing);
        let canonical = pb::IssueCreditNoteRequest {
            request_id: String::new(),
            contract_id: self.contract.to_string(),
            number: self.number.clone(),
            issued_on: Some(self.issued_on.into()),
            amount,
            lines,
            // No tax and a tax of nothing are the same.
            tax: self.tax.filter(|tax| tax.minor() != 0).map(Into::into),
            concession: concession_to_proto(self.concession).into(),
            validate_only: false,
        };
        request::key(request_id, "IssueCreditNote", &canonical, &BTreeMap::new())
    }

    /// The credit note on the contract as it now is. It may have ended.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_SIGNED`, `CHANGE_BEFORE_LAST` of a concession, `INVALID_FIELDS`,
    /// `CREDIT_EXCEEDS_INVOICE`.
    pub(crate) fn decide(
        &self,
        contract: Option<&Contract>,
    ) -> Result<Change<Effect>, InvoiceError> {
        let contract = contract.ok_or(InvoiceError::ContractNotFound(self.contract))?;
        let last = contract.changed_on.ok_or(InvoiceError::NotSigned(self.contract))?;
        if self.concession.is_some() && self.issued_on < last {
            let (contract, on) = (self.contract, self.issued_on);
            return Err(InvoiceError::ConcessionBeforeLast { contract, on, last });
        }
        let mut fields = Fields::new();
        self.billing.check(&mut fields, contract);
        if let Some(tax) = self.tax {
            check_currency(&mut fields, "tax", tax, contract);
        }
        fields.finish().map_err(InvoiceError::Invalid)?;
        let credit_note = CreditNote {
            id: self.credit_note,
            contract: self.contract,
            number: self.number.clone(),
            issued_on: self.issued_on,
            currency: contract.terms.currency,
            lines: self.billing.credits(contract)?,
            tax: self.tax.map_or(0, Money::minor),
            concession: self.concession,
        };
        let effect = Effect::Contract(Box::new(credit_note.credited(contract)));
        Ok(Change { events: vec![events::credited(&credit_note)], effect })
    }
}
