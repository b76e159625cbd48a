//! The recognition service in this process, on real Postgres and NATS, beside a small owner of the
//! contract log.

mod calls;
mod cases;
mod delivery;
mod golden;
mod owner;
mod rebuild;
mod runs;
mod stack;
mod stops;
