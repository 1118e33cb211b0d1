"""Writes sizes.json: what torchvision makes of images of any size, smaller and larger than the view, of fractional scale.

    python3 tests/golden/sizes.py

Written with torch 1.13, torchvision 0.14, Pillow 9.4. The images are hashes of their coordinates, which the test computes
too; of each result the file has the first 16 digits of its SHA-256.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image

BICUBIC = F.InterpolationMode.BICUBIC


def picture(width, height):
    """Three bytes of noise per pixel, of a hash of x, y and channel."""
    y, x, c = np.meshgrid(*(np.arange(n, dtype=np.uint32) for n in (height, width, 3)), indexing="ij")
    h = x * np.uint32(0x9E3779B1) ^ y * np.uint32(0x85EBCA77) ^ c * np.uint32(0xC2B2AE3D) ^ np.uint32(width)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x2C1B3C6D)
    h ^= h >> np.uint32(12)
    h *= np.uint32(0x297A2D39)
    return Image.fromarray((h >> np.uint32(24)).astype(np.uint8))


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()[:16]


rng = np.random.default_rng(14)


def side():
    """Of a thumbnail, a traffic sign, or a small photo."""
    low, high = [(1, 13), (13, 64), (64, 400)][rng.integers(3)]
    return int(rng.integers(low, high))


named = [(1, 1, 32), (1, 2, 8), (28, 28, 32), (32, 32, 224), (15, 250, 32), (250, 15, 48), (3, 700, 33), (900, 2, 65)]
drawn = [(side(), side(), int(rng.integers(8, 97))) for _ in range(200)]
evaluations = []
for width, height, size in named + drawn:
    image = F.center_crop(F.resize(picture(width, height), size, BICUBIC), size)
    assert image.size == (size, size)
    evaluations.append([width, height, size, digest(image)])

crops = []
for width, height, size in named + drawn[:60]:
    h, w = int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    image = F.resized_crop(picture(width, height), top, left, h, w, [size, size], BICUBIC)
    crops.append([width, height, size, top, left, h, w, digest(image)])

index = dict(
    written_with=dict(torch=torch.__version__, torchvision=torchvision.__version__, pillow=PIL.__version__),
    evaluations=evaluations,
    crops=crops,
)
text = json.dumps(index, separators=(",", ":")).replace("[[", "[\n[").replace("],[", "],\n[").replace("]]", "]\n]")
(pathlib.Path(__file__).parent / "sizes.json").write_text(text + "\n")
