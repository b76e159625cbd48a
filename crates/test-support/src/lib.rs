//! Test database, test broker, fixed clock, tokens, in-process servers.
