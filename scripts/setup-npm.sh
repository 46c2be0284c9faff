#!/usr/bin/env bash
# Installs the npm packages of package-lock.json, once per content of that file, and links the pioneer command.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly STAMP=node_modules/.installed-package-lock.json

if cmp -s package-lock.json "$STAMP" && [ -e node_modules/.bin/pioneer ]; then exit 0; fi
say "installing npm packages"
# Without its CUDA libraries, which nothing here uses and which are not in its package.
ONNXRUNTIME_NODE_INSTALL=skip logged npm-ci npm ci
cp package-lock.json "$STAMP"
