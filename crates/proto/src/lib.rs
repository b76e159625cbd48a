//! Generated gRPC code, the descriptor set, and conversions of shared values.
