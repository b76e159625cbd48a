#!/bin/sh
# Prints where buf is: on PATH, or installed under target/ by npm or pip, whichever there is.
set -eu
version=1.75.0
target=$(cd "$(dirname "$0")/../.." && pwd)/target/buf-$version
here=$(cd "$(dirname "$0")" && pwd)

found() {
    [ -x "$1" ] && "$1" --version >/dev/null 2>&1 && echo "$1" && exit 0
    return 0
}

with_npm() {
    command -v npm >/dev/null || return 1
    npm install --prefix "$target/npm" --no-save --no-audit --no-fund --silent \
        "@bufbuild/buf@$version" >&2
}

with_pip() {
    python3 -m pip --version >/dev/null 2>&1 || return 1
    python3 -m pip install --quiet --disable-pip-version-check --target "$target/pip" \
        "buf-bin==$version" >&2
}

found "$(command -v buf || true)"
found "$target/npm/node_modules/.bin/buf"
found "$target/pip/bin/buf"
echo "installing buf $version under target/" >&2
mkdir -p "$target"
with_npm || true
found "$target/npm/node_modules/.bin/buf"
with_pip || { sh "$here/apt-install.sh" python3-pip && with_pip; } || true
found "$target/pip/bin/buf"
echo "error: buf is missing. Install it: npm install --global @bufbuild/buf@$version" >&2
exit 2
