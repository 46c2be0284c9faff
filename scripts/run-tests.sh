#!/usr/bin/env bash
# Runs all tests; leaves vitest's report in .cache/test-report.json, from which .ci/run counts.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json=.cache/test-report.json "$@"
