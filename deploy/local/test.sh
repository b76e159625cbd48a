#!/bin/sh
# Runs all tests of the workspace on one private Postgres and NATS: with cargo-nextest where it is
# installed, with cargo test otherwise. The exit code is that of the tests.
set -eu
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace
    # nextest leaves out the examples in documentation.
    exec cargo test --workspace --doc --quiet
fi
# The stack ends with this process, which becomes cargo.
BACKLOG_TEST_STACK=$("${CARGO_TARGET_DIR:-target}/debug/backlog-local-stack" --while-process $$)
export BACKLOG_TEST_STACK
exec cargo test --workspace
