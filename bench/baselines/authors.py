"""Baseline (a): the step as the authors' code runs it, eager and in float32. Written anew after docs/algorithm.md.

Row-major tensors; block 0 of the generator as a 4x4 convolution of a padded 1x1 image; equalised and spectrally
normalised weights computed at every forward; real and fake images through the encoder one after the other; Adam parameter by
parameter.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from common import (ADAM, BLOCKS, EMA_DECAY, KL_SCALE, X_SCALE_FADING, X_SCALE_STABLE, Z_SCALE, ImagePool,
                    cosine_mismatch, kl_to_prior)


class EqualConv(nn.Module):
    def __init__(self, weight, bias, padding):
        super().__init__()
        self.weight, self.bias, self.padding = nn.Parameter(weight), nn.Parameter(bias), padding

    def forward(self, x):
        weight = self.weight * math.sqrt(2 / self.weight[0].numel())
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class SpectralConv(nn.Module):
    """One power iteration at every forward; gradients flow through it."""

    def __init__(self, weight, bias, u, padding):
        super().__init__()
        self.weight, self.bias, self.padding = nn.Parameter(weight), nn.Parameter(bias), padding
        self.register_buffer("u", u)

    def forward(self, x):
        matrix = self.weight.reshape(self.weight.shape[0], -1)
        v = matrix.t() @ self.u
        v = v / v.norm()
        u = matrix @ v
        u = u / u.norm()
        sigma = u.t() @ matrix @ v
        self.u = u.detach()
        return F.conv2d(x, self.weight / sigma.reshape(1, 1, 1, 1), self.bias, padding=self.padding)


class PixelNorm(nn.Module):
    def forward(self, x):
        return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


def rgb_convolution(weight, bias):
    convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
    convolution.weight, convolution.bias = nn.Parameter(weight), nn.Parameter(bias)
    return convolution


class Generator(nn.Module):
    def __init__(self, state, prefix="generator."):
        super().__init__()
        get = lambda name: state[prefix + name].clone()
        convolution = lambda p, position, padding: EqualConv(
            get(f"progression.{p}.conv.{position}.conv.weight_orig"), get(f"progression.{p}.conv.{position}.conv.bias"), padding)
        self.progression = nn.ModuleList(
            nn.Sequential(convolution(p, 0, 3 if p == 0 else 1), PixelNorm(), nn.LeakyReLU(0.2),
                          convolution(p, 3, 1), PixelNorm(), nn.LeakyReLU(0.2)) for p in range(BLOCKS))
        self.to_rgb = nn.ModuleList(rgb_convolution(get(f"to_rgb.{p}.weight"), get(f"to_rgb.{p}.bias")) for p in range(BLOCKS))

    def forward(self, z, phase, alpha):
        out = self.progression[0](z.unsqueeze(2).unsqueeze(3))
        for p in range(1, phase + 1):
            upsampled = F.interpolate(out, scale_factor=2)
            out = self.progression[p](upsampled)
        image = self.to_rgb[phase](out)
        if phase > 0 and alpha < 1:
            image = (1 - alpha) * self.to_rgb[phase - 1](upsampled) + alpha * image
        return image


class Encoder(nn.Module):
    def __init__(self, state, prefix="encoder."):
        super().__init__()
        get = lambda name: state[prefix + name].clone()

        def convolution(i, position, padding):
            name = f"progression.{i}.conv.{position}.conv."
            return SpectralConv(get(name + "weight_orig"), get(name + "bias"), get(name + "weight_u"), padding)

        self.progression = nn.ModuleList(
            nn.Sequential(convolution(i, 0, 1), nn.LeakyReLU(0.2), convolution(i, 2, 0 if i == BLOCKS - 1 else 1), nn.LeakyReLU(0.2))
            for i in range(BLOCKS))
        self.from_rgb = nn.ModuleList(rgb_convolution(get(f"from_rgb.{i}.weight"), get(f"from_rgb.{i}.bias")) for i in range(BLOCKS))

    def forward(self, x, phase, alpha):
        out = self.from_rgb[BLOCKS - 1 - phase](x)
        for p in range(phase, 0, -1):
            out = F.avg_pool2d(self.progression[BLOCKS - 1 - p](out), 2)
            if p == phase and alpha < 1:
                before = self.from_rgb[BLOCKS - p](F.avg_pool2d(x, 2))
                out = (1 - alpha) * before + alpha * out
        z = self.progression[BLOCKS - 1](out).squeeze(3).squeeze(2)
        return z / z.norm(dim=1, keepdim=True)


def train_only(wanted, frozen):
    for parameter in wanted.parameters():
        parameter.requires_grad = True
    for parameter in frozen.parameters():
        parameter.requires_grad = False


class Trainer:
    def __init__(self, state):
        self.generator, self.encoder = Generator(state), Encoder(state)
        self.average = Generator(state, "g_running." if "g_running.to_rgb.0.bias" in state else "generator.")
        self.optimisers = [torch.optim.Adam(network.parameters(), foreach=False, **ADAM) for network in (self.encoder, self.generator)]
        self.pool = ImagePool()

    def step(self, x, z_encoder, z_generator, phase, alpha=1.0, x_scale=None):
        if x_scale is None:
            x_scale = X_SCALE_FADING if alpha < 1 else X_SCALE_STABLE
        encoder, generator = self.encoder, self.generator
        train_only(encoder, generator)
        encoder.zero_grad()
        real = encoder(x, phase, alpha)
        losses = [KL_SCALE * kl_to_prior(real)]
        reconstruction = generator(real, phase, alpha)
        losses.append(x_scale * (reconstruction - x).abs().mean())
        fake = generator(z_encoder, phase, alpha).detach()
        if alpha >= 1:
            fake = self.pool.exchange(fake)
        losses.append(-KL_SCALE * kl_to_prior(encoder(fake, phase, alpha)))
        encoder_loss = sum(losses)
        encoder_loss.backward()
        self.optimisers[0].step()

        generator_losses = []
        for z in z_generator:
            train_only(generator, encoder)
            generator.zero_grad()
            code = encoder(generator(z, phase, alpha), phase, alpha)
            loss = KL_SCALE * kl_to_prior(code) + Z_SCALE * cosine_mismatch(code, z)
            loss.backward()
            self.optimisers[1].step()
            generator_losses.append(loss.item())

        with torch.no_grad():
            for average, value in zip(self.average.parameters(), generator.parameters()):
                average.mul_(EMA_DECAY).add_(value, alpha=1 - EMA_DECAY)
        return encoder_loss.item(), generator_losses
