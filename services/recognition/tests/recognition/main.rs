//! The recognition service in this process, on real Postgres and NATS, beside a small owner of the
//! contract log.
#![expect(clippy::unwrap_used, reason = "what the tests share fails like a test")]

mod calls;
mod cases;
mod combinations;
mod delivery;
mod drawn;
mod explain;
mod followed;
mod golden;
mod journal;
mod owner;
mod periods;
mod policies;
mod rebuild;
mod runs;
mod scheduled;
mod stack;
mod standing;
mod stops;
mod variables;
mod what_ifs;
