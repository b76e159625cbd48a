//! The contract service in process, on a real Postgres and NATS.
#![expect(clippy::unwrap_used, reason = "a test that cannot ask has nothing to say")]
#![expect(clippy::panic, reason = "what must not be ends the test")]

mod bad_input;
mod cancellation;
mod changes;
mod concurrency;
mod contracts;
mod harness;
mod idempotency;
mod invoices;
mod operation;
mod platform;
