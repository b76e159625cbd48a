//! Exact money: currencies, minor units, stated rounding, splits that sum.
