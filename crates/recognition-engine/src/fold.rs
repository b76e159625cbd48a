//! The fold: one fact into the state of its contract.

use crate::{
    book::book, effects::Effects, error::EngineError, facts::Fact, invoice::invoice,
    recognize::recognize, state::ContractState,
};

/// The state after `fact`, and what it did. The first fact of a contract is its signature. All
/// accounting goes through here, live and on replay.
pub fn fold(
    state: Option<ContractState>,
    fact: &Fact,
) -> Result<(ContractState, Effects), EngineError> {
    match (state, fact) {
        (Some(state), Fact::Signed { .. }) => Err(EngineError::AlreadySigned(state.contract)),
        (None, Fact::Signed { contract, policy }) => book(contract, policy),
        (None, Fact::Invoiced(_) | Fact::Run { .. }) => Err(EngineError::NotSigned),
        (Some(mut state), Fact::Invoiced(fact)) => {
            let effects = invoice(&mut state, fact)?;
            Ok((state, effects))
        }
        (Some(mut state), Fact::Run { through }) => {
            let effects = recognize(&mut state, *through)?;
            Ok((state, effects))
        }
    }
}
