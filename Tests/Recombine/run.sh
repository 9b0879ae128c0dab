#!/bin/sh
# Runs the program twice on the same files: the second time no piece is new.
set -eu
program=${1:?usage: run.sh PATH-TO-RECOMBINE}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tributary-recombine-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
head -c 3000000 /dev/urandom >"$scratch/random"
head -c 3000000 /dev/zero >"$scratch/zeros"
cat "$scratch/random" "$program" >"$scratch/both"
first=$("$program" "$scratch/spool" "$scratch/random" "$scratch/zeros" "$scratch/both" | tee -a /dev/stderr | tail -n 1)
second=$("$program" "$scratch/spool" "$scratch/both" | tee -a /dev/stderr)
[ "$first" = "$second" ] || { echo "recombine: a restart lost or made pieces" >&2; exit 1; }
