#!/bin/bash
# One large file over one and over two hops: seconds, memory, bytes on the wire.
#
#   Tests/Benchmarks/transfer.sh PROGRAM [DIRECTORY] [MEBIBYTES] [RUNS]
#
# PROGRAM is a release build of tributary. Sources, spools and landings lie in DIRECTORY, which is
# made and removed. Mutual TLS, hashing and fdatasync are on, as always.
set -euo pipefail
program=$(realpath "$1")
directory=${2:-$(mktemp -d)}/tributary-bench
mebibytes=${3:-500}
runs=${4:-3}
pids=()

stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}
trap 'stop; rm -rf "$directory"' EXIT

# Bytes that a node has sent and received over TCP with whoever listens at a port.
wire() {
    ss -tinH "dport = :$1" | tr ' ' '\n' |
        awk -F: '/^bytes_sent:/ { s = $2 } /^bytes_received:/ { r = $2 } END { print s, r }'
}

mesh() { # hops
    rm -rf "$directory"
    mkdir -p "$directory"
    if [ "$1" = 1 ]; then
        nodes="origin collector"
        printf '%s\n' 'mesh: bench' 'nodes:' '  origin: {sends: {files: data}}' \
            '  collector: {listens: "127.0.0.1:17442", receives: landed}' \
            'links: [origin -> collector]' >"$directory/mesh.yaml"
    else
        nodes="origin relay collector"
        printf '%s\n' 'mesh: bench' 'nodes:' '  origin: {sends: {files: data}}' \
            '  relay: {listens: "127.0.0.1:17442"}' \
            '  collector: {listens: "127.0.0.1:17443", receives: landed}' \
            'links: [origin -> relay, relay -> collector]' >"$directory/mesh.yaml"
    fi
    "$program" init --topology "$directory/mesh.yaml" --out "$directory/homes" >/dev/null
    for node in $nodes; do
        "$program" run --log-level error --home "$directory/homes/$node" &
        pids+=($!)
    done
    for _ in $(seq 100); do
        "$program" status --home "$directory/homes/origin" 2>/dev/null | grep -qE " (ok|idle) " && return
        read -r -t 0.1 <> <(:) || true
    done
    echo "the nodes did not connect" >&2
    exit 1
}

for hops in 1 2; do
    for run in $(seq "$runs"); do
        mesh "$hops"
        idle=$(wire 17442)
        source="$directory/homes/origin/data"
        head -c 100000 /dev/urandom >"$source/.tributary-new" # left alone by scans
        mv "$source/.tributary-new" "$source/first"
        "$program" send --quiet --home "$directory/homes/origin" --wait landed "$source/first"
        one=$(wire 17442)
        head -c "$((mebibytes << 20))" /dev/urandom >"$source/.tributary-new"
        begun=$(date +%s.%N)
        mv "$source/.tributary-new" "$source/large"
        "$program" send --quiet --home "$directory/homes/origin" --wait landed "$source/large"
        ended=$(date +%s.%N)
        cmp "$source/large" "$directory/homes/collector/landed/origin/files/large"
        memory=""
        for pid in "${pids[@]}"; do
            memory="$memory $(awk '/VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$pid/status")"
        done
        awk -v h="$hops" -v r="$run" -v b="$begun" -v e="$ended" -v m="$mebibytes" \
            -v memory="$memory" -v idle="$idle" -v one="$one" 'BEGIN {
                printf "hops %d run %d: %.2f s, %.0f MiB/s, memory of each node (MiB):%s, " \
                    "wire after hello (sent received): %s, after a file of 100000 bytes: %s\n",
                    h, r, e - b, m / (e - b), memory, idle, one }'
        stop
    done
done
