//! Explanations of a contract's figures, and previews of changes. Nothing is written: the contract's
//! facts are folded again beside the books.

pub mod convert;
pub mod error;
pub mod grpc;
pub(crate) mod history;
pub(crate) mod preview;
pub(crate) mod queries;
