#!/usr/bin/env bash
# Builds the C++ addon of packages/torch. Does nothing when it is newer than its sources and was built against the
# libtorch that is asked for now. Another libtorch or CUDA compiler, or a repository that was moved, starts from a clean
# build folder. CUDAARCHS="90" builds for such GPUs alone (H100).
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly PACKAGE=packages/torch
readonly BUILD=$PACKAGE/build
readonly ADDON=$BUILD/pioneer_torch.node
readonly STAMP=$BUILD/libtorch.stamp

# What the CUDA kernels are compiled with, where libtorch has a CUDA half.
cuda_compiler() {
  local nvcc
  if ! compgen -G "$1/../../libtorch_cuda.*" >/dev/null && ! compgen -G "$1/../../../lib/libtorch_cuda.*" >/dev/null; then return; fi
  nvcc=$(command -v "${CUDACXX:-nvcc}") || { printf ' with CUDA, without nvcc'; return; }
  printf ' with CUDA, %s (%s)' "$nvcc" "$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')"
}

libtorch=$(libtorch_cmake_dir)
wanted="$libtorch $(libtorch_version "$libtorch")$(cuda_compiler "$libtorch") in $PWD"

if [ "$(cat "$STAMP" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$BUILD"
elif [ -f "$ADDON" ] && [ -z "$(find "$PACKAGE/native" "$PACKAGE/CMakeLists.txt" -newer "$ADDON" | head -n 1)" ]; then
  exit 0
fi

say "building $ADDON with ${wanted%% in *}"
if [ ! -f "$STAMP" ]; then
  logged cmake-configure cmake -S "$PACKAGE" -B "$BUILD" -DCMAKE_BUILD_TYPE=Release \
    -DTorch_DIR="$libtorch" ${LIBTORCH:+"-DCMAKE_PREFIX_PATH=$LIBTORCH"} \
    ${CUDAARCHS:+"-DCMAKE_CUDA_ARCHITECTURES=$CUDAARCHS"}
  printf '%s\n' "$wanted" >"$STAMP"
fi
logged cmake-build cmake --build "$BUILD" --parallel "$(getconf _NPROCESSORS_ONLN)"
[ -f "$ADDON" ] || fail "the build ended without $ADDON; see $LOG_DIR/cmake-build.log"
# cmake leaves an up-to-date addon alone: the touch tells the check above that there is nothing to do.
touch "$ADDON"
