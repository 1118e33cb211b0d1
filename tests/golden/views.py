"""Writes views.bin and views.json: what Pillow and torchvision make of the same images and parameters.

    OMP_NUM_THREADS=2 python3 tests/golden/views.py

Written with torch 1.13, torchvision 0.14, Pillow 9.4. views.json lists the cases; each array is a
[offset, length] into views.bin, bytes of uint8 ("u8") or of float32 little endian ("f32").
"""

import json
import pathlib

import numpy as np
import PIL
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(0)
data = bytearray()


def put(array):
    array = np.ascontiguousarray(array)
    kind = {"uint8": "u8", "float32": "f32"}[str(array.dtype)]
    while len(data) % 4:
        data.append(0)
    offset = len(data)
    data.extend(array.tobytes())
    return {"type": kind, "offset": offset, "length": array.size}


def picture(width, height):
    """Smooth color with hard edges and noise, saturated at both ends so that clipping shows."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([np.sin(x / 5 + k) + np.cos(y / (4 + k)) for k in range(3)], -1) * 90 + 128
    edges = (((x // 7 + y // 5) % 3) * 60 - 60)[..., None]
    return np.clip(smooth + edges + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def tensor(image):
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy()).float().div(255)


def nhwc(t):
    return t.numpy().transpose(1, 2, 0).astype(np.float32)


images = {"large": picture(83, 61), "small": picture(32, 32)}
resizes = []
for name, box, size in [
    ("small", (0, 0, 32, 32), 32),
    ("small", (3, 5, 9, 23), 32),
    ("small", (31, 0, 1, 32), 32),
    ("small", (0, 31, 17, 1), 32),
    ("small", (7, 11, 13, 19), 7),
    ("large", (0, 0, 83, 61), 32),
    ("large", (1, 2, 79, 53), 31),
    ("large", (40, 3, 2, 47), 37),
    ("large", (5, 4, 71, 1), 23),
    ("large", (5, 4, 61, 57), 64),
    ("large", (82, 60, 1, 1), 5),
    ("large", (0, 0, 83, 61), 1),
]:
    left, top, width, height = box
    out = Image.fromarray(images[name]).crop((left, top, left + width, top + height)).resize((size, size), Image.BICUBIC)
    crop = dict(top=top, left=left, height=height, width=width)
    resizes.append(dict(image=name, crop=crop, size=size, out=put(np.asarray(out))))

evaluations = []
for name, size in [("large", 32), ("large", 47), ("small", 32), ("small", 15)]:
    for turned in (False, True):
        source = images[name].transpose(1, 0, 2) if turned else images[name]
        out = F.center_crop(F.resize(Image.fromarray(np.ascontiguousarray(source)), size, F.InterpolationMode.BICUBIC), size)
        evaluations.append(dict(image=name, turned=turned, size=size, out=put(np.asarray(out))))

# One image of floats for the color operations: grays, black, white, pure colors and ties between channels included.
colors = rng.random((24, 24, 3)).astype(np.float32)
colors[0] = colors[0, :, :1]
colors[1, :8] = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], np.float32)
colors[1, 8:11] = [[0.5, 0.5, 0.2], [0.2, 0.5, 0.5], [0.5, 0.2, 0.5]]
colors[2] = rng.integers(0, 256, (24, 3)) / np.float32(255)
floats = torch.from_numpy(colors.transpose(2, 0, 1).copy())
operations = []
for name, function, values in [
    ("brightness", F.adjust_brightness, [0.6, 1.0, 1.4]),
    ("contrast", F.adjust_contrast, [0.6, 1.4]),
    ("saturation", F.adjust_saturation, [0.8, 1.2, 0.0]),
    ("hue", F.adjust_hue, [-0.1, 0.1, 0.5, -0.37]),
    ("solarize", F.solarize, [0.5]),
]:
    for value in values:
        operations.append(dict(name=name, value=value, out=put(nhwc(function(floats, value)))))
operations.append(dict(name="grayscale", value=0, out=put(nhwc(F.rgb_to_grayscale(floats, 3)))))

blurs = []
for size, kernel_size, sigma in [(24, 3, 0.1), (24, 3, 2.0), (24, 5, 1.1), (7, 3, 0.7), (64, 7, 1.7), (17, 23, 2.0)]:
    # A kernel of 23, that of 224 px, needs more than 11 pixels to reflect.
    image = rng.random((size, size, 3)).astype(np.float32)
    out = F.gaussian_blur(torch.from_numpy(image.transpose(2, 0, 1).copy()), [kernel_size, kernel_size], [sigma, sigma])
    blurs.append(dict(size=size, kernelSize=kernel_size, sigma=sigma, image=put(image), out=put(nhwc(out))))

mean, std = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
jitters = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]


def view(image, p, size):
    c = p["crop"]
    pil = Image.fromarray(image).crop((c["left"], c["top"], c["left"] + c["width"], c["top"] + c["height"]))
    t = tensor(pil.resize((size, size), Image.BICUBIC))
    if p["flip"]:
        t = F.hflip(t)
    if p["jitter"]:
        values = [p["jitter"][k] for k in ("brightness", "contrast", "saturation", "hue")]
        for k in p["jitter"]["order"]:
            t = jitters[k](t, values[k])
    if p["grayscale"]:
        t = F.rgb_to_grayscale(t, 3)
    if p["blur"]:
        t = F.gaussian_blur(t, [p["blur"]["kernelSize"]] * 2, [p["blur"]["sigma"]] * 2)
    if p["solarize"]:
        t = F.solarize(t, p["solarize"]["threshold"])
    return F.normalize(t, mean, std)


def crop(top, left, height, width):
    return dict(top=top, left=left, height=height, width=width)


def jitter(order, *values):
    return dict(zip(("order", "brightness", "contrast", "saturation", "hue"), (order, *values)))


plain = dict(resized=None, flip=False, jitter=None, grayscale=False, blur=None, solarize=None)
views = []
for name, size, parameters in [
    ("small", 32, dict(crop=crop(4, 3, 25, 21), flip=True)),
    ("small", 32, dict(crop=crop(0, 1, 31, 30), flip=True, jitter=jitter([2, 0, 3, 1], 1.31, 0.73, 1.17, -0.083),
                       solarize=dict(threshold=0.5))),
    ("large", 32, dict(crop=crop(7, 20, 53, 47), jitter=jitter([3, 1, 0, 2], 0.66, 1.38, 0.81, 0.097),
                       blur=dict(sigma=1.3, kernelSize=3))),
    ("large", 64, dict(crop=crop(1, 2, 59, 80), flip=True, jitter=jitter([1, 3, 2, 0], 1.2, 0.9, 1.1, 0.05),
                       grayscale=True, blur=dict(sigma=0.9, kernelSize=7), solarize=dict(threshold=0.5))),
]:
    parameters = {**plain, **parameters}
    views.append(dict(image=name, size=size, parameters=parameters, out=put(nhwc(view(images[name], parameters, size)))))

index = dict(
    written_with=dict(torch=torch.__version__, torchvision=torchvision.__version__, pillow=PIL.__version__),
    images={k: dict(width=v.shape[1], height=v.shape[0], data=put(v)) for k, v in images.items()},
    mean=mean,
    std=std,
    colors=put(colors),
    resizes=resizes,
    evaluations=evaluations,
    operations=operations,
    blurs=blurs,
    views=views,
)
(here / "views.bin").write_bytes(data)
(here / "views.json").write_text(json.dumps(index, indent=1) + "\n")
