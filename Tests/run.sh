#!/bin/sh
# Runs all tests that `swift build --build-tests` built, and says at the end what failed.
#
# Those of real daemons and of real lines share a machine, and its time, with whatever else runs
# there. Where one to three of them fail, these are run once more by themselves; if they pass then,
# the run is green and names them as unsteady, which is a fault to be found. All others fail at once.
set -u
cd "$(dirname "$0")/.."
log=.build/tests.log

run() {
    { swift test --skip-build "$@" 2>&1; echo "$?" >"$log.status"; } | tee "$log"
    return "$(cat "$log.status")"
}

run && exit 0
failed=$(sed -n 's/^✘ Test \([A-Za-z0-9_]*\)(.* failed after .*/\1/p' "$log" | sort -u)
count=$(printf '%s\n' "$failed" | grep -c .)
echo
echo "== Failed ($count):" $failed
grep -A 3 '^✘ Test .* recorded an issue' "$log" | cut -c1-600
[ "$count" -ge 1 ] && [ "$count" -le 3 ] || exit 1

echo "== Once more, if they are tests of real daemons or lines"
filter=$(printf '%s' "$failed" | tr '\n' '|')
run --filter "^(IntegrationTests|MeshLinksTests)\..*/($filter)\(" || exit 1
# A filter that finds nothing passes as well.
grep -q "Test run with $count test" "$log" || exit 1
echo "== Unsteady, but green the second time:" $failed
