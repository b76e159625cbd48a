//! The contract service.
