"""Do the baselines compute what the authors' code computed? python3 check.py fixtures/reference. Prints the largest differences."""

import json
import struct
import sys
from pathlib import Path

import torch

import authors
import tuned


def read_safetensors(path):
    data = bytearray(path.read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(bytes(data[8 : 8 + length])).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, offset=8 + length + begin, count=(end - begin) // 4)
        tensors[name] = values.reshape(entry["shape"]).clone()
    return tensors


folder = Path(sys.argv[1])
worst = {}


def note(name, got, expected):
    worst[name] = max(worst.get(name, 0.0), (torch.as_tensor(got) - torch.as_tensor(expected)).abs().max().item())


def converge(state, name):
    matrix = state[name.replace("weight_u", "weight_orig")].flatten(1).double()
    u = state[name].double()
    for _ in range(2000):
        u = matrix @ (matrix.t() @ u)
        u = u / u.norm()
    return u.float()


networks = read_safetensors(folder / "networks.safetensors")
for name, expected in networks.items():
    parts = name.split("/")
    if parts[0] not in ("G", "E"):
        continue
    phase, alpha = int(parts[1][len("phase"):]), float(parts[2][len("alpha"):])
    trainers = {"authors": authors.Trainer(networks), "tuned": tuned.Trainer(networks, torch.float32)}
    with torch.no_grad():
        theirs, ours = trainers["authors"], trainers["tuned"]
        if parts[0] == "G":
            z = networks["z"][: expected.shape[0]]
            note("authors/generator", theirs.generator(z, phase, alpha), expected)
            note("tuned/generator", tuned.make_image(ours.generator, z, phase, alpha, torch.float32)[1], expected)
        else:
            x = networks[f"x/phase{phase}"]
            note("authors/encoder", theirs.encoder(x, phase, alpha), expected)
            weights, _ = tuned.encoder_weights(ours.encoder, ours.u, phase, torch.float32)
            note("tuned/encoder", tuned.encode(weights, ours.encoder, x, phase, alpha, torch.float32), expected)

steps = read_safetensors(folder / "train_step.safetensors")
before = {name[len("before/"):]: value for name, value in steps.items() if name.startswith("before/")}
for case, settings in json.loads((folder / "train_step.json").read_text())["cases"].items():
    at = lambda name: steps[f"{case}/{name}"]
    inputs = (at("x"), at("z0"), [at("z1"), at("z2")], settings["phase"], settings["alpha"], settings["match_x"])
    losses = authors.Trainer(before).step(*inputs)
    note("authors/encoderLoss", losses[0], at("loss/E/E_loss"))
    note("authors/generatorLosses", losses[1], torch.stack([at("loss/G1/G_loss").reshape(()), at("loss/G2/G_loss").reshape(())]))
    # The tuned step moves u once for real and fake together: the two orders agree where u has converged.
    converged = {name: converge(before, name) if name.endswith("weight_u") else value for name, value in before.items()}
    authors_losses, tuned_losses = (trainer.step(*inputs) for trainer in (authors.Trainer(converged), tuned.Trainer(converged, torch.float32)))
    note("tuned/encoderLoss", tuned_losses[0], authors_losses[0])
    note("tuned/generatorLosses", tuned_losses[1], authors_losses[1])
print(json.dumps(worst))
