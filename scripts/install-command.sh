#!/usr/bin/env bash
# Puts PREFIX/bin/pioneer there, a link to the command of this repository; with --remove takes it away. Replaces nothing
# else of that name.
# usage: install-command.sh [--remove] PREFIX
# shellcheck source-path=SCRIPTDIR source=common.sh
HERE=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

remove=false
if [ "$1" = --remove ]; then
  remove=true
  shift
fi
readonly COMMAND=$PWD/packages/pioneer/bin/pioneer.js
# A relative PREFIX is meant from where make was called.
case "$1" in /*) folder=$1/bin ;; *) folder=$HERE/$1/bin ;; esac
readonly LINK=$folder/pioneer

if [ -e "$LINK" ] || [ -L "$LINK" ]; then
  case "$(readlink "$LINK")" in
    */packages/pioneer/bin/pioneer.js) ;;
    *) fail "$LINK is there and is not ours; remove it, or give another PREFIX" ;;
  esac
fi
if $remove; then
  rm -f "$LINK"
  say "removed $LINK"
  exit 0
fi
mkdir -p "$folder" && ln -sfn "$COMMAND" "$LINK" || fail "cannot write to $folder; give a PREFIX of your own, or run make install as its owner"
say "installed $LINK"
case ":$PATH:" in
  *":$folder:"*) ;;
  *) say "note: $folder is not on your PATH; put it there: export PATH=\"$folder:\$PATH\"" ;;
esac
