//! Reading `draft`, `sign`, and terms in files of their own.

use backlog_money::Currency;
use chrono::NaiveDate;

use super::{
    super::{
        block::{Block, Reader, optional},
        model::{Terms, Verb},
        yaml::{self, Node, Problem},
    },
    terms::states_terms,
};

impl Reader {
    pub(super) fn draft(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "draft")?;
        let handle = block.need(self, "contract")?;
        let contract = self.text(handle, "contract")?;
        self.is_new(&contract, handle.line)?;
        let terms = self.terms(block, contract.clone());
        self.introduce(contract, terms.as_ref(), refused);
        Some(Verb::Draft(terms?))
    }

    pub(super) fn sign(&mut self, on: NaiveDate, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "sign")?;
        let handle = block.need(self, "contract")?;
        let contract = self.text(handle, "contract")?;
        let signed_on = block.take("signed_on").map(|node| self.date(node, "signed_on"));
        let signed_on = optional(signed_on)?.unwrap_or(on);
        if !states_terms(node) {
            block.close(self);
            self.is_known(&contract, handle.line, refused)?;
            return Some(Verb::SignDraft { contract, signed_on });
        }
        if refused && self.contracts.contains_key(&contract) {
            self.terms(block, contract.clone())?;
            return Some(Verb::SignDraft { contract, signed_on });
        }
        self.is_new(&contract, handle.line)?;
        let terms = self.terms(block, contract.clone());
        self.introduce(contract, terms.as_ref(), refused);
        Some(Verb::Sign { terms: terms?, signed_on })
    }

    fn terms_file(&mut self, node: &Node) -> Option<(Terms, Currency, String)> {
        let mut block = Block::open(self, node, "the file")?;
        let currency = block.need(self, "currency")?;
        self.currency = self.currency_code(currency, "currency")?;
        let number = block.take("number").map(|node| self.text(node, "number"));
        if !block.has("customer") {
            self.wrong(block.line, "the file needs \"customer\"");
        }
        let terms = self.terms(block, String::new());
        Some((terms?, self.currency, optional(number)?.unwrap_or_default()))
    }
}

/// Reads terms that stand in a file of their own: those of `sign` with `currency` and `number`, and
/// without a handle. Answers the terms, the currency and the number.
pub(crate) fn read_terms(text: &str) -> Result<(Terms, Currency, String), Vec<Problem>> {
    let node = yaml::read(text).map_err(|problem| vec![problem])?;
    // Replaced by the file's own currency before any amount is read.
    let Ok(placeholder) = Currency::parse("USD") else { return Err(Vec::new()) };
    let mut reader = Reader::new(placeholder);
    let terms = reader.terms_file(&node);
    reader.problems.sort();
    match terms {
        Some(terms) if reader.problems.is_empty() => Ok(terms),
        Some(_) | None => Err(reader.problems),
    }
}
