//! Isolation, from the outside: what no token may reach, what no role of the database may see, and
//! what no input may do. The RPCs come from the descriptor set: one without a row here fails.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod answer;
mod inputs;
mod leaves;
mod matrix;
mod raw;
mod rls;
mod samples;
mod table;
mod tokens;
mod world;
