//! Who calls and what they may do: request context, token verification, permissions, the tower layer.
