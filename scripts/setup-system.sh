#!/usr/bin/env bash
# Makes sure that Node, a C++ compiler, cmake and libtorch are there; called with "lint", clang-format too. On Debian
# and Ubuntu it installs what is missing (as root or with passwordless sudo); elsewhere it says how to get it. Silent
# when nothing is missing.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly OLDEST_NODE=20.19
readonly OLDEST_LIBTORCH=1.13

how_to_get_libtorch() {
  say "error: $1"
  cat >&2 <<'TEXT'
Get libtorch in one of three ways, then run make again:
  1. package manager:  apt install libtorch-dev libgloo-dev libopenblas0-openmp   (Debian, Ubuntu; as root)
                       brew install pytorch                                       (macOS)
  2. PyTorch's wheel:  python3 -m venv ~/torch && ~/torch/bin/pip install torch   (pytorch.org has a smaller one, without CUDA)
                       export LIBTORCH=$(~/torch/bin/python -c 'import torch,os;print(os.path.dirname(torch.__file__))')
  3. the zip:          download LibTorch (C++) from pytorch.org, unpack it, export LIBTORCH=/path/to/libtorch
A C++ compiler (g++ or clang++) and cmake are needed too.
TEXT
  exit 1
}

check_node() {
  command -v node >/dev/null || fail "Node is missing; install Node $OLDEST_NODE or newer from nodejs.org"
  local version
  version=$(node --version)
  version_at_least "${version#v}" "$OLDEST_NODE" ||
    fail "Node $version is too old; install Node $OLDEST_NODE or newer from nodejs.org"
  command -v npm >/dev/null || fail "npm is missing; it comes with Node from nodejs.org (Debian: apt install npm)"
}

# True if the system's BLAS is the slow reference implementation of Debian's libblas3, which libtorch-dev brings along.
# Matrix products are some 25 times faster with OpenBLAS. Any other BLAS is the user's choice and stays.
has_reference_blas() {
  local library
  for library in /usr/lib/*/libblas.so.3; do
    case "$(readlink -f "$library")" in
      */blas/libblas.so*) return 0 ;;
    esac
  done
  return 1
}

# Prints the Debian packages that are missing, one per line.
missing_packages() {
  command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || echo g++
  command -v cmake >/dev/null || echo cmake
  if [ -n "${LIBTORCH:-}" ]; then return; fi
  case "$(libtorch_cmake_dir)" in
    "") printf '%s\n' libtorch-dev libgloo-dev libopenblas0-openmp ;;
    /usr/lib/*) # Debian's libtorch: its process-group header includes gloo's, and its BLAS is the system's
      if [ ! -f /usr/include/gloo/config.h ]; then echo libgloo-dev; fi
      if has_reference_blas; then echo libopenblas0-openmp; fi
      ;;
  esac
}

# What happens when packages are missing and apt or root is not there.
cannot_install() {
  local reason="$1"
  shift
  case " $* " in
    *" libtorch-dev "*) how_to_get_libtorch "missing: $*; $reason" ;;
    *" g++ "* | *" cmake "*) fail "missing: $*; $reason. Install a C++ compiler and cmake by hand" ;;
    *" clang-format "*) say "note: missing: $*; $reason. Going on without: the format of C++ stays unchecked" ;;
    *) say "note: missing: $*; $reason. Going on without (OpenBLAS makes training faster)" ;;
  esac
}

install_packages() {
  if ! command -v apt-get >/dev/null; then
    cannot_install "this system has no apt" "$@"
    return
  elif ! can_be_root; then
    # A password is for a terminal, and make may have none: the one line that installs all of it is for the user to run.
    cannot_install "installing needs root; run this line, then make again: sudo apt-get install --no-install-recommends $*" "$@"
    return
  fi
  say "installing $* (some minutes when libtorch is among them; log in $LOG_DIR)"
  logged apt-update apt update

  case " $* " in
    *" libtorch-dev "*)
      local offered
      offered=$(apt-cache policy libtorch-dev | sed -n 's/^ *Candidate: //p')
      case "$offered" in
        "" | "(none)") how_to_get_libtorch "this system's apt has no libtorch-dev" ;;
      esac
      version_at_least "$offered" "$OLDEST_LIBTORCH" ||
        how_to_get_libtorch "apt offers libtorch-dev $offered; $OLDEST_LIBTORCH or newer is needed"
      ;;
  esac
  logged apt-install apt install --no-install-recommends "$@"
}

check_libtorch() {
  local dir version
  dir=$(libtorch_cmake_dir)
  if [ -z "$dir" ]; then
    if [ -n "${LIBTORCH:-}" ]; then
      how_to_get_libtorch "LIBTORCH=$LIBTORCH holds no share/cmake/Torch/TorchConfig.cmake"
    fi
    how_to_get_libtorch "libtorch was not found"
  fi
  version=$(libtorch_version "$dir")
  if [ -n "$version" ] && ! version_at_least "$version" "$OLDEST_LIBTORCH"; then
    how_to_get_libtorch "the libtorch in $dir is $version; $OLDEST_LIBTORCH or newer is needed"
  fi
}

check_node
missing=$(missing_packages)
# shellcheck disable=SC2086 # package names hold no spaces: one word each
if [ -n "$missing" ]; then install_packages $missing; fi
check_libtorch

if [ "${1:-}" = lint ] && [ -z "$(find_clang_format)" ]; then
  # Not worth failing for: lint skips what it cannot check, and says so.
  (install_packages clang-format) || say "note: clang-format could not be installed"
fi
