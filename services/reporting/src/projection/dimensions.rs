//! Segments: combinations of reporting dimensions with few values each.

use std::collections::BTreeMap;

use backlog_ids::{TenantId, derive};
use uuid::Uuid;

/// A combination of product line and the tenant's own dimensions. The customer is no part of it: there
/// are too many of them, so reports by customer sum by contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DimensionSet {
    /// Its id, the same for the same values always.
    pub(crate) segment: Uuid,
    /// Product line; empty for measures of whole contracts, and where an obligation has none.
    pub(crate) product_line: String,
    /// The tenant's own dimensions as a JSON object of texts.
    pub(crate) dimensions: String,
}

impl DimensionSet {
    /// The set of these values.
    pub(crate) fn new<'a>(
        tenant: TenantId,
        product_line: &str,
        dimensions: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        let sorted: BTreeMap<&String, &String> = dimensions.into_iter().collect();
        let object = sorted.into_iter().map(|(name, value)| (name.clone(), value.clone().into()));
        let dimensions = serde_json::Value::Object(object.collect()).to_string();
        // JSON is unambiguous, so different values never share a name.
        let name = serde_json::Value::from(vec![product_line, &dimensions]).to_string();
        Self {
            segment: derive(tenant.uuid(), &name),
            product_line: product_line.to_owned(),
            dimensions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that a segment is its values: the same ones give the same id in any order, and no two
    // different combinations share one, even where their texts run into each other.
    #[test]
    fn a_segment_is_its_values() {
        let tenant = TenantId::from_uuid(Uuid::from_u128(1));
        let set = |product_line: &str, pairs: &[(&str, &str)]| {
            let dimensions =
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let dimensions: Vec<(String, String)> = dimensions.collect();
            DimensionSet::new(tenant, product_line, dimensions.iter().map(|(n, v)| (n, v)))
        };
        let one = set("saas", &[("region", "EMEA"), ("rep", "ann")]);
        assert_eq!(one, set("saas", &[("rep", "ann"), ("region", "EMEA")]));
        assert_eq!(one.dimensions, r#"{"region":"EMEA","rep":"ann"}"#);
        let others = [
            set("", &[("region", "EMEA"), ("rep", "ann")]),
            set("saas", &[("region", "EMEA")]),
            set("saas", &[("region", r#"EMEA","rep":"ann"#)]),
            set(r#"saas","{}"#, &[]),
        ];
        assert!(others.iter().all(|other| other.segment != one.segment));
        let elsewhere = TenantId::from_uuid(Uuid::from_u128(2));
        assert_ne!(
            DimensionSet::new(elsewhere, "", []).segment,
            DimensionSet::new(tenant, "", []).segment
        );
    }
}
