//! What must not verify.
