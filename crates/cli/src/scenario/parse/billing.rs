//! Reading `invoice`, `credit_note`, `pay` and `refund`.

use super::super::{
    block::{Block, Reader, optional},
    model::{Cash, Concession, CreditNote, Invoice, Verb},
    yaml::{Node, Value},
};

impl Reader {
    pub(super) fn invoice(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "invoice")?;
        let contract = self.handle(&mut block, refused);
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        let obligation = block.take("obligation");
        let obligation =
            obligation.map(|node| self.obligation_of(contract.as_deref(), node, refused));
        let tax = block.take("tax").map(|node| self.amount(node, "tax"));
        let due_on = block.take("due_on").map(|node| self.date(node, "due_on"));
        let number = block.take("number").map(|node| self.text(node, "number"));
        block.close(self);
        let number = optional(number)?;
        if let (Some(number), Some(contract), false) = (&number, &contract, refused) {
            let known = self.contracts.get_mut(contract);
            known.into_iter().for_each(|known| known.invoices.push(number.clone()));
        }
        Some(Verb::Invoice(Invoice {
            contract: contract?,
            amount: amount?,
            obligation: optional(obligation)?,
            tax: optional(tax)?,
            due_on: optional(due_on)?,
            number: number.unwrap_or_default(),
        }))
    }

    pub(super) fn credit_note(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "credit_note")?;
        let contract = self.handle(&mut block, refused);
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        let obligation = block.take("obligation");
        let obligation =
            obligation.map(|node| self.obligation_of(contract.as_deref(), node, refused));
        let tax = block.take("tax").map(|node| self.amount(node, "tax"));
        let number = block.take("number").map(|node| self.text(node, "number"));
        let invoice = block.take("invoice");
        let invoice = invoice.map(|node| self.invoice_of(contract.as_deref(), node, refused));
        let concession = block.take("concession").map(|node| self.concession(node));
        block.close(self);
        optional(invoice)?;
        Some(Verb::CreditNote(CreditNote {
            contract: contract?,
            amount: amount?,
            obligation: optional(obligation)?,
            tax: optional(tax)?,
            number: optional(number)?.unwrap_or_default(),
            concession: optional(concession)?,
        }))
    }

    /// The number of an earlier invoice: for people, for what can be credited is all that is billed.
    fn invoice_of(&mut self, contract: Option<&str>, node: &Node, refused: bool) -> Option<()> {
        let number = self.text(node, "invoice")?;
        let known = self.contracts.get(contract?);
        if !refused && known.is_some_and(|known| !known.invoices.contains(&number)) {
            self.wrong(node.line, format!("no earlier step issues an invoice {number:?} of it"));
            return None;
        }
        Some(())
    }

    fn concession(&mut self, node: &Node) -> Option<Concession> {
        let Value::Scalar(scalar) = &node.value else {
            let kind = node.value.kind();
            self.wrong(node.line, format!("concession must be true or transferred, not {kind}"));
            return None;
        };
        match (scalar.text.as_str(), scalar.quoted) {
            ("true", false) => Some(Concession::Whole),
            ("transferred", _) => Some(Concession::Transferred),
            (other, _) => {
                let message = format!("unknown concession {other:?}; known: true, transferred");
                self.wrong(node.line, message);
                None
            }
        }
    }

    pub(super) fn cash(&mut self, what: &'static str, node: &Node, refused: bool) -> Option<Cash> {
        let mut block = Block::open(self, node, what)?;
        let contract = self.handle(&mut block, refused);
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        block.close(self);
        Some(Cash { contract: contract?, amount: amount? })
    }
}
