//! Tests of the whole: architecture, isolation, faults, scenarios.
