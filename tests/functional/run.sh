#!/usr/bin/env bash
# Runs the functional tests with the given options of `stestr run`.
#
# Up to three tests that fail are named and run once more, one at a time. They start hundreds of
# processes in parallel, and a busy machine can delay one of them for many seconds. A test that
# passes then has met a delay, or it has found a race: look at its first output.
set -uo pipefail

stestr=${STESTR:-stestr}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$stestr" run "$@" | tee "$log" && exit

# A class whose preparation failed is named as `setUpClass (module.Class)`.
failed=$(sed -nE 's/^\{[0-9]+\} (setUpClass \()?([A-Za-z0-9_.]+).* FAILED$/\2/p' "$log" | sort -u)
printf '== Failed:\n%s\n' "$failed"
if [ -z "$failed" ] || [ "$(wc -l <<< "$failed")" -gt 3 ]; then
    exit 1
fi
echo '== The failed tests run once more, one at a time'
printf '%s\n' "$failed" > "$log"
"$stestr" run --serial --include-list "$log"
