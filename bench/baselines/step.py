"""Times training steps of one baseline: python3 step.py authors|tuned|compiled --phase 4 --batch 8. Prints one JSON object."""

import argparse
import json
import re
import sys
import time

import torch

import authors
import tuned
from common import on_sphere, random_start

parser = argparse.ArgumentParser()
parser.add_argument("variant", choices=["authors", "tuned", "compiled"])
parser.add_argument("--phase", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--n", type=int, default=512)
parser.add_argument("--steps", type=int, default=5)
# That timed steps take at least, and before them the warm-up.
parser.add_argument("--least-seconds", type=float, default=0)
# Of warm-up and steps together: fewer steps are timed where they do not fit, but at least one.
parser.add_argument("--seconds", type=float, default=float("inf"))
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
options = parser.parse_args()

torch.set_num_threads(options.threads)
if options.device == "cuda":
    # Whatever is made from here on is made there. float32 is float32, as ours is; the best convolutions are looked for.
    torch.set_default_device("cuda")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    tuned.DEVICE = "cuda"
wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None
torch.manual_seed(0)
state = random_start(options.n, options.n)
if options.variant == "authors":
    trainer = authors.Trainer(state)
else:
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    trainer = tuned.Trainer(state, dtype, compiled=options.variant == "compiled")
del state

resolution = 4 * 2**options.phase
seconds = []
# One step that is not timed; under torch.compile a second one, because the first gradients change what is compiled.
warm_up = 2 if options.variant == "compiled" else 1
began = time.perf_counter()
warmed = 0
while len(seconds) < options.steps or sum(seconds) < options.least_seconds:
    spent = time.perf_counter() - began
    is_warm_up = not seconds and (warmed < warm_up or spent < options.least_seconds)
    if seconds and spent + seconds[-1] > options.seconds:
        break
    x = torch.rand(options.batch, 3, resolution, resolution) * 2 - 1
    z = [on_sphere(options.batch, options.n) for _ in range(3)]
    wait()
    start = time.perf_counter()
    trainer.step(x, z[0], z[1:], options.phase)
    wait()
    took = time.perf_counter() - start
    if is_warm_up:
        warmed += 1
        print(f"warm-up {took:.1f} s", file=sys.stderr)
    else:
        seconds.append(took)

if options.device == "cuda":
    peak = torch.cuda.max_memory_allocated() / 2**20
else:
    with open("/proc/self/status") as status:
        peak = int(re.search(r"^VmHWM:\s+(\d+) kB$", status.read(), re.M).group(1)) / 1024
print(json.dumps({"torch": torch.__version__.split("+")[0], "threads": torch.get_num_threads(), "secondsPerStep": seconds, "peakRssMiB": peak}))
