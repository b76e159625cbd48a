//! Reading rights to end a contract early, and interest on advances.

use backlog_money::Quantity;

use super::super::{
    block::{Block, Reader, optional},
    model::{Clause, ClauseParty},
    yaml::{Node, Value},
};

impl Reader {
    pub(super) fn clauses(&mut self, node: &Node) -> Option<Vec<Clause>> {
        let nodes = self.list(node, "termination")?;
        let clauses: Vec<_> = nodes.iter().map(|node| self.clause(node)).collect();
        clauses.into_iter().collect()
    }

    fn clause(&mut self, node: &Node) -> Option<Clause> {
        let mut block = Block::open(self, node, "clause")?;
        let by = block.need(self, "by");
        let by = by.and_then(|node| self.named(node, "by", ClauseParty::ALL, ClauseParty::name));
        let notice_days = block.need(self, "notice_days").and_then(|node| self.days(node));
        let penalty = block.take("penalty").map(|node| self.amount(node, "penalty"));
        let from = block.take("from").map(|node| self.date(node, "from"));
        let to = block.take("to").map(|node| self.date(node, "to"));
        block.close(self);
        Some(Clause {
            by: by?,
            notice_days: notice_days?,
            penalty: optional(penalty)?,
            from: optional(from)?,
            to: optional(to)?,
        })
    }

    /// A number of days, as it stands.
    fn days(&mut self, node: &Node) -> Option<u32> {
        let days = match &node.value {
            Value::Scalar(scalar) if !scalar.quoted => scalar.text.parse().ok(),
            _ => None,
        };
        if days.is_none() {
            self.wrong(node.line, "notice_days must be a number of days, such as 30");
        }
        days
    }

    pub(super) fn financing(&mut self, node: &Node) -> Option<Quantity> {
        let mut block = Block::open(self, node, "financing")?;
        let rate = block.need(self, "annual_rate");
        let rate = rate.and_then(|node| self.quantity(node, "annual_rate"));
        block.close(self);
        rate
    }
}
