//! Reading `sign` and `draft`: what the parties agree on.

use backlog_recognition_engine::Convention;

use super::{
    block::{Block, Reader},
    model::{Obligation, Terms},
    yaml::{Node, Value},
};

/// Recognition methods there are.
const METHODS: [&str; 1] = ["straight_line"];

impl Reader {
    /// The terms in an opened `sign` or `draft` block, whose `contract` was taken already.
    pub(crate) fn terms(&mut self, mut block: Block<'_>, contract: String) -> Option<Terms> {
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
        block.close(self);
        let obligations = parsed.into_iter().collect::<Option<Vec<_>>>()?;
        let price = optional(price)?;
        Some(Terms { contract, customer, term: term?, dimensions, price, obligations })
    }

    fn obligation(&mut self, node: &Node) -> Option<Obligation> {
        let mut block = Block::open(self, node, "obligation")?;
        let id = block.need(self, "id").and_then(|node| self.text(node, "id"));
        let price = block.take("price").map(|node| self.amount(node, "price"));
        let ssp = block.take("ssp").map(|node| self.amount(node, "ssp"));
        let method = block.need(self, "method");
        let method = method.and_then(|node| self.named(node, "method", &METHODS, |method| method));
        let convention = block.take("convention").map(|node| self.convention(node));
        let term = block.take("term").map(|node| self.span(node, "term"));
        let line = block.take("product_line");
        let product_line = line.map(|node| self.text(node, "product_line"));
        block.close(self);
        method?;
        Some(Obligation {
            id: id?,
            price: optional(price)?,
            ssp: optional(ssp)?,
            term: optional(term)?,
            convention: optional(convention)?,
            product_line: optional(product_line)?.unwrap_or_default(),
        })
    }

    pub(crate) fn convention(&mut self, node: &Node) -> Option<Convention> {
        self.named(node, "convention", Convention::ALL, Convention::name)
    }
}

/// Absent is fine, wrong is not.
pub(crate) fn optional<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

/// Whether a block states terms, rather than naming a draft only.
pub(crate) fn states_terms(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    entries.iter().any(|(key, _)| !matches!(key.text.as_str(), "contract" | "signed_on"))
}
