#!/usr/bin/env bash
# Builds the page of packages/studio with Vite. Does nothing when it is newer than what it is made of.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly PACKAGE=packages/studio
readonly PAGE=$PACKAGE/dist/page/index.html
readonly SOURCES=("$PACKAGE"/{src/page,src/shared,vite.config.ts,package.json} packages/runtime/src package-lock.json)

if [ -f "$PAGE" ] && [ -z "$(find "${SOURCES[@]}" -newer "$PAGE" | head -n 1)" ]; then exit 0; fi
say "building the page of pioneer studio"
logged build-page node_modules/.bin/vite build --config "$PACKAGE/vite.config.ts"
# Vite may have copied the file as it was: the touch tells the check above that there is nothing to do.
touch "$PAGE"
