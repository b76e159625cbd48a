//! Why contracts are accounted for as one, on the wire.

use backlog_proto::recognition::v1 as pb;
use backlog_recognition_engine::CombinationCriterion;

/// A criterion of ASC 606-10-25-9.
pub(crate) const fn criterion(of: CombinationCriterion) -> pb::CombinationCriterion {
    match of {
        CombinationCriterion::SingleObjective => pb::CombinationCriterion::SingleObjective,
        CombinationCriterion::DependentConsideration => {
            pb::CombinationCriterion::DependentConsideration
        }
        CombinationCriterion::SingleObligation => pb::CombinationCriterion::SingleObligation,
    }
}
