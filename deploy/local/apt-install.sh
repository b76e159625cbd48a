#!/bin/sh
# Installs Debian packages as root, or with sudo where it asks for no password, so that no service
# is started, no service starts at the next boot, and no Postgres cluster is created. What this
# changes under /etc and /usr/sbin meanwhile, it puts back.
# Usage: apt-install.sh PACKAGE...
set -eu

command -v apt-get >/dev/null || { echo "error: there is no apt-get here" >&2; exit 2; }
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null && exec sudo -n sh "$0" "$@"
    echo "error: installing packages needs root, or sudo without a password" >&2
    exit 2
fi

policy=/usr/sbin/policy-rc.d
policy_saved=$policy.before-backlog
clusters=/etc/postgresql-common/createcluster.d
cluster=$clusters/zz-backlog.conf
mark="# written by backlog/deploy/local/apt-install.sh for the time of one installation"
nats_was_there=$(dpkg-query --show --showformat '${db:Status-Status}' nats-server 2>/dev/null || true)

restore() {
    if grep -qsF "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$policy_saved" ]; then mv "$policy_saved" "$policy"; fi
    rm -f "$cluster"
    # Only folders that nobody else needs: rmdir leaves one that is not empty.
    if ! dpkg-query --search "$clusters" >/dev/null 2>&1; then
        rmdir "$clusters" "${clusters%/*}" 2>/dev/null || true
    fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
restore # what an interrupted run left

if [ -e "$policy" ]; then mv "$policy" "$policy_saved"; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"
mkdir -p "$clusters"
printf '%s\ncreate_main_cluster = false\n' "$mark" >"$cluster"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "warning: the package lists could not be updated" >&2
apt-get install --yes -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >&2

case " $* " in
*" nats-server "*)
    # Its package makes the service start at every boot.
    if [ "$nats_was_there" != installed ] && command -v systemctl >/dev/null; then
        systemctl --quiet disable nats-server.service || true
    fi
    ;;
esac
