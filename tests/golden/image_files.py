"""What the scripts of golden image files share: pictures, Pillow's pixels, and the files that hold both."""

import io
import json
import pathlib
import struct

import numpy as np
import PIL
from PIL import Image, ImageOps

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(4)
data = bytearray()
places = {}
cases = []


def put(content):
    """Equal contents are kept once: the lossless files of one picture share its pixels."""
    content = bytes(content)
    if content not in places:
        places[content] = [len(data), len(content)]
        data.extend(content)
    return places[content]


def on_white(rgba):
    rgba = rgba.astype(np.int64)
    alpha = rgba[..., 3:]
    return ((2 * (rgba[..., :3] * alpha + 255 * (255 - alpha)) + 255) // 510).astype(np.uint8)


def read(file):
    """Pillow's pixels of `file`: upright, RGB, on white."""
    image = Image.open(io.BytesIO(file))
    if image.format != "TIFF":  # Pillow 9.4 turns these itself, and would do so twice
        image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        return on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def add(name, file, rgb=None):
    rgb = read(file) if rgb is None else rgb
    assert rgb.dtype == np.uint8 and rgb.shape[2] == 3, name
    cases.append(dict(name=name, width=rgb.shape[1], height=rgb.shape[0], file=put(file), rgb=put(rgb.tobytes())))


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture(width, height, channels=3):
    """Smooth color with hard edges and noise, saturated at both ends; no symmetry that a turn could hide behind."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([np.sin(x / 4 + k) + np.cos(y / (3 + k)) for k in range(channels)], -1) * 90 + 128
    edges = (((x // 5 + y // 3) % 3) * 60 - 60)[..., None]
    return np.clip(smooth + edges + rng.normal(0, 9, (height, width, channels)), 0, 255).astype(np.uint8)


def orientation(value, order):
    """An EXIF block that has another tag before the orientation."""
    end = dict(II="<", MM=">")[order]
    make = struct.pack(end + "HHI4s", 0x010F, 2, 4, b"abc\0")
    turn = struct.pack(end + "HHIHH", 0x0112, 3, 1, value, 0)
    return order.encode() + struct.pack(end + "HIH", 42, 8, 2) + make + turn + struct.pack(end + "I", 0)


def write(name):
    """Writes NAME.bin and NAME.json beside this file."""
    (here / f"{name}.bin").write_bytes(data)
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    version = json.dumps(dict(pillow=PIL.__version__))
    (here / f"{name}.json").write_text(
        '{\n "written_with": ' + version + ',\n "cases": [\n' + lines + "\n ]\n}\n"
    )
