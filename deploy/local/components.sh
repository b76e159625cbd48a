#!/bin/sh
# Adds rustfmt and clippy to the toolchain where they are missing.
set -eu
cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && exit 0
command -v rustup >/dev/null && rustup component add rustfmt clippy && exit 0
echo "error: rustfmt or clippy is missing. Install them: rustup component add rustfmt clippy" >&2
exit 2
