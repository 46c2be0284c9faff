# shellcheck shell=bash
# Sourced by the other scripts: the repository root, messages, versions, and where libtorch is.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LOG_DIR=.cache/log

# A relative LIBTORCH means the same folder to cmake, which would take it from its build folder.
if [ -d "${LIBTORCH:-}" ]; then LIBTORCH=$(cd "$LIBTORCH" && pwd); fi

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# Runs a long command with its output in a log; on failure shows the end of the log.
# usage: logged NAME COMMAND...
logged() {
  local log="$LOG_DIR/$1.log" status=0
  shift
  mkdir -p "$LOG_DIR"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    fail "'$*' failed with exit code $status; the whole output is in $log"
  fi
}

# version_at_least HAVE WANT: compares dotted numbers ("1.13.1+cpu" counts as 1.13.1).
version_at_least() {
  local have="${1%%[!0-9.]*}" want="$2"
  [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ]
}

# Prints where clang-format is, or nothing: the plain name, or Debian's with the version.
find_clang_format() {
  local name
  for name in clang-format clang-format-{19..14}; do
    if command -v "$name"; then return; fi
  done
}

# Prints the folder that holds libtorch's CMake files, or nothing. LIBTORCH wins over all other places.
libtorch_cmake_dir() {
  local IFS=':;' prefix dir
  for prefix in ${LIBTORCH:-${CMAKE_PREFIX_PATH:-}:/usr/local:/opt/homebrew:/home/linuxbrew/.linuxbrew:/usr}; do
    if [ -z "$prefix" ]; then continue; fi
    for dir in "$prefix"/share/cmake/Torch "$prefix"/lib/cmake/Torch "$prefix"/lib/*/cmake/Torch; do
      if [ -f "$dir/TorchConfig.cmake" ]; then
        printf '%s\n' "$dir"
        return
      fi
    done
  done
}

# libtorch_version DIR: the version that the CMake files in DIR state, or nothing.
libtorch_version() {
  sed -n 's/^set(PACKAGE_VERSION "\(.*\)")$/\1/p' "$1/TorchConfigVersion.cmake" 2>/dev/null | head -n 1
}

# Sets AS_ROOT to the words that run a command as root; false if there is no way.
can_be_root() {
  if [ "$(id -u)" -eq 0 ]; then
    AS_ROOT=()
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    AS_ROOT=(sudo -n)
  else
    return 1
  fi
}

apt() {
  "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}
