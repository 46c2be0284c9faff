"""Loss curves of a run: python3 docs/plot-losses.py RUN OUT.png (needs matplotlib)."""
import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

run, out = sys.argv[1:3]
ticks = [json.loads(line) for line in open(f"{run}/stats.jsonl")]
kimg = [tick["images"] / 1000 for tick in ticks]
has = ticks[0]["losses"].__contains__
loss = lambda *names: {name: [t["losses"][name] for t in ticks] for name in names}
panels = {"phase + alpha": {"LOD": [t["phase"] + t["alpha"] for t in ticks]}}
if has("klReal"):
    panels = {
        "KL (nats, before its weight)": loss("klReal", "klFake", "klGenerated"),
        "image error, x_recon": loss("xRecon"),
        "cos(z, E(G(z)))": {"cosine": [t.get("cosine", float("nan")) for t in ticks]},
        **panels,
    }
else:  # recipe gan
    panels = {
        "scores": loss("scoreReal", "scoreFake", "scoreGenerated"),
        "gradient penalty (before its weight)": loss("gradientPenalty"),
        "what D minimises": loss("critic"),
        **panels,
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
