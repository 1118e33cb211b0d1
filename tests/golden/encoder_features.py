"""Loads encoder.safetensors into torchvision's network and prints the features of hashed images, as JSON.

    python3 tests/golden/encoder_features.py ENCODER BACKBONE SIZE COUNT

The loading is what the README shows, with the few lines that read the file in place of the safetensors package.
"""

import json
import sys

import numpy as np
import torch
import torchvision

from make import hash_signed


def load_file(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = file.read()
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(content[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


path, backbone, size, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = getattr(torchvision.models, backbone)(weights=None)
if backbone.startswith("convnext"):
    model.classifier[2] = torch.nn.Identity()
else:
    model.fc = torch.nn.Identity()
model.load_state_dict(load_file(path))
model.eval()
images = hash_signed("encoder.images", (count, size, size, 3)).float().permute(0, 3, 1, 2)
with torch.no_grad():
    print(json.dumps(model(images).tolist()))
