//! Recording cash.

use std::collections::BTreeMap;

use backlog_event_log::{Change, RequestKey};
use backlog_money::{MINOR_MAX, Money};
use backlog_proto::contract::v1 as pb;
use backlog_proto::fields::Fields;

use super::convert::payment_to_proto;
use super::error::{Available, InvoiceError};
use super::events;
use super::invoice::check_currency;
use super::payment::Payment;
use crate::contract::contract::Contract;
use crate::domain::Effect;
use crate::request;

/// Asks for a record of cash.
#[derive(Debug)]
pub(crate) struct RecordPayment {
    /// The payment.
    pub(crate) payment: Payment,
}

impl RecordPayment {
    /// Identity of the call.
    pub(crate) fn key(&self, request_id: String) -> RequestKey {
        let payment = payment_to_proto(&self.payment);
        let canonical = pb::RecordPaymentRequest {
            request_id: String::new(),
            contract_id: payment.contract_id,
            paid_on: payment.paid_on,
            amount: payment.amount,
            reference: payment.reference,
            validate_only: false,
        };
        request::key(request_id, "RecordPayment", &canonical, &BTreeMap::new())
    }

    /// The payment under the contract as it now is. It may have ended.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_SIGNED`, `INVALID_FIELDS`, `CREDIT_EXCEEDS_INVOICE` when more would be given
    /// back than was received.
    pub(crate) fn decide(
        &self,
        contract: Option<&Contract>,
    ) -> Result<Change<Effect>, InvoiceError> {
        let id = self.payment.contract;
        let contract = contract.ok_or(InvoiceError::ContractNotFound(id))?;
        if contract.signed_on.is_none() {
            return Err(InvoiceError::NotSigned(id));
        }
        let paid = contract.paid.saturating_add(self.payment.amount.minor());
        let mut fields = Fields::new();
        check_currency(&mut fields, "amount", self.payment.amount, contract);
        if paid > MINOR_MAX {
            let sentence = "must leave at most 10^15 minor units received in all";
            fields.violation("amount.amount", sentence);
        }
        fields.finish().map_err(InvoiceError::Invalid)?;
        if paid < 0 {
            let available = Money::from_minor(contract.paid, contract.terms.currency);
            let refused = Available { contract: id, obligation: None, available };
            return Err(InvoiceError::RefundExceedsPaid(refused));
        }
        let event = events::paid(&self.payment);
        let effect = Effect::Contract(Box::new(Contract { paid, ..contract.clone() }));
        Ok(Change { events: vec![event], effect })
    }
}
