"""Writes weights as torchvision has them, and its features of hashed images.

    python3 tests/golden/torchvision_files.py                      # the small networks of torch/, committed
    python3 tests/golden/torchvision_files.py FOLDER MODEL SIZE N  # FOLDER/MODEL.pth and .safetensors; prints features

Written with torch 1.13, torchvision 0.14. Weights are drawn by torchvision; what starts at 0, at 1 or at a millionth is
drawn too: biases, norms, running statistics, layer scales. torchvision's own classes make the small networks, of fewer
channels: `layers` and `widths` below.
"""

import json
import pathlib
import sys
from functools import partial

import torch
import torchvision
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from make import hash_signed


def write_safetensors(path, state):
    types = {torch.float32: "F32", torch.int64: "I64"}
    header, content = {}, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes()
        offsets = [len(content), len(content) + len(raw)]
        header[name] = {"dtype": types[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        content += raw
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def randomize(model):
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif name.endswith("layer_scale"):
                tensor.uniform_(0.2, 1.4)
            elif name.endswith(("running_mean", "bias")):
                tensor.uniform_(-0.3, 0.3)
            elif tensor.dim() == 1 and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)


def write(folder, name, model, size, count):
    """Writes the weights with their classifier; returns the features without it."""
    randomize(model)
    torch.save(model.state_dict(), folder / f"{name}.pth")
    write_safetensors(folder / f"{name}.safetensors", model.state_dict())
    if isinstance(model, ConvNeXt):
        model.classifier[2] = nn.Identity()
    else:
        model.fc = nn.Identity()
    model.eval()
    images = hash_signed("encoder.images", (count, size, size, 3)).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        return model(images).tolist()


def small_resnet(block, layers, widths):
    model = ResNet(block, [1, 1, 1, 1])
    model.inplanes = widths[0]
    model.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
    model.bn1 = nn.BatchNorm2d(widths[0])
    for stage in range(4):
        made = nn.Identity()
        if stage < len(layers):
            made = model._make_layer(block, widths[stage], layers[stage], stride=1 if stage == 0 else 2)
        setattr(model, f"layer{stage + 1}", made)
    model.fc = nn.Linear(widths[len(layers) - 1] * block.expansion, 3)
    return model


def small_convnext(layers, widths):
    following = [*widths[1:], None]
    return ConvNeXt([CNBlockConfig(*each) for each in zip(widths, following, layers)], num_classes=3)


torch.manual_seed(7)
if len(sys.argv) > 1:
    folder, name, size, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    model = getattr(torchvision.models, name)(weights=None)
    print(json.dumps(write(folder, name, model, size, count)))
else:
    folder, size, count = pathlib.Path(__file__).parent / "torch", 37, 2
    small = {
        "basic": partial(small_resnet, BasicBlock),
        "bottleneck": partial(small_resnet, Bottleneck),
        "convnext": small_convnext,
    }
    features = {}
    for name, make in small.items():
        layers, widths = [1, 2], [8, 12]
        network = {"block": name, "layers": layers, "widths": widths}
        values = write(folder, f"torchvision_{name}", make(layers, widths), size, count)
        features[name] = {"network": network, "size": size, "features": values}
    (folder / "torchvision.json").write_text(json.dumps(features))
