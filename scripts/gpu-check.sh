#!/usr/bin/env bash
# Builds for CUDA on this machine, and says in one call whether all of it works there and how fast: in under 8 minutes.
# usage: [OUT=DIR] scripts/gpu-check.sh [STEP...]    (default: all steps, in the order below)
# shellcheck source-path=SCRIPTDIR source=common.sh
#
# Needs nvcc, g++, cmake, and a python3 with a CUDA build of PyTorch, whose libtorch is taken. Node may be missing: the one
# that NODE names is taken, else ./node, else that of .gpu/kit.tar.xz (scripts/gpu-kit.js), which also has the rest of a
# built repository. Each step has a time of its own, and the next is taken where one fails.
#
# Leaves in OUT (default .cache/gpu-check): gpu-check.json (steps, outcomes, seconds), log.txt, and of the steps
# device.json, verify.json, steps.jsonl, profile.json and a file for bench/results. DEVICE=cpu takes the same steps on the
# processor with tiny sizes. LIMIT: seconds for all of it.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly ALL=(build device verify step-64 step-128 step-64-graphs step-128-graphs resume profile)
readonly CACHE=.cache/gpu-check
export DEVICE=${DEVICE:-cuda} OUT=${OUT:-$CACHE}
mkdir -p "$OUT" "$CACHE/bin"
OUT=$(cd "$OUT" && pwd)
readonly LOG=$OUT/log.txt

bench() { node bench/dist/main.js "$@" --device "$DEVICE"; }

# usage: step PHASE BATCH [OPTION...]: one line for steps.jsonl, and figures as bench/results has them.
step() {
  local size=(--phase "$1" --batch "$2")
  if [ "$DEVICE" = cpu ]; then size=(--phase 1 --batch 4 --n 16 --steps 1 --threads 1 --no-baselines); fi
  bench step "${size[@]}" "${@:3}" --out "$OUT" --json >>"$OUT/steps.jsonl"
}

# With graphs only ours: the baselines are those of the same step without.
graphs() {
  local options=(--no-baselines --no-limit)
  if [ "$DEVICE" = cuda ]; then options+=(--cuda-graphs); fi
  step "$1" "$2" "${options[@]}"
}

# A run that was stopped and resumed must end at the same bytes as one that was not.
resume() {
  local runs=$CACHE/runs file
  local size=(--resolution 32 --latent 64 --channels 64 --batch 16 --kimg-per-phase 0.8)
  local most=4 half=1.6
  if [ "$DEVICE" = cpu ]; then
    size=(--resolution 8 --latent 8 --channels 8 --batch 16 --kimg-per-phase 0.064) most=0.192 half=0.096
  fi
  rm -rf "$runs"
  mkdir -p "$runs"
  pioneer() { node packages/pioneer/bin/pioneer.js "$@"; }
  train() {
    pioneer train --data "$runs/faces.pack" "${size[@]}" --device "$DEVICE" --deterministic --threads 1 --grid-kimg 1000 "$@"
  }
  pioneer dataset prepare procedural:faces "$runs/faces.pack" --resolution "${size[1]}" --count 512
  train --run "$runs/whole" --total-kimg "$most"
  train --run "$runs/parts" --total-kimg "$half"
  pioneer train --run "$runs/parts" --resume --total-kimg "$most"
  for file in networks state; do
    cmp "$(newest "$runs/whole")/$file.safetensors" "$(newest "$runs/parts")/$file.safetensors"
  done
}

newest() { printf '%s\n' "$1"/checkpoint-* | sort | tail -n 1; }

take() {
  case $1 in
    build) scripts/build-native.sh ;;
    device) bench device --json >"$OUT/device.json" ;;
    verify) node packages/pioneer/bin/verify.js fixtures/reference --device "$DEVICE" --json >"$OUT/verify.json" ;;
    step-64) step 4 32 ;;
    step-128) step 5 16 ;;
    step-64-graphs) graphs 4 32 ;;
    step-128-graphs) graphs 5 16 ;;
    resume) resume ;;
    # Each launch is waited for, so that operators have their kernels' time.
    profile) CUDA_LAUNCH_BLOCKING=1 profile >"$OUT/profile.json" ;;
    *) return 2 ;;
  esac
}

profile() {
  local size=(--phase 4 --batch 32)
  if [ "$DEVICE" = cpu ]; then size=(--phase 1 --batch 4 --n 16 --threads 1); fi
  bench profile "${size[@]}" --json
}

# What a step may take on a GPU, its baselines and the search of cuDNN included.
seconds_of() {
  case $1 in
    build) echo 200 ;;
    step-64 | step-128) echo 100 ;;
    resume | device | verify) echo 60 ;;
    *) echo 45 ;;
  esac
}

# This script calls itself, because `timeout` runs commands, not functions.
if [ "${1:-}" = --take ]; then
  take "$2"
  exit
fi

# Where the repository was not built by npm, unpacks the kit, and each new one over the last.
unpack_kit() {
  local kit=.gpu/kit.tar.xz stamp=node_modules/.gpu-kit sum
  if [ ! -f "$kit" ] || { [ -d node_modules ] && [ ! -f "$stamp" ]; }; then return; fi
  sum=$(sha256sum "$kit")
  if [ "$sum" = "$(cat "$stamp" 2>/dev/null)" ]; then return; fi
  say "unpacking $kit"
  # Where there is no xz, Python has it.
  tar -xJf "$kit" 2>>"$LOG" || python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(".")' "$kit"
  printf '%s\n' "$sum" >"$stamp"
}

# Puts a node on the PATH, whatever its name.
find_node() {
  local found=${NODE:-}
  if [ -z "$found" ]; then
    for found in ./node .gpu/node "$(command -v node)"; do
      if [ -x "$found" ]; then break; fi
    done
  fi
  [ -x "$found" ] || fail "there is no Node${NODE:+ at $NODE}: name one in NODE, or bring .gpu/kit.tar.xz, which scripts/gpu-kit.js makes"
  ln -sfn "$(realpath "$found")" "$CACHE/bin/node"
  PATH=$PWD/$CACHE/bin:$PATH
}

# What the build takes: nvcc, the libtorch of python3, and code for this GPU alone.
find_cuda() {
  if ! command -v nvcc >/dev/null && [ -x /usr/local/cuda/bin/nvcc ]; then PATH=$PATH:/usr/local/cuda/bin; fi
  if [ -z "${LIBTORCH:-}" ]; then
    LIBTORCH=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))') || fail "python3 has no PyTorch: set LIBTORCH"
  fi
  CUDAARCHS=${CUDAARCHS:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)} ||
    fail "nvidia-smi shows no GPU; DEVICE=cpu tries the steps without one"
  export LIBTORCH CUDAARCHS
}

steps=("$@")
if [ "$#" -eq 0 ]; then steps=("${ALL[@]}"); fi
for name in "${steps[@]}"; do
  [[ " ${ALL[*]} " == *" $name "* ]] || { say "gpu-check: there is no step $name, only ${ALL[*]}"; exit 2; }
done

rm -f "$OUT"/{gpu-check.json,log.txt,device.json,verify.json,steps.jsonl,profile.json}
unpack_kit
find_node
if [ "$DEVICE" = cuda ]; then find_cuda; fi
PIONEER_BENCH_COMMIT=${PIONEER_BENCH_COMMIT:-$(git rev-parse --short=10 HEAD 2>/dev/null || cat .gpu/commit 2>/dev/null || true)}
export PATH PIONEER_BENCH_COMMIT

readonly LIMIT=${LIMIT:-470}
failed=0 rows=() json=()
for name in "${steps[@]}"; do
  left=$((LIMIT - SECONDS)) most=$(seconds_of "$name") began=$SECONDS status=0
  if [ "$left" -lt "$most" ]; then most=$left; fi
  if [ "$most" -lt 5 ]; then
    outcome="no time left"
  else
    printf '\n== %s\n' "$name" >>"$LOG"
    timeout --kill-after=5 "$most" bash "${BASH_SOURCE[0]}" --take "$name" >>"$LOG" 2>&1 </dev/null || status=$?
    case $status in
      0) outcome=ok ;;
      124 | 137) outcome="not done in $most s" ;;
      *) outcome="failed with $status" ;;
    esac
  fi
  if [ "$outcome" != ok ]; then failed=1; fi
  say "$name: $outcome"
  rows+=("$(printf '%-18s %-20s %5s' "$name" "$outcome" $((SECONDS - began)))")
  json+=("{\"step\":\"$name\",\"outcome\":\"$outcome\",\"seconds\":$((SECONDS - began))}")
done

gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1) || gpu=""
list=$(IFS=,; echo "${json[*]}")
printf '{"device":"%s","gpu":"%s","commit":"%s","steps":[%s]}\n' \
  "$DEVICE" "$gpu" "$PIONEER_BENCH_COMMIT" "$list" >"$OUT/gpu-check.json"
if [ "$failed" -ne 0 ]; then tail -n 60 "$LOG" >&2; fi
printf '\n%-18s %-20s %5s\n' step outcome s
printf '%s\n' "${rows[@]}"
cat "$OUT/steps.jsonl" 2>/dev/null || true
exit "$failed"
