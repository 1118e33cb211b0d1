"""Writes names.json: the shapes of torchvision's parameters and running statistics by name, in its order.

    python3 tests/golden/names.py

Written with torch 1.13, torchvision 0.14. Without what an encoder leaves out: the classifier, and num_batches_tracked. `mlp` is
BYOL's projector or predictor of 20 → 12 → 8 features as an nn.Sequential.
"""

import json
import pathlib

from torch import nn
from torchvision import models

resnets = (
    ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"] + ["wide_resnet50_2", "wide_resnet101_2"]
)
networks = {name: getattr(models, name)() for name in resnets}
networks.update({name: getattr(models, name)() for name in ("convnext_tiny", "convnext_small")})
networks["mlp"] = nn.Sequential(nn.Linear(20, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 8, bias=False))

lines = []
for name, network in networks.items():
    shapes = {
        key: list(value.shape)
        for key, value in network.state_dict().items()
        if not key.startswith(("fc.", "classifier.2.")) and not key.endswith("num_batches_tracked")
    }
    lines.append(f"{json.dumps(name)}: {json.dumps(shapes, separators=(',', ':'))}")
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
