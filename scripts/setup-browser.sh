#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests that run in a browser. On Debian it installs one (as root or with
# passwordless sudo); where it cannot, it says so, and those tests are skipped. Silent when nothing is missing.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly MAC_CHROME="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

skipped() {
  say "note: no Chromium; $1. Tests in a browser are skipped (set CHROMIUM to the browser you have)"
  exit 0
}

if [ -n "${CHROMIUM:-}" ] || [ -x "$MAC_CHROME" ]; then exit 0; fi
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done

command -v apt-get >/dev/null || skipped "this system has no apt"
can_be_root || skipped "installing needs root or passwordless sudo"
say "installing chromium for the tests in a browser (log in $LOG_DIR)"
# In a subshell, which a failure ends instead of this script.
(logged apt-update apt update && logged apt-install-chromium apt install --no-install-recommends chromium) ||
  skipped "apt could not install it"
