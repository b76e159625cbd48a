//! Reading `sign` and `draft`: what the parties agree on.

use super::super::{
    block::{Block, Reader, optional},
    model::{DiscountScope, Method, Obligation, Terms, Unmet, Variable, VariableKind, units_value},
    yaml::{Node, Value},
};

impl Reader {
    /// The terms in an opened `sign` or `draft` block, whose `contract` was taken already.
    pub(super) fn terms(&mut self, mut block: Block<'_>, contract: String) -> Option<Terms> {
        let customer = match block.take("customer") {
            Some(node) => self.text(node, "customer")?,
            None => contract.clone(),
        };
        let kind = block.take("kind").map(|node| (node.line, self.text(node, "kind")));
        let dimensions = block.take("dimensions");
        let mut dimensions =
            dimensions.map(|node| self.strings(node, "dimensions")).unwrap_or_default();
        if let Some((line, Some(kind))) = kind
            && dimensions.insert("kind".to_owned(), kind).is_some()
        {
            self.wrong(line, "the kind is given twice, as such and as a dimension");
        }
        let term = block.need(self, "term").and_then(|node| self.span(node, "term"));
        let price = block.take("price").map(|node| self.amount(node, "price"));
        let obligations = block.need(self, "obligations");
        let nodes = obligations.and_then(|node| self.list(node, "obligations"));
        let parsed: Vec<_> =
            nodes.unwrap_or_default().iter().map(|node| self.obligation(node)).collect();
        let obligations = parsed.into_iter().collect::<Option<Vec<_>>>();
        let ids: Vec<String> = obligations.iter().flatten().map(|o| o.id.clone()).collect();
        let variables = block.take("variable").map(|node| self.variables(node, &ids));
        let discount = block.take("discount_scope").map(|node| self.discount(node, &ids));
        let clauses = block.take("termination").map(|node| self.clauses(node));
        let financing = block.take("financing").map(|node| self.financing(node));
        let unmet = block.take("unmet").map(|node| self.unmet(node));
        block.close(self);
        Some(Terms {
            contract,
            customer,
            term: term?,
            dimensions,
            price: optional(price)?,
            obligations: obligations?,
            variables: optional(variables)?.unwrap_or_default(),
            discount: optional(discount)?,
            clauses: optional(clauses)?.unwrap_or_default(),
            financing: optional(financing)?,
            unmet: optional(unmet)?,
        })
    }

    /// Criteria of a contract that are not met, and why.
    fn unmet(&mut self, node: &Node) -> Option<Unmet> {
        let mut block = Block::open(self, node, "unmet")?;
        let criteria = block.need(self, "criteria").and_then(|node| self.criteria(node));
        let reason = block.need(self, "reason").and_then(|node| self.text(node, "reason"));
        block.close(self);
        Some(Unmet { criteria: criteria?, reason: reason? })
    }

    /// One promise, of `sign` or added by `amend`.
    pub(super) fn obligation(&mut self, node: &Node) -> Option<Obligation> {
        let mut block = Block::open(self, node, "obligation")?;
        let id = block.need(self, "id").and_then(|node| self.text(node, "id"));
        let price = block.take("price").map(|node| self.amount(node, "price"));
        let quantity = block.take("quantity").map(|node| self.quantity(node, "quantity"));
        let unit_price = block.take("unit_price").map(|node| self.quantity(node, "unit_price"));
        let ssp = block.take("ssp").map(|node| self.amount(node, "ssp"));
        let ssp_range = block.take("ssp_range").map(|node| self.range(node));
        let residual = block.take("residual").map(|node| self.boolean(node, "residual"));
        let term = block.take("term").map(|node| self.span(node, "term"));
        let line = block.take("product_line");
        let product_line = line.map(|node| self.text(node, "product_line"));
        let method = self.method(&mut block, quantity.is_some());
        // Which further keys there are depends on the method.
        let mut method = method?;
        let option = block.take("option").map(|node| self.option(node));
        let at = block.line;
        block.close(self);
        let mut price = optional(price)?;
        // Of an option it is what exercising costs.
        if let Method::MaterialRight { exercise_price, .. } = &mut method {
            *exercise_price = price.take();
        }
        let mut renewal = optional(option)?;
        if let Some(option) = &mut renewal {
            option.exercise_price = price.take();
        }
        let obligation = Obligation {
            id: id?,
            price,
            quantity: optional(quantity)?,
            unit_price: optional(unit_price)?,
            ssp: optional(ssp)?,
            ssp_range: optional(ssp_range)?,
            residual: optional(residual)?.unwrap_or_default(),
            term: optional(term)?,
            method,
            product_line: optional(product_line)?.unwrap_or_default(),
            renewal,
        };
        self.price_is_one(at, &obligation)?;
        Some(obligation)
    }

    /// A price is stated in one way, and in none where use makes it.
    fn price_is_one(&mut self, line: usize, obligation: &Obligation) -> Option<()> {
        let Obligation { price, quantity, unit_price, method, .. } = obligation;
        let metered = method.is_metered();
        let too_large = |units, unit| units_value(units, unit, self.currency).is_none();
        let renews = obligation.renewal.as_ref();
        let is_right = matches!(method, Method::MaterialRight { .. }) || renews.is_some();
        let message = match (price, quantity, unit_price) {
            (_, _, Some(_)) | (_, Some(_), _) if is_right => {
                "what exercising an option costs is stated as \"price\" alone"
            }
            _ if renews.is_some() && metered => "what is metered cannot be an option",
            _ if renews.is_some_and(|option| option.exercise_price.is_none()) => {
                "an option to renew needs \"price\", what exercising it costs"
            }
            (_, _, None) if metered => "what is metered needs \"unit_price\"",
            (Some(_), ..) | (_, Some(_), _) if metered => {
                "what is metered has no price before it is used: state \"unit_price\" alone"
            }
            (Some(_), _, Some(_)) => "price and unit_price exclude each other: state one",
            (None, None, Some(_)) if !metered => "unit_price needs \"quantity\"",
            (_, Some(_), None) if !method.counts() => {
                "quantity says nothing by this method without \"unit_price\""
            }
            (_, Some(units), Some(unit)) if too_large(*units, *unit) => {
                "quantity x unit_price is too large"
            }
            _ => return Some(()),
        };
        self.wrong(line, message);
        None
    }

    fn range(&mut self, node: &Node) -> Option<(backlog_money::Money, backlog_money::Money)> {
        let mut block = Block::open(self, node, "ssp_range")?;
        let low = block.need(self, "low").and_then(|node| self.amount(node, "low"));
        let high = block.need(self, "high").and_then(|node| self.amount(node, "high"));
        block.close(self);
        Some((low?, high?))
    }

    fn variables(&mut self, node: &Node, ids: &[String]) -> Option<Vec<Variable>> {
        let nodes = self.list(node, "variable")?;
        let variables: Vec<_> = nodes.iter().map(|node| self.variable(node, ids)).collect();
        variables.into_iter().collect()
    }

    fn variable(&mut self, node: &Node, ids: &[String]) -> Option<Variable> {
        let mut block = Block::open(self, node, "variable")?;
        let id = block.need(self, "id").and_then(|node| self.text(node, "id"));
        let amount = block.need(self, "amount").and_then(|node| self.amount(node, "amount"));
        let included = block.take("included").map(|node| self.amount(node, "included"));
        let kind = block.need(self, "kind");
        let kind =
            kind.and_then(|node| self.named(node, "kind", VariableKind::ALL, VariableKind::name));
        let applies_to = block.take("applies_to").map(|node| self.ids(node, "applies_to", ids));
        let period = block.take("period").map(|node| self.span(node, "period"));
        block.close(self);
        Some(Variable {
            id: id?,
            amount: amount?,
            included: optional(included)?,
            kind: kind?,
            applies_to: optional(applies_to)?.unwrap_or_default(),
            period: optional(period)?,
        })
    }

    fn discount(&mut self, node: &Node, ids: &[String]) -> Option<DiscountScope> {
        if let Value::List(_) = node.value {
            let obligations = self.ids(node, "discount_scope", ids)?;
            return Some(DiscountScope { obligations, amount: None });
        }
        let mut block = Block::open(self, node, "discount_scope")?;
        let obligations = block.need(self, "obligations");
        let obligations = obligations.and_then(|node| self.ids(node, "obligations", ids));
        let amount = block.take("amount").map(|node| self.amount(node, "amount"));
        block.close(self);
        Some(DiscountScope { obligations: obligations?, amount: optional(amount)? })
    }

    /// A list of obligations of the contract being read; `ids` is empty where those have problems.
    fn ids(&mut self, node: &Node, what: &str, ids: &[String]) -> Option<Vec<String>> {
        let texts = self.texts(node, what)?;
        let unknown = texts.iter().find(|text| !ids.is_empty() && !ids.contains(text));
        if let Some(unknown) = unknown {
            self.wrong(node.line, format!("{what} names {unknown:?}, which is no obligation here"));
            return None;
        }
        Some(texts)
    }
}

/// Whether a block states terms, rather than naming a draft only.
pub(super) fn states_terms(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    entries.iter().any(|(key, _)| !matches!(key.text.as_str(), "contract" | "signed_on"))
}
