#!/usr/bin/env bash
# Checks that the C++ of packages/torch is formatted as its .clang-format says; with --write, formats it.
# Skips, and says so, where clang-format is missing.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly OLDEST=14

tool=$(find_clang_format)
if [ -z "$tool" ]; then
  say "skipped: the format of C++, because clang-format is missing (apt install clang-format, brew install clang-format)"
  exit 0
fi
version=$("$tool" --version | sed -n 's/.*clang-format version \([0-9.]*\).*/\1/p')
if ! version_at_least "$version" "$OLDEST"; then
  say "skipped: the format of C++, because clang-format $version is older than $OLDEST"
  exit 0
fi

mapfile -t files < <(find packages/torch/native packages/torch/test/cuda -type f)
if [ "${1:-}" = --write ]; then
  "$tool" -i "${files[@]}"
elif places=$("$tool" --dry-run "${files[@]}" 2>&1 | grep -o '^[^ :]*:[0-9]*'); then
  uniq <<<"$places" >&2
  fail "C++ is not formatted (clang-format $version): run npm run format"
fi
