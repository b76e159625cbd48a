//! The reporting service against real Postgres, driven through its write path with sealed entries.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails its test")]

mod audit;
mod books;
mod figures;
mod groups;
mod history;
mod intake;
mod known;
mod rebuild;
mod service;
