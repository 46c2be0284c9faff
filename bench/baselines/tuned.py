"""Baselines (b) and (c): the same step as someone who knows PyTorch writes it today.

bf16 autocast, channels last, prepared weights once per update, block 0 and the last encoder layer as matrix products, real and fake
images in one batch, no graph that nobody walks, activations in place, Adam over all tensors at once. On 2.x also fused Adam and,
on request, torch.compile.
"""

import math

import torch
import torch.nn.functional as F

from common import (ADAM, BLOCKS, EMA_DECAY, KL_SCALE, X_SCALE_FADING, X_SCALE_STABLE, Z_SCALE, ImagePool,
                    cosine_mismatch, encoder_shapes, generator_shapes, kl_to_prior)

DEVICE = "cpu"  # step.py sets it
VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])


def plain(function, x):
    """Autocast of 1.13 runs upsampling in float32; we want it in the dtype that comes."""
    with torch.autocast(DEVICE, torch.bfloat16, enabled=False):
        return function(x)


def upsample(x):
    return plain(lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), x)


def pool2(x):
    return plain(lambda x: F.avg_pool2d(x, 2), x)


def norm_and_activate(x):
    # Sums of the mean are float32 inside libtorch.
    x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
    return F.leaky_relu_(x, 0.2)


def g_name(p, position):
    return f"progression.{p}.conv.{position}.conv."


def e_name(p, position):
    return f"progression.{BLOCKS - 1 - p}.conv.{position}.conv."


def generator_weights(parameters, phase, dtype):
    """Scaled weights of the convolutions in use, in the dtype of convolutions."""
    weights = {}
    for p in range(phase + 1):
        for position in (0, 3):
            name = g_name(p, position)
            weight = parameters[name + "weight_orig"]
            scaled = (weight * math.sqrt(2 / weight[0].numel())).to(dtype)
            if p == 0 and position == 0:
                # A 1x1 image padded by 3 meets each tap of a 4x4 kernel once: [batch, n] @ [n, 16 out].
                scaled = scaled.flip((2, 3)).permute(2, 3, 0, 1).reshape(-1, weight.shape[1])
            weights[name] = scaled
    return weights


def generate(weights, parameters, z, phase, alpha, dtype):
    with torch.autocast(DEVICE, torch.bfloat16, enabled=dtype == torch.bfloat16):
        for p in range(phase + 1):
            before = h = upsample(h) if p > 0 else None
            for position in (0, 3):
                name = g_name(p, position)
                weight, bias = weights[name], parameters[name + "bias"]
                if p == 0 and position == 0:
                    h = F.linear(z, weight).reshape(-1, 4, 4, bias.shape[0]).permute(0, 3, 1, 2)
                    h = norm_and_activate(h + bias.to(h.dtype).reshape(-1, 1, 1))
                else:
                    h = norm_and_activate(F.conv2d(h, weight, bias, padding=1))
        rgb = lambda h, p: F.conv2d(h, parameters[f"to_rgb.{p}.weight"], parameters[f"to_rgb.{p}.bias"])
        image = rgb(h, phase)
        if phase > 0 and alpha < 1:
            image = torch.lerp(rgb(before, phase - 1), image, alpha)
        return image.float()


def encoder_weights(parameters, u, phase, dtype):
    """Weights of norm 1 in the dtype of convolutions, and the new power-iteration vectors."""
    weights, after = {}, {}
    for p in range(phase + 1):
        for position in (0, 2):
            name = e_name(p, position)
            weight = parameters[name + "weight_orig"]
            # Channels last, this is a view; the norm does not mind the order of columns.
            matrix = weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)
            v = matrix.t() @ u[name]
            v = v / v.norm()
            next_u = matrix @ v
            norm = next_u.norm()
            next_u = next_u / norm
            after[name] = next_u.detach()
            if p == 0 and position == 2:
                weights[name] = (matrix / norm).to(dtype)
            else:
                weights[name] = (weight / norm).to(dtype)
    return weights, after


def encode(weights, parameters, x, phase, alpha, dtype):
    with torch.autocast(DEVICE, torch.bfloat16, enabled=dtype == torch.bfloat16):
        x = x.to(dtype).contiguous(memory_format=torch.channels_last)
        rgb = lambda x, p: F.conv2d(x, parameters[f"from_rgb.{BLOCKS - 1 - p}.weight"], parameters[f"from_rgb.{BLOCKS - 1 - p}.bias"])
        h = rgb(x, phase)
        for p in range(phase, -1, -1):
            first, second = e_name(p, 0), e_name(p, 2)
            h = F.leaky_relu_(F.conv2d(h, weights[first], parameters[first + "bias"], padding=1), 0.2)
            if p == 0:
                h = F.linear(h.permute(0, 2, 3, 1).reshape(h.shape[0], -1), weights[second], parameters[second + "bias"])
                h = F.leaky_relu_(h, 0.2)
            else:
                h = pool2(F.leaky_relu_(F.conv2d(h, weights[second], parameters[second + "bias"], padding=1), 0.2))
            if p == phase and p > 0 and alpha < 1:
                h = torch.lerp(rgb(pool2(x), p - 1), h, alpha)
    z = h.float()
    return z / z.norm(dim=1, keepdim=True)


def encoder_objective(encoder, u, weights, generator, x, fake, phase, alpha, dtype, x_scale):
    used, u = encoder_weights(encoder, u, phase, dtype)
    codes = encode(used, encoder, torch.cat([x, fake]), phase, alpha, dtype)
    real, generated = codes[: x.shape[0]], codes[x.shape[0] :]
    reconstruction = generate(weights, generator, real, phase, alpha, dtype)
    loss = KL_SCALE * (kl_to_prior(real) - kl_to_prior(generated)) + x_scale * F.l1_loss(reconstruction, x)
    return loss, u


def generator_objective(generator, weights, encoder, z, phase, alpha, dtype):
    used = generator_weights(generator, phase, dtype)
    code = encode(weights, encoder, generate(used, generator, z, phase, alpha, dtype), phase, alpha, dtype)
    return KL_SCALE * kl_to_prior(code) + Z_SCALE * cosine_mismatch(code, z)


def make_image(generator, z, phase, alpha, dtype):
    weights = generator_weights(generator, phase, dtype)
    return weights, generate(weights, generator, z, phase, alpha, dtype)


class Trainer:
    def __init__(self, state, dtype=torch.bfloat16, compiled=False):
        def parameters(prefix, shapes):
            return {name: state[prefix + name].clone(memory_format=torch.preserve_format if len(shape) != 4 else torch.channels_last)
                    .requires_grad_() for name, shape in shapes.items()}

        first = state["generator." + g_name(0, 0) + "weight_orig"]
        size = (first.shape[1], first.shape[0])
        self.generator = parameters("generator.", generator_shapes(*size))
        self.encoder = parameters("encoder.", encoder_shapes(*size))
        prefix = "g_running." if "g_running.to_rgb.0.bias" in state else "generator."
        self.average = [state[prefix + name].clone(memory_format=torch.preserve_format) if len(shape) != 4
                        else state[prefix + name].clone(memory_format=torch.channels_last)
                        for name, shape in generator_shapes(*size).items()]
        self.u = {name[len("encoder."):-len("weight_u")]: value.clone() for name, value in state.items()
                  if name.startswith("encoder.") and name.endswith("weight_u")}
        # Fused Adam on the CPU came with 2.4.
        fast = {"fused": True} if VERSION >= (2, 4) else {"foreach": True}
        self.optimisers = {name: torch.optim.Adam(list(network.values()), **fast, **ADAM)
                           for name, network in (("encoder", self.encoder), ("generator", self.generator))}
        self.pool, self.dtype = ImagePool(), dtype
        wrap = torch.compile if compiled else lambda function: function
        self.make_image, self.encoder_objective = wrap(make_image), wrap(encoder_objective)
        self.generator_objective, self.encoder_weights = wrap(generator_objective), wrap(encoder_weights)

    def step(self, x, z_encoder, z_generator, phase, alpha=1.0, x_scale=None):
        if x_scale is None:
            x_scale = X_SCALE_FADING if alpha < 1 else X_SCALE_STABLE
        frozen = {name: value.detach() for name, value in self.generator.items()}
        with torch.no_grad():
            weights, fake = self.make_image(frozen, z_encoder, phase, alpha, self.dtype)
            if alpha >= 1:
                fake = self.pool.exchange(fake)
        self.optimisers["encoder"].zero_grad(set_to_none=True)
        encoder_loss, u = self.encoder_objective(
            self.encoder, self.u, weights, frozen, x, fake, phase, alpha, self.dtype, x_scale)
        encoder_loss.backward()
        self.optimisers["encoder"].step()
        self.u = {**self.u, **u}

        generator_losses = []
        frozen = {name: value.detach() for name, value in self.encoder.items()}
        for z in z_generator:
            with torch.no_grad():
                weights, u = self.encoder_weights(frozen, self.u, phase, self.dtype)
                self.u = {**self.u, **u}
            self.optimisers["generator"].zero_grad(set_to_none=True)
            loss = self.generator_objective(self.generator, weights, frozen, z, phase, alpha, self.dtype)
            loss.backward()
            self.optimisers["generator"].step()
            generator_losses.append(loss.detach())

        with torch.no_grad():
            torch._foreach_mul_(self.average, EMA_DECAY)
            torch._foreach_add_(self.average, list(self.generator.values()), alpha=1 - EMA_DECAY)
        return encoder_loss.item(), [loss.item() for loss in generator_losses]
