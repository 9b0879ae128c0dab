#!/bin/sh
# The one list of system packages, for Debian and its kin.
#
#   docker/prerequisites.sh          what building, testing and the demo need
#   docker/prerequisites.sh proto    besides, what `make proto` needs
#   docker/prerequisites.sh bench    besides, what `make bench` compares with
#   docker/prerequisites.sh guard    besides, what `make guard` counts with
#
# Root gets what is missing installed. Everybody else gets the line to run, and status 1.
set -eu

# package          why
list="
libzstd-dev        compression of pieces
libsqlite3-dev     the index of the spool
strace             tests that watch the order of writes and syncs
nftables           tests behind firewalls
iproute2           tests in network namespaces and over slow lines
"
if [ "${1:-}" = proto ]; then
    list="$list
protobuf-compiler  generates code from the schemas
"
fi

if [ "${1:-}" = bench ]; then
    list="$list
python3            the scripts of the benchmarks
rsync              compared with
openssh-server     carries rsync; only an sshd of our own is started
openssh-client     the same
syncthing          compared with
nncp               compared with
restic             compared with
"
fi
if [ "${1:-}" = guard ]; then
    list="$list
python3            compares the counts
valgrind           counts instructions
binutils           leaves out of the program what valgrind does not read
"
fi

if ! command -v swift >/dev/null 2>&1; then
    echo "prerequisites: no swift on the PATH. Install Swift 6.3 or later: https://www.swift.org/install/linux/" >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "prerequisites: not a Debian system; make sure that these are there:$list" >&2
    exit 0
fi

missing=""
for package in $(printf '%s' "$list" | awk 'NF { print $1 }'); do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "prerequisites: missing:$missing" >&2
    echo "Run: sudo apt-get install --yes --no-install-recommends$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # A list of words is meant.
if ! apt-get install --yes --no-install-recommends $missing >/dev/null 2>&1; then
    # A fresh image has no package lists, or old ones.
    apt-get update >&2
    apt-get install --yes --no-install-recommends $missing >&2
fi
