//! Reading `progress`, `milestone`, `deliver`, `exercise`, `expire`, `reassess` and `adjust`.

use backlog_money::Quantity;
use backlog_recognition_engine::Criterion;

use super::super::{
    block::{Block, Reader, optional},
    model::{Adjustment, Assessment, Hold, Progress, Reading, Verb},
    yaml::Node,
};

/// The kinds of progress, of which one is reported at a time.
const KINDS: [&str; 5] = ["percent", "units", "hours", "cost", "usage"];

/// Contract and obligation of a verb.
type Place = (Option<String>, Option<String>);

impl Reader {
    fn place(&mut self, block: &mut Block<'_>, refused: bool) -> Place {
        let contract = self.handle(block, refused);
        let obligation = block.need(self, "obligation");
        let obligation =
            obligation.and_then(|node| self.obligation_of(contract.as_deref(), node, refused));
        (contract, obligation)
    }

    pub(super) fn progress(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "progress")?;
        let place = self.place(&mut block, refused);
        let kinds: Vec<_> = KINDS.into_iter().filter(|kind| block.has(kind)).collect();
        let [kind] = kinds.as_slice() else {
            self.wrong(block.line, format!("progress needs exactly one of: {}", KINDS.join(", ")));
            return None;
        };
        let node = block.need(self, kind)?;
        let reading = match *kind {
            "percent" => self.quantity(node, kind).map(Reading::Percent),
            "units" => self.quantity(node, kind).map(Reading::Units),
            "hours" => self.quantity(node, kind).map(Reading::Hours),
            "cost" => self.cost(&mut block, node),
            _ => self.usage(node),
        };
        block.close(self);
        reported(place, reading?)
    }

    fn cost(&mut self, block: &mut Block<'_>, node: &Node) -> Option<Reading> {
        let cost = self.amount(node, "cost");
        let estimate = block.take("estimate_at_completion");
        let estimate = estimate.map(|node| self.amount(node, "estimate_at_completion"));
        let uninstalled = block.take("uninstalled").map(|node| self.amount(node, "uninstalled"));
        Some(Reading::Cost {
            cost: cost?,
            estimate: optional(estimate)?,
            uninstalled: optional(uninstalled)?,
        })
    }

    fn usage(&mut self, node: &Node) -> Option<Reading> {
        let mut block = Block::open(self, node, "usage")?;
        let quantity = block.need(self, "quantity");
        let quantity = quantity.and_then(|node| self.quantity(node, "quantity"));
        let amount = block.take("amount").map(|node| self.amount(node, "amount"));
        block.close(self);
        Some(Reading::Usage { quantity: quantity?, amount: optional(amount)? })
    }

    pub(super) fn milestone(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "milestone")?;
        let place = self.place(&mut block, refused);
        let id = block.need(self, "milestone").and_then(|node| self.text(node, "milestone"));
        let evidence = block.take("evidence").map(|node| self.text(node, "evidence"));
        block.close(self);
        let evidence = optional(evidence)?.unwrap_or_default();
        reported(place, Reading::Milestone { id: id?, evidence })
    }

    pub(super) fn deliver(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "deliver")?;
        let place = self.place(&mut block, refused);
        let quantity = block.take("quantity").map(|node| self.quantity(node, "quantity"));
        let gate = block.take("gate").map(|node| self.text(node, "gate"));
        block.close(self);
        let (quantity, gate) = (optional(quantity)?, optional(gate)?);
        reported(place, Reading::Delivery { quantity, gate })
    }

    pub(super) fn exercise(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "exercise")?;
        let place = self.place(&mut block, refused);
        let share = block.take("share").map(|node| self.quantity(node, "share"));
        block.close(self);
        reported(place, Reading::Exercised(optional(share)?.unwrap_or(Quantity::ONE)))
    }

    pub(super) fn expire(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "expire")?;
        let place = self.place(&mut block, refused);
        block.close(self);
        reported(place, Reading::Expired)
    }

    pub(super) fn hold(&mut self, released: bool, node: &Node, refused: bool) -> Option<Verb> {
        let what = if released { "release" } else { "hold" };
        let mut block = Block::open(self, node, what)?;
        let contract = self.handle(&mut block, refused);
        let obligation = block.take("obligation");
        let obligation =
            obligation.map(|node| self.obligation_of(contract.as_deref(), node, refused));
        block.close(self);
        Some(Verb::Hold(Hold { contract: contract?, obligation: optional(obligation)?, released }))
    }

    pub(super) fn reassess(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "reassess")?;
        let contract = self.handle(&mut block, refused);
        let unmet = block.take("unmet").map(|node| self.criteria(node));
        let reason = block.take("reason").map(|node| self.text(node, "reason"));
        block.close(self);
        Some(Verb::Reassess(Assessment {
            contract: contract?,
            unmet: optional(unmet)?.unwrap_or_default(),
            reason: optional(reason)?.unwrap_or_else(|| "as the scenario says".to_owned()),
        }))
    }

    /// Criteria of a contract, by name.
    pub(super) fn criteria(&mut self, node: &Node) -> Option<Vec<Criterion>> {
        let nodes = self.list(node, "criteria")?;
        let named = |reader: &mut Self, node: &Node| {
            reader.named(node, "criteria", Criterion::ALL, Criterion::name)
        };
        nodes.iter().map(|node| named(self, node)).collect()
    }

    pub(super) fn adjust(&mut self, node: &Node, refused: bool) -> Option<Verb> {
        let mut block = Block::open(self, node, "adjust")?;
        let (contract, obligation) = self.place(&mut block, refused);
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        let reason = block.need(self, "reason").and_then(|node| self.text(node, "reason"));
        block.close(self);
        Some(Verb::Adjust(Adjustment {
            contract: contract?,
            obligation: obligation?,
            amount: amount?,
            reason: reason?,
        }))
    }
}

fn reported((contract, obligation): Place, reading: Reading) -> Option<Verb> {
    let (contract, obligation) = (contract?, obligation?);
    Some(Verb::Progress(Progress { contract, obligation, reading }))
}
