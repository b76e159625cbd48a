//! Previews: what the contract service would write, folded into a copy.

use backlog_ids::ContractId;
use backlog_proto::log::v1::LogEntry;
use backlog_recognition_engine::{
    Explainer, Fact, Periods, Policies, Preview, policies_due, preview,
};
use chrono::NaiveDate;

use super::error::ExplainFault;
use crate::accounting::convert::fact;
use crate::accounting::fact::ContractFact;

/// A change that a preview is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The contract that it is about.
    pub(crate) contract: ContractId,
    /// Whether the contract comes into being with it.
    pub(crate) signs: bool,
    fact: ContractFact,
}

impl Change {
    /// Reads the event that the contract service would write; none where that is no signature,
    /// amendment or termination.
    pub(crate) fn read(event_type: &str, event: &[u8]) -> Option<Self> {
        let entry = LogEntry {
            r#type: event_type.to_owned(),
            payload: event.to_vec(),
            ..LogEntry::default()
        };
        let fact = fact(&entry).ok()?;
        let (contract, signs) = match &fact {
            ContractFact::Signed { contract, .. } => (contract.contract, true),
            ContractFact::Changed {
                contract,
                fact: Fact::Amended(_) | Fact::Terminated(_),
                ..
            } => (*contract, false),
            _ => return None,
        };
        Some(Self { contract, signs, fact })
    }

    /// What it would do, under each treatment that is possible, after the policies that are in force by
    /// its day.
    pub(crate) fn preview(
        self,
        mut explainer: Explainer,
        (policies, periods): (&Policies, Periods),
        run_through: Option<NaiveDate>,
    ) -> Result<Vec<Preview>, ExplainFault> {
        let fact = match self.fact {
            ContractFact::Signed { contract, .. } => {
                let policy = policies.on(contract.signed_on);
                Fact::Signed { contract, policy }
            }
            ContractFact::Changed { fact, .. } => fact,
            _ => return Err(ExplainFault::Internal),
        };
        let due = explainer.state().map(|state| policies_due(state, &fact, policies));
        for version in due.unwrap_or_default() {
            let governed = explainer.take(&Fact::PolicyChanged(version), periods);
            governed.map_err(ExplainFault::Refused)?;
        }
        preview(&explainer, &fact, run_through, periods).map_err(ExplainFault::Refused)
    }
}
