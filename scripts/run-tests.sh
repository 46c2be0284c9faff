#!/usr/bin/env bash
# Runs all tests; leaves vitest's report in .cache/test-report.json, from which .ci/run counts. Files of which something
# failed run a second time with nothing beside them, where they are at most three: its report is test-report-again.json.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly REPORT=.cache/test-report.json AGAIN=.cache/test-report-again.json
rm -f "$REPORT" "$AGAIN"

run() { node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$1" "${@:2}"; }

run "$REPORT" "$@" && exit 0
mapfile -t failed < <(node scripts/test-report.js --failed "$REPORT")
[ "${#failed[@]}" -ge 1 ] && [ "${#failed[@]}" -le 3 ] || exit 1
say "once more, alone: ${failed[*]}"
run "$AGAIN" --no-file-parallelism "${failed[@]}"
