//! The reporting service against real Postgres, driven through its write path with sealed entries.

mod audit;
mod books;
mod figures;
mod groups;
mod history;
mod intake;
mod known;
mod rebuild;
mod service;
