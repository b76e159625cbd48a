//! Scenario files: worked examples that run, through a stack or through the pure fold alone.
//!
//! A file is parsed strictly, played step by step, and every figure in it compared. The format is
//! described in `tests/scenarios/README.md`.

mod block;
mod check;
mod engine_player;
mod model;
mod parse;
mod player;
mod report;
mod run;
mod stack_player;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use block::parse_date;
pub(crate) use engine_player::EnginePlayer;
pub(crate) use model::{
    Action, Amendment, Change, Clause, ClauseParty, Concession, Invoice, Method, Milestone,
    Obligation, Scenario, Terms, Treatment, Variable, VariableKind, Verb, View, Weight,
};
pub(crate) use parse::{parse, read_amendment, read_file, read_terms};
pub(crate) use player::Player;
pub(crate) use report::{FileReport, render};
pub(crate) use run::play;
pub(crate) use stack_player::StackPlayer;
pub(crate) use yaml::Problem;
