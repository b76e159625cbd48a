//! RFC 6962 trees, signed checkpoints and proofs, verified offline.
