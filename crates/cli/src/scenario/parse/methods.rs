//! Reading how an obligation is recognized: each method has keys of its own.

use backlog_recognition_engine::Convention;

use super::super::{
    block::{Block, Reader, optional},
    model::{Method, Milestone, Renewal, Weight},
    yaml::Node,
};

/// The methods, each as errors name an obligation by it.
const METHODS: [(&str, &str); 10] = [
    ("straight_line", "obligation by straight_line"),
    ("point_in_time", "obligation by point_in_time"),
    ("milestones", "obligation by milestones"),
    ("cost_to_cost", "obligation by cost_to_cost"),
    ("units", "obligation by units"),
    ("percent_complete", "obligation by percent_complete"),
    ("labor_hours", "obligation by labor_hours"),
    ("right_to_invoice", "obligation by right_to_invoice"),
    ("usage", "obligation by usage"),
    ("material_right", "obligation by material_right"),
];

impl Reader {
    /// The method in an opened obligation, with the keys that belong to it.
    pub(super) fn method(&mut self, block: &mut Block<'_>, has_quantity: bool) -> Option<Method> {
        let node = block.need(self, "method")?;
        let (method, what) = self.named(node, "method", &METHODS, |(name, _)| name)?;
        block.rename(what);
        match method {
            "straight_line" => {
                let convention = block.take("convention").map(|node| self.convention(node));
                Some(Method::StraightLine { convention: optional(convention)? })
            }
            "point_in_time" => {
                let gates = block.take("gates").map(|node| self.texts(node, "gates"));
                Some(Method::PointInTime { gates: optional(gates)?.unwrap_or_default() })
            }
            "milestones" => {
                let nodes = block.need(self, "milestones");
                let nodes = nodes.and_then(|node| self.list(node, "milestones"))?;
                let milestones: Vec<_> = nodes.iter().map(|node| self.milestone_of(node)).collect();
                milestones.into_iter().collect::<Option<_>>().map(Method::Milestones)
            }
            "cost_to_cost" => {
                let node = block.need(self, "estimate_at_completion")?;
                let estimate = self.amount(node, "estimate_at_completion")?;
                Some(Method::CostToCost { estimate })
            }
            "units" | "labor_hours" => {
                let total = match has_quantity {
                    true => block.take("total_units"),
                    false => Some(block.need(self, "total_units")?),
                };
                let total = total.map(|node| self.quantity(node, "total_units"));
                let total = optional(total)?;
                Some(match method {
                    "units" => Method::Units { total },
                    _ => Method::LaborHours { total },
                })
            }
            "right_to_invoice" => {
                let cap = block.take("cap").map(|node| self.amount(node, "cap"));
                Some(Method::RightToInvoice { cap: optional(cap)? })
            }
            "usage" => {
                let minimum = block.take("minimum").map(|node| self.amount(node, "minimum"));
                let cap = block.take("cap").map(|node| self.amount(node, "cap"));
                Some(Method::Usage { minimum: optional(minimum)?, cap: optional(cap)? })
            }
            "material_right" => {
                let option = block.need(self, "option").and_then(|node| self.option(node))?;
                Some(Method::MaterialRight {
                    expected_share: option.expected_share,
                    expires_on: option.expires_on,
                    exercise_price: None,
                })
            }
            _ => Some(Method::PercentComplete),
        }
    }

    pub(super) fn convention(&mut self, node: &Node) -> Option<Convention> {
        self.named(node, "convention", Convention::ALL, Convention::name)
    }

    /// What is said of an option; the price of exercising it stands beside.
    pub(super) fn option(&mut self, node: &Node) -> Option<Renewal> {
        let mut block = Block::open(self, node, "option")?;
        let share = block.need(self, "expected_share");
        let share = share.and_then(|node| self.quantity(node, "expected_share"));
        let expires_on = block.need(self, "expires_on");
        let expires_on = expires_on.and_then(|node| self.date(node, "expires_on"));
        block.close(self);
        Some(Renewal { expected_share: share?, expires_on: expires_on?, exercise_price: None })
    }

    fn milestone_of(&mut self, node: &Node) -> Option<Milestone> {
        let mut block = Block::open(self, node, "milestone")?;
        let id = block.need(self, "id").and_then(|node| self.text(node, "id"));
        let share = block.take("share").map(|node| self.quantity(node, "share"));
        let amount = block.take("amount").map(|node| self.amount(node, "amount"));
        block.close(self);
        let weight = match (optional(share)?, optional(amount)?) {
            (Some(share), None) => Weight::Share(share),
            (None, Some(amount)) => Weight::Amount(amount),
            (None, None) | (Some(_), Some(_)) => {
                self.wrong(node.line, "a milestone needs a share or an amount, not both");
                return None;
            }
        };
        Some(Milestone { id: id?, weight })
    }
}
