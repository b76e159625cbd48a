//! What the tests of the whole share: the three services as processes on a database and a broker of
//! the test's own, tokens of every kind, and clients that see what they wrote.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its stack has nothing to say"
)]

pub mod checks;
pub mod load;
pub mod people;
pub mod proxy;
pub mod stack;
pub mod story;

pub use people::Caller;
pub use stack::{Service, Stack, StackBuilder, migrated_database};
