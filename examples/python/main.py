# Reconstructs a photo with a model folder, and moves it along a learned direction.
# usage: python main.py MODEL PHOTO OUT.png [DIRECTION STRENGTH]
import json
import sys

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

folder, photo, out, *edit = sys.argv[1:]
config = json.load(open(f"{folder}/config.json"))
r = config["resolution"]
encoder, generator = (ort.InferenceSession(f"{folder}/{name}.onnx") for name in ("encoder", "generator"))

square = ImageOps.fit(ImageOps.exif_transpose(Image.open(photo)), (r, r), Image.Resampling.LANCZOS)
square = square.convert("L" if config["colour"] == "grey" else "RGB").convert("RGB")
x = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / 127.5 - 1  # [1, 3, r, r] in [-1, 1]
z = encoder.run(None, {"images": x})[0]  # [1, latent], rows of length 1

if edit:
    direction = json.load(open(f"{folder}/directions.json"))["directions"][edit[0]]
    z = z + float(edit[1]) * direction["unit"] * np.array(direction["vector"], np.float32)
    z = (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)

y = generator.run(None, {"latents": z})[0][0]  # [3, r, r], about [-1, 1]
pixels = np.floor(np.clip((y + 1) * 127.5 + 0.5, 0, 255)).astype(np.uint8)
Image.fromarray(pixels.transpose(1, 2, 0)).save(out)
