#!/bin/sh
# Installs what is missing to build and to run the local stack: a C compiler, Postgres 15 or newer
# and nats-server, as Debian packages, without starting or changing any system service.
# Exit code 2: something is missing that this script cannot install; it says what and how.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
packages=

missing_rust() {
    echo "error: Rust is missing. Install it, then run the command again:" >&2
    echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" >&2
    exit 2
}

has_postgres() {
    for program in "$(command -v postgres || true)" /usr/lib/postgresql/*/bin/postgres; do
        [ -x "$program" ] || continue
        major=$("$program" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
        [ "${major:-0}" -ge 15 ] && return 0
    done
    return 1
}

has_nats() {
    for program in "$(command -v nats-server || true)" /usr/sbin/nats-server \
        /usr/local/bin/nats-server; do
        [ -x "$program" ] || continue
        version=$("$program" --version | sed 's/^[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/')
        # shellcheck disable=SC2086 # major and minor are two words
        set -- $version
        [ "${1:-0}" -gt 2 ] || { [ "${1:-0}" -eq 2 ] && [ "${2:-0}" -ge 9 ]; } && return 0
    done
    return 1
}

find_missing() {
    packages=
    command -v cc >/dev/null || packages="$packages gcc libc6-dev"
    has_postgres || packages="$packages postgresql"
    has_nats || packages="$packages nats-server"
    [ -z "$packages" ]
}

command -v cargo >/dev/null || missing_rust
find_missing && exit 0

echo "installing:$packages" >&2
# shellcheck disable=SC2086 # several packages
if sh "$here/apt-install.sh" $packages && find_missing; then
    exit 0
fi
find_missing || {
    echo "error: these Debian packages are missing (Postgres 15 or newer, nats-server 2.9 or newer):" >&2
    echo "  apt-get install --no-install-recommends$packages" >&2
    exit 2
}
