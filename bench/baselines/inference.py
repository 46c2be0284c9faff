"""Encode and decode in eager float32: python3 inference.py --phase 4 --batch 8. Prints one JSON object.

The authors' modules after training, as one uses them in PyTorch: equalised and spectrally normalised weights computed once and put
into plain Conv2d, no gradients, row-major tensors.
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn

from authors import Encoder, EqualConv, Generator, SpectralConv
from common import on_sphere, random_start


def with_plain_convolutions(network):
    for module in list(network.modules()):
        for name, child in module.named_children():
            if not isinstance(child, (EqualConv, SpectralConv)):
                continue
            weight = child.weight
            if isinstance(child, EqualConv):
                used = weight * math.sqrt(2 / weight[0].numel())
            else:
                matrix = weight.reshape(weight.shape[0], -1)
                v = matrix.t() @ child.u
                v = v / v.norm()
                u = matrix @ v
                used = weight / (u / u.norm()).t().matmul(matrix).matmul(v).reshape(1, 1, 1, 1)
            plain = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=child.padding)
            plain.weight, plain.bias = nn.Parameter(used), child.bias
            setattr(module, name, plain)
    return network


def seconds_per_call(body, least_runs, least_seconds):
    body()
    taken = []
    while len(taken) < least_runs or sum(taken) < least_seconds:
        start = time.perf_counter()
        body()
        taken.append(time.perf_counter() - start)
    return {"median": statistics.median(taken), "min": min(taken), "max": max(taken)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--phase", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--n", type=int, default=512)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    phase, resolution = options.phase, 4 * 2**options.phase
    state = random_start(options.n, options.n)
    calls = {
        "encode": (Encoder(state), lambda count: torch.rand(count, 3, resolution, resolution) * 2 - 1),
        "decode": (Generator(state), lambda count: on_sphere(count, options.n)),
    }
    result = {"torch": torch.__version__.split("+")[0], "threads": torch.get_num_threads()}
    with torch.no_grad():
        for name, (network, make) in calls.items():
            sample = make(2)
            expected = network(sample, phase, 1)
            network = with_plain_convolutions(network)
            # A power iteration moves u a little at each of the authors' forwards.
            assert torch.allclose(network(sample, phase, 1), expected, rtol=1e-3, atol=1e-3 * expected.abs().max())
            one, many = make(1), make(options.batch)
            result[name] = {
                "single": seconds_per_call(lambda: network(one, phase, 1), options.runs, options.seconds),
                "batch": seconds_per_call(lambda: network(many, phase, 1), options.runs, options.seconds),
            }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
