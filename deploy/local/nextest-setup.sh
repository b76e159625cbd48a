#!/bin/sh
# Starts one Postgres and one NATS for a whole test run. They end when the test runner, which is
# the parent of this script, has ended.
set -eu
program="${CARGO_TARGET_DIR:-target}/debug/backlog-local-stack"
# Built with everything else by `make test`; by itself it would need other features of its dependencies.
[ -x "$program" ] || cargo build --quiet --package backlog-local-stack
folder=$("$program" --while-process "$PPID")
echo "BACKLOG_TEST_STACK=$folder" >>"$NEXTEST_ENV"
