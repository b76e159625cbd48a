//! Criteria of a contract, between the wire and the engine.

use backlog_proto::common::v1::ContractCriterion as Wire;
use backlog_proto::fields::Fields;
use backlog_recognition_engine::Criterion;

/// A criterion on the wire.
pub(crate) const fn criterion(of: Criterion) -> Wire {
    match of {
        Criterion::Approval => Wire::Approval,
        Criterion::Rights => Wire::Rights,
        Criterion::PaymentTerms => Wire::PaymentTerms,
        Criterion::CommercialSubstance => Wire::CommercialSubstance,
        Criterion::Collection => Wire::Collection,
    }
}

/// Criteria from the wire, each once.
pub(super) fn criteria(field: &str, wire: &[i32], fields: &mut Fields) -> Option<Vec<Criterion>> {
    let mut read = Vec::with_capacity(wire.len());
    for (index, value) in wire.iter().enumerate() {
        let known = Criterion::ALL.iter().find(|of| i32::from(criterion(**of)) == *value);
        match known.filter(|known| !read.contains(*known)) {
            Some(known) => read.push(*known),
            None => {
                let sentence = "must be a criterion that is known here, each once";
                fields.violation(format!("{field}[{index}]"), sentence);
                // One sentence is enough for a list of any length.
                break;
            }
        }
    }
    (read.len() == wire.len()).then_some(read)
}
