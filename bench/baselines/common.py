"""What both baselines share: sizes, losses, the image pool, and the random start. Works on torch 1.13 to 2.x."""

import math
import random

import torch

BLOCKS = 9
KL_SCALE, X_SCALE_FADING, X_SCALE_STABLE, Z_SCALE = 0.1, 1.0, 1.5, 100.0
ADAM = {"lr": 0.001, "betas": (0.0, 0.99), "eps": 1e-8}
EMA_DECAY = 0.999


def width(channels, phase):
    return channels if phase <= 3 else max(1, channels // 2 ** (phase - 3))


def kl_to_prior(z):
    """Mean over coordinates of KL(N(m, s) || N(0, 1)); mean and biased variance over the batch."""
    mean, variance = z.mean(0), z.var(0, unbiased=False)
    return ((variance + mean**2) / 2 - variance.log() / 2 - 0.5).mean()


def cosine_mismatch(a, b):
    """2 - a.b, averaged over batch and coordinates."""
    a = a / a.norm(dim=1, keepdim=True)
    b = b / b.norm(dim=1, keepdim=True)
    return (2 - a * b).mean()


def on_sphere(batch, n):
    z = torch.randn(batch, n)
    return z / z.norm(dim=1, keepdim=True)


class ImagePool:
    """200 generated images; once it is full, each new one is swapped with a stored one half of the time."""

    def __init__(self, capacity=200):
        self.capacity, self.images = capacity, []

    def exchange(self, fresh):
        returned = []
        for image in fresh.unsqueeze(1):
            if len(self.images) < self.capacity:
                self.images.append(image.clone())
                returned.append(image)
            elif random.random() < 0.5:
                returned.append(image)
            else:
                place = random.randrange(self.capacity)
                returned.append(self.images[place])
                self.images[place] = image.clone()
        return torch.cat(returned)


def generator_shapes(n, channels):
    shapes = {}
    for p in range(BLOCKS):
        out = width(channels, p)
        first = (out, n, 4, 4) if p == 0 else (out, width(channels, p - 1), 3, 3)
        for position, shape in ((0, first), (3, (out, out, 3, 3))):
            shapes[f"progression.{p}.conv.{position}.conv.weight_orig"] = shape
            shapes[f"progression.{p}.conv.{position}.conv.bias"] = shape[:1]
        shapes[f"to_rgb.{p}.weight"] = (3, out, 1, 1)
        shapes[f"to_rgb.{p}.bias"] = (3,)
    return shapes


def encoder_shapes(n, channels):
    shapes = {}
    for p in range(BLOCKS):
        i, narrow = BLOCKS - 1 - p, width(channels, p)
        wide = channels if p == 0 else width(channels, p - 1)
        second = (n, wide, 4, 4) if p == 0 else (wide, wide, 3, 3)
        for position, shape in ((0, (wide, narrow, 3, 3)), (2, second)):
            shapes[f"progression.{i}.conv.{position}.conv.weight_orig"] = shape
            shapes[f"progression.{i}.conv.{position}.conv.bias"] = shape[:1]
        shapes[f"from_rgb.{i}.weight"] = (narrow, 3, 1, 1)
        shapes[f"from_rgb.{i}.bias"] = (narrow,)
    return shapes


def random_start(n, channels):
    """Parameters and power-iteration vectors under the names of the authors' state dicts."""
    state = {}
    for name, shape in generator_shapes(n, channels).items():
        bound = 1 / math.sqrt(width(channels, int(name.split(".")[1])))
        if name.startswith("to_rgb"):
            state[f"generator.{name}"] = torch.empty(shape).uniform_(-bound, bound)
        else:
            state[f"generator.{name}"] = torch.randn(shape) if len(shape) > 1 else torch.zeros(shape)
    for name, shape in encoder_shapes(n, channels).items():
        if name.startswith("from_rgb"):
            state[f"encoder.{name}"] = torch.empty(shape).uniform_(-1 / math.sqrt(3), 1 / math.sqrt(3))
        elif len(shape) == 1:
            state[f"encoder.{name}"] = torch.zeros(shape)
        else:
            state[f"encoder.{name}"] = torch.randn(shape) * math.sqrt(2 / math.prod(shape[1:]))
            state[f"encoder.{name[:-5]}_u".replace("_orig", "")] = 0.1 * torch.randn(shape[0], 1)
    return state
