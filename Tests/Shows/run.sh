#!/bin/bash
# The integration tests that show what the mesh bears, in full size, with a release build; prints
# the figures that they wrote down.
#
#   Tests/Shows/run.sh PATH-TO-TRIBUTARY [FILTER]
set -euo pipefail
cd "$(dirname "$0")/../.."
TRIBUTARY_PROGRAM=$(realpath "${1:?usage: run.sh PATH-TO-TRIBUTARY [FILTER]}")
TRIBUTARY_SHOW=$(mktemp)
export TRIBUTARY_PROGRAM TRIBUTARY_SHOW
trap 'rm -f "$TRIBUTARY_SHOW"' EXIT
status=0
swift test --skip-build \
    --filter "${2:-IntegrationTests.(Narrow|Chains|Firewalls|Transfers)}" || status=$?
echo
echo "== Figures"
cat "$TRIBUTARY_SHOW"
exit "$status"
