#!/bin/sh
# Starts one Postgres and one NATS for a whole test run. They end when the test runner, which is
# the parent of this script, has ended.
set -eu
folder=$(cargo run --quiet --package backlog-local-stack -- --while-process "$PPID")
echo "BACKLOG_TEST_STACK=$folder" >>"$NEXTEST_ENV"
