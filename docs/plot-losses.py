"""Loss curves of a run: python3 docs/plot-losses.py RUN OUT.png (needs matplotlib)."""
import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

run, out = sys.argv[1:3]
ticks = [json.loads(line) for line in open(f"{run}/stats.jsonl")]
kimg = [tick["images"] / 1000 for tick in ticks]
panels = {
    "KL (nats, before its weight)": {name: [t["losses"][name] for t in ticks] for name in ("klReal", "klFake", "klGenerated")},
    "image error |G(E(x)) - x|": {"xRecon": [t["losses"]["xRecon"] for t in ticks]},
    "cos(z, E(G(z)))": {"cosine": [t["cosine"] for t in ticks]},
    "phase + alpha": {"LOD": [t["phase"] + t["alpha"] for t in ticks]},
}
figure, axes = plt.subplots(2, 2, figsize=(11, 6.5), sharex=True)
for axis, (title, lines) in zip(axes.flat, panels.items()):
    for name, values in lines.items():
        axis.plot(kimg, values, linewidth=0.9, label=name)
    axis.set_title(title)
    axis.grid(alpha=0.3)
    if len(lines) > 1:
        axis.legend()
for axis in axes[1]:
    axis.set_xlabel("thousands of images shown")
figure.tight_layout()
figure.savefig(out, dpi=90)
