#!/bin/bash
# Three nodes on this machine: origin -> relay -> collector. Real files go in at one end and are
# compared byte for byte at the other. Exits 0 only if every step held.
#
#   Tests/Demo/run.sh PATH-TO-TRIBUTARY
set -euo pipefail

tributary=$(realpath "${1:?usage: run.sh PATH-TO-TRIBUTARY}")
here=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tributary-demo-XXXXXX")
declare -A daemon=()

say() { printf '\n== %s\n' "$*"; }

# Whether a daemon has ended; the shell reaps it, and keeps its status for `wait`.
ended() { ! kill -0 "$1" 2>/dev/null; }

finish() {
    status=$?
    for node in "${!daemon[@]}"; do kill -TERM "${daemon[$node]}" 2>/dev/null || true; done
    for node in "${!daemon[@]}"; do
        for _ in $(seq 50); do
            ended "${daemon[$node]}" && break
            sleep 0.1
        done
        kill -KILL "${daemon[$node]}" 2>/dev/null || true
    done
    if [ "$status" -eq 0 ]; then
        rm -rf "$scratch"
    else
        echo
        for log in "$scratch"/*.log; do
            [ -e "$log" ] || continue
            echo "-- the end of $log"
            tail -n 20 "$log"
        done
        echo "demo: failed with status $status; everything is left in $scratch" >&2
    fi
}
trap finish EXIT

# A port that nothing answers on. Somebody may still take it before the node does; then try again.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

wait_until() {
    local what=$1 deadline=$((SECONDS + 30))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "demo: waited 30 s: $what" >&2; return 1; }
        sleep 0.2
    done
}

say "A topology, checked"
topology="$scratch/line.yaml"
relay_port=$(free_port)
collector_port=$(free_port)
sed -e "s/127\.0\.0\.1:7441/127.0.0.1:$relay_port/" \
    -e "s/127\.0\.0\.1:7442/127.0.0.1:$collector_port/" \
    "$here/topologies/line.yaml" >"$topology"
"$tributary" topology check "$topology"

say "Keys and a home for each node"
mesh="$scratch/mesh"
"$tributary" init --topology "$topology" --out "$mesh"

say "A tree of files at the origin"
source="$mesh/origin/data"
mkdir -p "$source/code" "$source/large" "$source/odd names"
cp -R "$here/Sources" "$here/Tests" "$source/code/"
head -c 50000000 /dev/urandom >"$source/large/random.bin"
head -c 20000000 /dev/zero >"$source/large/zeros.bin"
cp "$source/large/random.bin" "$source/large/again.bin"
: >"$source/empty"
printf 'Grüße' >"$source/odd names/ütf-8 and spaces"
printf 'bytes' >"$source/odd names/$(printf 'not utf-8 \377\376')"
printf 'line' >"$source/odd names/$(printf 'a\nline feed')"
chmod 640 "$source/empty"
find "$source" -type f -printf '%s\n' | awk '{ n++; b += $1 } END { printf "%d files, %d bytes\n", n, b }'

say "Three daemons"
mkdir -p "$mesh/collector/landed"
for node in origin relay collector; do
    "$tributary" run --home "$mesh/$node" >"$scratch/$node.log" 2>&1 &
    daemon[$node]=$!
done
answers_or_died() {
    ended "${daemon[$1]}" || "$tributary" status --home "$mesh/$1" --quiet
}
for node in origin relay collector; do
    wait_until "$node answers" answers_or_died "$node"
    ! ended "${daemon[$node]}" || { echo "demo: $node did not stay" >&2; exit 1; }
    echo "$node runs as process ${daemon[$node]}"
done

say "Send, and wait until everything has landed"
begun=$(date +%s.%N)
timeout 300 "$tributary" send --home "$mesh/origin" --flow files --wait landed "$source"
awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f s\n", b - a }'

say "The same bytes, modes and times at both ends"
landed="$mesh/collector/landed/origin/files"
digests() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }
attributes() { (cd "$1" && find . -type f -printf '%P %m %TY%Tm%Td%TH%TM%TS\0' | LC_ALL=C sort -z | tr '\0' '\n'); }
digests "$source" >"$scratch/sent.sha256"
digests "$landed" >"$scratch/landed.sha256"
cmp "$scratch/sent.sha256" "$scratch/landed.sha256"
attributes "$source" >"$scratch/sent.attributes"
attributes "$landed" >"$scratch/landed.attributes"
cmp "$scratch/sent.attributes" "$scratch/landed.attributes"
echo "$(wc -l <"$scratch/landed.sha256") files compared; nothing differs"

say "Where one of them has been, as the collector knows it"
"$tributary" trace --home "$mesh/collector" large/random.bin

say "And as the origin knows it"
"$tributary" trace --home "$mesh/origin" "$source/large/random.bin"

say "What each node says of itself"
for node in origin relay collector; do
    "$tributary" status --home "$mesh/$node"
    echo
done

say "Stop"
for node in origin relay collector; do
    kill -TERM "${daemon[$node]}"
    wait_until "$node stops" ended "${daemon[$node]}"
    wait "${daemon[$node]}"
    unset "daemon[$node]"
    echo "$node stopped"
done
echo
echo "demo: all held"
