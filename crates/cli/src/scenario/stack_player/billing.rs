//! Invoices, credit notes and cash, through the contract service.

use backlog_money::Money;
use backlog_proto::contract::v1 as pb;
use chrono::NaiveDate;

use super::super::model::{Cash, CreditNote, Invoice};
use super::StackPlayer;
use crate::client::{date, from_status};
use crate::failure::Failure;
use crate::terms;

impl StackPlayer {
    pub(super) async fn invoice(
        &mut self,
        on: NaiveDate,
        invoice: &Invoice,
    ) -> Result<(), Failure> {
        let named = invoice.obligation.as_deref();
        let (amount, lines) = self.billed(&invoice.contract, named, invoice.amount);
        let request = pb::IssueInvoiceRequest {
            request_id: self.session.request_id(None),
            contract_id: self.contract_id(&invoice.contract),
            number: invoice.number.clone(),
            issued_on: date(on),
            due_on: invoice.due_on.map(Into::into),
            amount,
            lines,
            tax: invoice.tax.map(Into::into),
            validate_only: false,
        };
        let answer = self.client.invoices().issue_invoice(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, invoice.due_on.unwrap_or(on).max(on));
        Ok(())
    }

    pub(super) async fn credit_note(
        &mut self,
        on: NaiveDate,
        note: &CreditNote,
    ) -> Result<(), Failure> {
        let named = note.obligation.as_deref();
        let (amount, lines) = self.billed(&note.contract, named, note.amount);
        let request = pb::IssueCreditNoteRequest {
            request_id: self.session.request_id(None),
            contract_id: self.contract_id(&note.contract),
            number: note.number.clone(),
            issued_on: date(on),
            amount,
            lines,
            tax: note.tax.map(Into::into),
            concession: terms::concession(note.concession).into(),
            validate_only: false,
        };
        let answer = self.client.invoices().issue_credit_note(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    /// Cash received; given back where `back`.
    pub(super) async fn cash_moved(
        &mut self,
        on: NaiveDate,
        cash: &Cash,
        back: bool,
    ) -> Result<(), Failure> {
        let minor = cash.amount.minor();
        let minor = if back { minor.saturating_neg() } else { minor };
        let request = pb::RecordPaymentRequest {
            request_id: self.session.request_id(None),
            contract_id: self.contract_id(&cash.contract),
            paid_on: date(on),
            amount: Some(Money::from_minor(minor, cash.amount.currency()).into()),
            reference: String::new(),
            validate_only: false,
        };
        let answer = self.client.invoices().record_payment(request).await;
        let answer = answer.map_err(|status| from_status(&status))?.into_inner();
        self.wrote(answer.position, on);
        Ok(())
    }

    /// An amount to be spread, or the line of the obligation named.
    fn billed(
        &self,
        contract: &str,
        obligation: Option<&str>,
        amount: Money,
    ) -> (Option<backlog_proto::common::v1::Money>, Vec<pb::InvoiceLine>) {
        let amount = Some(amount.into());
        match obligation {
            None => (amount, Vec::new()),
            Some(obligation) => {
                let obligation_id = self.obligation_id(contract, obligation);
                (None, vec![pb::InvoiceLine { obligation_id, amount }])
            }
        }
    }
}
