//! The fold: one fact into the state of its contract.

use crate::{
    adjust::adjust,
    amend::amend,
    book::book,
    cash::pay,
    effects::Effects,
    error::EngineError,
    facts::Fact,
    invoice::{credit, invoice},
    recognize::recognize,
    report::{progress, reestimate},
    state::ContractState,
    terminate::terminate,
};

/// The state after `fact`, and what it did. The first fact of a contract is its signature. All
/// accounting goes through here, live and on replay.
pub fn fold(
    state: Option<ContractState>,
    fact: &Fact,
) -> Result<(ContractState, Effects), EngineError> {
    let state = match (state, fact) {
        (Some(state), Fact::Signed { .. }) => {
            return Err(EngineError::AlreadySigned(state.contract));
        }
        (None, Fact::Signed { contract, policy }) => return book(contract, policy),
        (None, _) => return Err(EngineError::NotSigned),
        (Some(state), _) => state,
    };
    match fact {
        Fact::Signed { .. } => Err(EngineError::AlreadySigned(state.contract)),
        Fact::Invoiced(fact) => invoice(state, fact),
        Fact::Credited(fact) => credit(state, fact),
        Fact::Paid(fact) => pay(state, fact),
        Fact::Progressed(fact) => progress(state, fact),
        Fact::Reestimated(fact) => reestimate(state, fact),
        Fact::Amended(fact) => amend(state, fact),
        Fact::Terminated(fact) => terminate(state, fact),
        Fact::Adjusted(fact) => adjust(state, fact),
        Fact::Run { through } => recognize(state, *through),
    }
}
