//! Typed, prefixed identifiers with UUIDv7 inside.
