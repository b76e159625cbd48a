//! Policies: the first, and steps that set the next.

use std::collections::BTreeSet;

use backlog_money::Currency;
use backlog_recognition_engine::{Calendar, Policy, ReceivableOn, Rounding};
use chrono::NaiveDate;

use crate::policy::{Expedient, Standard};

use super::super::{
    block::{Block, Reader, optional},
    model::PolicyStep,
    yaml::Node,
};

impl Reader {
    /// The tenant's first policy, its calendar and its currency.
    pub(super) fn policy(&mut self, node: &Node) -> Option<(Policy, Calendar, Currency)> {
        let mut block = Block::open(self, node, "policy")?;
        let convention = block.take("convention").map(|node| self.convention(node));
        let rounding = block.take("rounding").map(|node| self.rounding(node));
        let receivable_on = block.take("receivable_on").map(|node| self.receivable_on(node));
        let functional = block
            .take("functional_currency")
            .map(|node| self.currency_code(node, "functional_currency"));
        let calendar = block.take("calendar").map(|node| {
            let word = self.text(node, "calendar")?;
            let calendar = Calendar::parse(&word);
            if calendar.is_none() {
                self.wrong(node.line, format!("unknown calendar {word:?}"));
            }
            calendar
        });
        block.close(self);
        let default = Policy::default();
        let policy = Policy {
            version: default.version,
            convention: optional(convention)?.unwrap_or(default.convention),
            rounding: optional(rounding)?.unwrap_or(default.rounding),
            receivable_on: optional(receivable_on)?.unwrap_or(default.receivable_on),
        };
        let calendar = optional(calendar)?.unwrap_or_default();
        Some((policy, calendar, optional(functional)?.unwrap_or(self.currency)))
    }

    /// A step that sets the next version.
    pub(super) fn policy_step(&mut self, on: NaiveDate, node: &Node) -> Option<PolicyStep> {
        let mut block = Block::open(self, node, "policy")?;
        let effective = block.take("effective").map(|node| self.date(node, "effective"));
        let convention = block.take("convention").map(|node| self.convention(node));
        let rounding = block.take("rounding").map(|node| self.rounding(node));
        let receivable_on = block.take("receivable_on").map(|node| self.receivable_on(node));
        let standard = block
            .take("standard")
            .map(|node| self.named(node, "standard", Standard::ALL, Standard::name));
        let expedients = block.take("expedients").map(|node| self.expedients(node));
        block.close(self);
        Some(PolicyStep {
            effective: optional(effective)?.unwrap_or(on),
            convention: optional(convention)?,
            rounding: optional(rounding)?,
            receivable_on: optional(receivable_on)?,
            standard: optional(standard)?,
            expedients: optional(expedients)?,
        })
    }

    fn rounding(&mut self, node: &Node) -> Option<Rounding> {
        self.named(node, "rounding", Rounding::ALL, Rounding::name)
    }

    fn receivable_on(&mut self, node: &Node) -> Option<ReceivableOn> {
        self.named(node, "receivable_on", ReceivableOn::ALL, ReceivableOn::name)
    }

    fn expedients(&mut self, node: &Node) -> Option<BTreeSet<Expedient>> {
        let nodes = self.list(node, "expedients")?;
        let read = |node| self.named(node, "expedient", Expedient::ALL, Expedient::name);
        nodes.iter().map(read).collect()
    }
}
