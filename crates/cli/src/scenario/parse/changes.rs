//! Reading `amend`, `terminate` and `reestimate`.

use backlog_money::Currency;
use backlog_recognition_engine::CombinationCriterion;

use super::super::{
    block::{Block, Reader, optional},
    model::{
        Amendment, Change, Combine, Estimate, Included, Obligation, Reestimate, Refund,
        Termination, Treatment, Verb,
    },
    yaml::{self, Node, Problem, Value},
};

/// What an entry under `changes` is.
enum Item {
    Change(Box<Change>),
    Add(Box<Obligation>),
}

impl Reader {
    pub(super) fn amend(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "amend")?;
        let contract = self.handle(&mut block, refused);
        let amendment = self.amendment(block, contract.as_deref(), refused);
        let amendment = Amendment { contract: contract?, ..amendment? };
        if let Some(known) =
            self.contracts.get_mut(&amendment.contract).filter(|_| !refused && !amendment.proposed)
        {
            known.obligations.extend(amendment.added.iter().map(|added| added.id.clone()));
        }
        Some(Verb::Amend(amendment))
    }

    /// What changes, in an opened block whose contract was taken already.
    fn amendment(
        &mut self,
        mut block: Block<'_>,
        contract: Option<&str>,
        refused: bool,
    ) -> Option<Amendment> {
        let clauses = block.take("termination").map(|node| self.clauses(node));
        // Only its clauses may change.
        let changes = match block.take("changes") {
            Some(node) => Some(node),
            None if clauses.is_some() => None,
            None => block.need(self, "changes"),
        };
        let items = changes.and_then(|node| self.list(node, "changes"));
        let approved = block.take("approved").map(|node| self.boolean(node, "approved"));
        let items: Vec<_> = items
            .unwrap_or_default()
            .iter()
            .map(|node| self.item(contract, node, refused))
            .collect();
        let treatment = block.take("treatment");
        let treatment =
            treatment.map(|node| self.named(node, "treatment", Treatment::ALL, Treatment::name));
        let expected = block.take("expect_treatment").map(|node| self.treatment_word(node));
        block.close(self);
        let mut amendment = Amendment {
            contract: String::new(),
            changes: Vec::new(),
            added: Vec::new(),
            clauses: optional(clauses)?,
            proposed: !optional(approved)?.unwrap_or(true),
            treatment: optional(treatment)?,
            expect_treatment: optional(expected)?,
        };
        for item in items.into_iter().collect::<Option<Vec<_>>>()? {
            match item {
                Item::Change(change) => amendment.changes.push(*change),
                Item::Add(obligation) => amendment.added.push(*obligation),
            }
        }
        Some(amendment)
    }

    fn item(&mut self, contract: Option<&str>, node: &Node, refused: bool) -> Option<Item> {
        let mut block = Block::open(self, node, "change")?;
        if let Some(added) = block.take("add") {
            let obligation = self.obligation(added);
            block.close(self);
            return obligation.map(Box::new).map(Item::Add);
        }
        let obligation = block.need(self, "obligation");
        let obligation = obligation.and_then(|node| self.obligation_of(contract, node, refused));
        let price = block.take("price").map(|node| self.amount(node, "price"));
        let quantity = block.take("quantity").map(|node| self.quantity(node, "quantity"));
        let unit_price = block.take("unit_price").map(|node| self.quantity(node, "unit_price"));
        let term = block.take("term").map(|node| self.span(node, "term"));
        let ssp = block.take("ssp").map(|node| self.amount(node, "ssp"));
        let remove = block.take("remove").map(|node| self.boolean(node, "remove"));
        let distinct = block.take("distinct").map(|node| self.boolean(node, "distinct"));
        let minimum = block.take("minimum").map(|node| self.amount(node, "minimum"));
        let cap = block.take("cap").map(|node| self.amount(node, "cap"));
        block.close(self);
        Some(Item::Change(Box::new(Change {
            obligation: obligation?,
            price: optional(price)?,
            quantity: optional(quantity)?,
            unit_price: optional(unit_price)?,
            term: optional(term)?,
            ssp: optional(ssp)?,
            remove: optional(remove)?.unwrap_or_default(),
            distinct: optional(distinct)?,
            minimum: optional(minimum)?,
            cap: optional(cap)?,
        })))
    }

    pub(super) fn terminate(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "terminate")?;
        let contract = self.handle(&mut block, refused);
        let refund = block.take("refund").map(|node| self.refund_of(node));
        let penalty = block.take("penalty").map(|node| self.amount(node, "penalty"));
        let keep_earned = block.take("keep_earned").map(|node| self.boolean(node, "keep_earned"));
        let wind_down = block.take("wind_down").map(|node| {
            let mut block = Block::open(self, node, "wind_down")?;
            let to = block.need(self, "to").and_then(|node| self.date(node, "to"));
            block.close(self);
            to
        });
        let reason = block.take("reason").map(|node| self.text(node, "reason"));
        block.close(self);
        Some(Verb::Terminate(Termination {
            contract: contract?,
            refund: optional(refund)?,
            penalty: optional(penalty)?,
            keep_earned: optional(keep_earned)?.unwrap_or(true),
            wind_down_to: optional(wind_down)?,
            reason: optional(reason)?.unwrap_or_default(),
        }))
    }

    pub(super) fn combine(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "combine")?;
        let nodes = block.need(self, "contracts").and_then(|node| self.list(node, "contracts"));
        let mut read = |node: &Node| {
            let contract = self.text(node, "contract")?;
            self.is_known(&contract, node.line, refused)?;
            Some(contract)
        };
        let contracts: Vec<Option<String>> =
            nodes.unwrap_or_default().iter().map(&mut read).collect();
        let known = (CombinationCriterion::ALL, CombinationCriterion::name);
        let criterion = block.take("criterion");
        let criterion = criterion.map(|node| self.named(node, "criterion", known.0, known.1));
        let reason = block.take("reason").map(|node| self.text(node, "reason"));
        block.close(self);
        let contracts = contracts.into_iter().collect::<Option<Vec<String>>>()?;
        if contracts.len() < 2 {
            self.wrong(node.line, "combine needs two contracts or more");
            return None;
        }
        Some(Verb::Combine(Combine {
            contracts,
            criterion: optional(criterion)?.unwrap_or(CombinationCriterion::SingleObjective),
            reason: optional(reason)?.unwrap_or_else(|| "the scenario says so".to_owned()),
        }))
    }

    fn refund_of(&mut self, node: &Node) -> Option<Refund> {
        match &node.value {
            Value::Scalar(scalar) if scalar.text == "all" => Some(Refund::All),
            _ => self.amount(node, "refund (or all)").map(Refund::Amount),
        }
    }

    pub(super) fn reestimate(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "reestimate")?;
        let contract = self.handle(&mut block, refused);
        let line = block.line;
        let estimate = match (block.take("variable"), block.take("obligation")) {
            (Some(node), None) => {
                self.variable_estimate(&mut block, contract.as_deref(), node, refused)
            }
            (None, Some(node)) => {
                let obligation = self.obligation_of(contract.as_deref(), node, refused);
                self.obligation_estimate(&mut block, obligation)
            }
            (None, None) | (Some(_), Some(_)) => {
                self.wrong(line, "reestimate needs a variable or an obligation, not both");
                return None;
            }
        };
        block.close(self);
        Some(Verb::Reestimate(Reestimate { contract: contract?, estimate: estimate? }))
    }

    /// What it will cost, or how much of it will be exercised.
    fn obligation_estimate(
        &mut self,
        block: &mut Block<'_>,
        obligation: Option<String>,
    ) -> Option<Estimate> {
        match (block.take("estimate_at_completion"), block.take("expected_share")) {
            (Some(node), None) => {
                let estimate = self.amount(node, "estimate_at_completion")?;
                Some(Estimate::Cost { obligation: obligation?, estimate })
            }
            (None, Some(node)) => {
                let share = self.quantity(node, "expected_share")?;
                Some(Estimate::Exercise { obligation: obligation?, share })
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "reestimate of an obligation needs an estimate_at_completion or an \
                               expected_share, not both";
                self.wrong(block.line, message);
                None
            }
        }
    }

    fn variable_estimate(
        &mut self,
        block: &mut Block<'_>,
        contract: Option<&str>,
        node: &Node,
        refused: bool,
    ) -> Option<Estimate> {
        let id = self.text(node, "variable");
        let amount = block.take("amount").map(|node| self.amount(node, "amount"));
        let included = block.take("included").map(|node| self.amount(node, "included"));
        let constrained = block.take("constrained").map(|node| self.boolean(node, "constrained"));
        let (id, amount) = (id?, optional(amount)?);
        let known = contract.and_then(|contract| self.contracts.get(contract));
        let known = known.filter(|known| !refused && !known.obligations.is_empty());
        if known.is_some_and(|known| !known.variables.contains(&id)) {
            self.wrong(node.line, format!("the contract has no variable {id:?}"));
            return None;
        }
        let included = match (optional(included)?, optional(constrained)?) {
            (included, None) => included.map(Included::Amount),
            (None, Some(false)) => Some(Included::Whole),
            (_, Some(_)) => {
                let message = "constrained can only be lifted, with false and without included; \
                               for a constraint say what is included";
                self.wrong(node.line, message);
                return None;
            }
        };
        if amount.is_none() && included.is_none() {
            self.wrong(node.line, "reestimate needs amount, included or constrained");
            return None;
        }
        Some(Estimate::Variable { id, amount, included })
    }
}

/// Reads an amendment that stands in a file of its own: `changes` and `treatment` as of `amend`.
pub(crate) fn read_amendment(text: &str, currency: Currency) -> Result<Amendment, Vec<Problem>> {
    let node = yaml::read(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::new(currency);
    let block = Block::open(&mut reader, &node, "the file");
    // Which obligations there are is for the service to say.
    let amendment = block.and_then(|block| reader.amendment(block, Some(""), true));
    reader.problems.sort();
    match amendment {
        Some(amendment) if reader.problems.is_empty() => Ok(amendment),
        Some(_) | None => Err(reader.problems),
    }
}
