//! Scenario files: worked examples that run, through a stack or through the pure fold alone.
//!
//! [`read_file`] parses strictly, [`run`] plays through a [`player::Player`] and compares; the
//! format is described in `tests/scenarios/README.md`.

mod block;
mod check;
mod engine_player;
mod expect;
mod model;
mod parse;
pub(crate) mod player;
mod report;
mod run;
mod terms;
mod yaml;

#[cfg(test)]
mod tests;

pub use engine_player::EnginePlayer;
pub use model::Scenario;
pub use parse::{parse, read_file};
pub use report::{Check, FileReport, render};
pub(crate) use run::play;
pub use yaml::Problem;
