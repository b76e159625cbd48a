//! Which contracts, obligations, variable amounts and invoices a file knows.

use super::super::{
    block::{Block, Handles, Reader},
    model::Terms,
    yaml::Node,
};

impl Reader {
    /// Notes a contract that later steps may name, unless it is meant to be refused. Of terms with
    /// problems the obligations stay unknown, so that nothing is reported twice.
    pub(super) fn introduce(&mut self, contract: String, terms: Option<&Terms>, refused: bool) {
        if refused {
            return;
        }
        let handles = terms.map(|terms| Handles {
            obligations: terms.obligations.iter().map(|o| o.id.clone()).collect(),
            variables: terms.variables.iter().map(|variable| variable.id.clone()).collect(),
            invoices: Vec::new(),
        });
        self.contracts.insert(contract, handles.unwrap_or_default());
    }

    pub(super) fn is_new(&mut self, contract: &str, line: usize) -> Option<()> {
        if self.contracts.contains_key(contract) {
            self.wrong(line, format!("contract {contract:?} is there already"));
            return None;
        }
        Some(())
    }

    pub(super) fn is_known(&mut self, contract: &str, line: usize, refused: bool) -> Option<()> {
        if !refused && !self.contracts.contains_key(contract) {
            self.wrong(line, format!("no earlier step signs or drafts contract {contract:?}"));
            return None;
        }
        Some(())
    }

    pub(super) fn has_obligation(
        &mut self,
        contract: &str,
        obligation: &str,
        line: usize,
        refused: bool,
    ) -> Option<()> {
        let known = self.contracts.get(contract).map(|known| known.obligations.as_slice());
        let known = known.filter(|known| !refused && !known.is_empty());
        if known.is_some_and(|known| !known.iter().any(|id| id == obligation)) {
            self.wrong(line, format!("contract {contract:?} has no obligation {obligation:?}"));
            return None;
        }
        Some(())
    }

    /// The contract that a verb names.
    pub(super) fn handle(&mut self, block: &mut Block<'_>, refused: bool) -> Option<String> {
        let node = block.need(self, "contract")?;
        let contract = self.text(node, "contract")?;
        self.is_known(&contract, node.line, refused)?;
        Some(contract)
    }

    /// The obligation of `contract` that a verb names at `node`.
    pub(super) fn obligation_of(
        &mut self,
        contract: Option<&str>,
        node: &Node,
        refused: bool,
    ) -> Option<String> {
        let obligation = self.text(node, "obligation")?;
        self.has_obligation(contract?, &obligation, node.line, refused)?;
        Some(obligation)
    }
}
