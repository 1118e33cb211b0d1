"""Writes decode.bin and decode.json: tiny image files of every kind that data/decode.ts reads, and Pillow's pixels.

    python3 tests/golden/decode.py

Written with Pillow 9.4 (libjpeg-turbo, libwebp 1.2.4, libtiff 4.5.0). decode.json lists the cases; `file` and `rgb`
are [offset, length] into decode.bin, rgb being [height, width, 3] as upright, with what is transparent on white. Files
that Pillow cannot write are put together here by hand; it is still Pillow that reads them. Only for 16 bits of gray,
where it clips, the high bytes come from numpy.
"""

import struct
import zlib

import numpy as np
from PIL import Image

from image_files import add, on_white, orientation, picture, rng, save, write

W, H = 17, 11
rgba = picture(W, H, 4)
rgba[2:5, 3:9, 3] = 0
rgba[6:9, 10:15, 3] = 255
rgb, gray, mask = rgba[..., :3], rgba[..., 0], rgba[..., 1] > 128
color, dim = Image.fromarray(rgb), Image.fromarray(gray)
clear = Image.fromarray(rgba)
palette = color.quantize(20)
bilevel = Image.fromarray(mask)
wide = rng.integers(0, 65536, (H, W, 4), dtype=np.uint16)  # 16 bits a sample
small = Image.fromarray(picture(7, 4))


# JPEG


def segments(jpeg, drop=(), extra=b""):
    """`jpeg` without the header segments of the markers `drop`, and with `extra` at its beginning."""
    out, at = jpeg[:2] + extra, 2
    while jpeg[at + 1] != 0xDA:
        length = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if jpeg[at + 1] not in drop:
            out += jpeg[at : at + length]
        at += length
    return out + jpeg[at:]


def adobe(transform):
    return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


tight = dict(optimize=True)
for subsampling in (0, 1, 2):
    for progressive in (False, True):
        name = f"jpeg {['444', '422', '420'][subsampling]}{' progressive' if progressive else ''}"
        add(name, save(color, "JPEG", quality=85, subsampling=subsampling, progressive=progressive, **tight))
add("jpeg gray", save(dim, "JPEG", quality=90, **tight))
add("jpeg gray progressive", save(dim, "JPEG", quality=90, progressive=True, **tight))
add("jpeg rgb", segments(save(color, "JPEG", quality=85, subsampling=0, **tight), drop=[0xE0], extra=adobe(0)))

inks = color.convert("CMYK")
inks.putdata([(c, m, y, int(k)) for (c, m, y, _), k in zip(inks.getdata(), gray.ravel() // 3)])
# Pillow stores inks inverted, so these three planes are stored as Y, Cb and Cr.
luma = np.dstack([255 - np.asarray(color.convert("YCbCr")), gray // 3])
ycck = Image.fromarray(luma, "CMYK")
for progressive in (False, True):
    tail = " progressive" if progressive else ""
    options = dict(quality=85, progressive=progressive, **tight)
    file = save(inks, "JPEG", subsampling=0, **options)
    add("jpeg cmyk" + tail, file)
    add("jpeg cmyk without adobe" + tail, segments(file, drop=[0xEE]))
    file = save(ycck, "JPEG", subsampling=0, **options)
    add("jpeg ycck" + tail, segments(file, drop=[0xEE], extra=adobe(2)))
    file = save(ycck, "JPEG", subsampling=2, **options)
    add("jpeg ycck 420" + tail, segments(file, drop=[0xEE], extra=adobe(2)))

for value in range(1, 9):
    order = "II" if value % 2 else "MM"
    add(f"jpeg turned {value}", save(small, "JPEG", quality=85, exif=b"Exif\0\0" + orientation(value, order), **tight))
add("jpeg turned 9", save(small, "JPEG", quality=85, exif=b"Exif\0\0" + orientation(9, "II"), **tight))
once = save(small, "JPEG", quality=85, exif=b"Exif\0\0" + orientation(3, "MM"), **tight)
add("jpeg turned 6, then 3", segments(once, extra=b"\xff\xe1\0\x2e" + b"Exif\0\0" + orientation(6, "MM")))
turned = segments(save(inks, "JPEG", quality=85, **tight), extra=b"\xff\xe1\0\x2e" + b"Exif\0\0" + orientation(6, "MM"))
add("jpeg cmyk turned 6", turned)

# PNG


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pack(samples, bits):
    """Samples [height, width, channels] as lines of bytes, big-endian."""
    lines = samples.reshape(len(samples), -1).astype(np.uint32)
    as_bits = (lines[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(as_bits.reshape(len(lines), -1).astype(np.uint8), 1)


def raw_png(samples, bits, kind, interlaced=False, extra=b""):
    """A PNG of samples [height, width, channels]; each line has another filter, where lines are whole bytes."""
    steps = [(0, 0, 1, 1)]
    if interlaced:
        steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    body, step = b"", max(1, bits * samples.shape[2] // 8)
    for top, left, down, across in steps:
        part = samples[top::down, left::across]
        if part.size == 0:
            continue
        lines = pack(part, bits).astype(np.int64)
        for y, line in enumerate(lines):
            above = lines[y - 1] if y else np.zeros_like(line)
            before = np.concatenate([np.zeros(step, np.int64), line])[: len(line)]
            filtered = [line, line - before, line - above, line - (before + above) // 2][y % 4]
            body += bytes([y % 4]) + (filtered % 256).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, kind, 0, 0, int(interlaced))
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def high(samples):
    return (samples >> 8).astype(np.uint8)


def gray_rgb(values):
    return np.repeat(values[..., None], 3, -1)


for name, image in dict(bilevel=bilevel, gray=dim, palette=palette, rgb=color, rgba=clear).items():
    add(f"png {name}", save(image, "PNG"))
add("png gray alpha", save(Image.fromarray(rgba[..., [0, 3]], "LA"), "PNG"))
for bits in (1, 2, 4):
    add(f"png palette {bits} bits", save(color.quantize(1 << bits), "PNG", bits=bits))
    add(f"png gray {bits} bits", raw_png(gray[..., None] >> (8 - bits), bits, 0))
add("png palette transparency", save(palette, "PNG", transparency=bytes(range(0, 200, 17))))
add("png gray transparency", save(dim, "PNG", transparency=int(gray[3, 4])))
add("png rgb transparency", save(color, "PNG", transparency=tuple(int(v) for v in rgb[3, 4])))
add("png gray 16 bits", raw_png(wide[..., :1], 16, 0), gray_rgb(high(wide[..., 0])))
add("png gray alpha 16 bits", raw_png(wide[..., [0, 3]], 16, 4), on_white(high(wide[..., [0, 0, 0, 3]])))
add("png rgb 16 bits", raw_png(wide[..., :3], 16, 2))
add("png rgba 16 bits", raw_png(wide, 16, 6))
add("png interlaced rgb", raw_png(rgb, 8, 2, True))
add("png interlaced rgba 16 bits", raw_png(wide, 16, 6, True))
add("png interlaced bilevel", raw_png(mask[..., None], 1, 0, True))
four = color.quantize(16)
entries = chunk(b"PLTE", bytes(four.getpalette()[:48]))
add("png interlaced palette 4 bits", raw_png(np.asarray(four)[..., None], 4, 3, True, entries))
add("png interlaced 1 × 1", raw_png(rgb[:1, :1], 8, 2, True))
add("png interlaced 3 × 2", raw_png(rgb[:2, :3], 8, 2, True))
for value in range(1, 9):
    extra = chunk(b"eXIf", orientation(value, "MM" if value % 2 else "II"))
    add(f"png turned {value}", raw_png(np.asarray(small), 8, 2, False, extra))

# WebP


def frames(kind, **options):
    """An animation of `clear`, then `color`."""
    return save(clear, kind, save_all=True, append_images=[color.convert("RGBA")], duration=50, **options)


add("webp lossy", save(color, "WEBP", quality=80))
add("webp lossless", save(color, "WEBP", lossless=True))
add("webp lossy alpha", save(clear, "WEBP", quality=80))
add("webp lossless alpha", save(clear, "WEBP", lossless=True, exact=True))
add("webp animated lossy", frames("WEBP", quality=80))
moved = frames("WEBP", lossless=True)
add("webp animated lossless", moved)
# The first frame on a larger canvas, at (4, 2): both in units of 2 pixels.
at = moved.index(b"ANMF") + 8
moved = bytearray(moved)
moved[24:30] = struct.pack("<I", W + 6)[:3] + struct.pack("<I", H + 4)[:3]
moved[at : at + 6] = struct.pack("<I", 2)[:3] + struct.pack("<I", 1)[:3]
add("webp animated small frame", bytes(moved))
for value in range(1, 9):
    add(f"webp turned {value}", save(small, "WEBP", lossless=True, exif=orientation(value, "II" if value % 2 else "MM")))
upper = save(small, "WEBP", lossless=True, exif=orientation(8, "MM"))
at = upper.index(b"EXIF")
block = b"Exif\0\0" + upper[at + 8 :]
upper = upper[:at] + b"EXIF" + struct.pack("<I", len(block)) + block
add("webp turned 8 with prefix", upper[:4] + struct.pack("<I", len(upper) - 8) + upper[8:])

# GIF

add("gif", save(palette, "GIF", interlace=0))
add("gif interlaced", save(palette, "GIF", interlace=1))
add("gif 87a", b"GIF87a" + save(palette, "GIF", interlace=0)[6:])
add("gif gray", save(dim, "GIF"))
add("gif 2 colors", save(color.quantize(2), "GIF"))
seen = save(palette, "GIF", interlace=0, transparency=int(np.asarray(palette)[5, 5]))
add("gif transparency", seen)
other = picture(W, H)
several = [Image.fromarray(other).quantize(9), Image.fromarray(other[::-1]).quantize(5)]
add("gif animated", save(palette, "GIF", save_all=True, append_images=several, duration=40))
smaller = bytearray(seen)
smaller[6:10] = struct.pack("<HH", W + 5, H + 3)
at = bytes(smaller).index(b"\x2c\0\0\0\0")
smaller[at + 1 : at + 5] = struct.pack("<HH", 4, 1)
add("gif small frame", bytes(smaller))
outside = bytearray(seen)
outside[6:10] = struct.pack("<HH", 0, H - 4)
add("gif frame beyond canvas", bytes(outside))
# With the colors in the frame instead of the file: the table moves behind the descriptor.
plain = save(palette, "GIF", interlace=0)
table = 3 << ((plain[10] & 7) + 1)
colors, rest = plain[13 : 13 + table], plain[13 + table :]
at = rest.index(b"\x2c") + 10
local = plain[:10] + bytes([plain[10] & 0x7F]) + plain[11:13] + rest[: at - 1]
add("gif local palette", local + bytes([0x80 | plain[10] & 7]) + colors + rest[at:])

# TIFF


def raw_tiff(tags, parts, order="II"):
    """A TIFF of the tags {number: (type, values)} and the strips or tiles `parts`, one after another at the front."""
    end = dict(II="<", MM=">")[order]
    code = {1: "B", 3: "H", 4: "I", 7: "B"}
    tiled = 322 in tags
    body, offsets = b"", []
    for part in parts:
        offsets.append(8 + len(body))
        body += part + b"\0" * (len(part) % 2)
    tags = {**tags, (324 if tiled else 273): (4, offsets), (325 if tiled else 279): (4, [len(p) for p in parts])}
    at = 8 + len(body) + 2 + 12 * len(tags) + 4
    directory, long = b"", b""
    for number in sorted(tags):
        kind, values = tags[number]
        value = struct.pack(end + str(len(values)) + code[kind], *values)
        if len(value) > 4:
            place = struct.pack(end + "I", at + len(long))
            long += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        directory += struct.pack(end + "HHI", number, kind, len(values)) + place
    head = order.encode() + struct.pack(end + "HI", 42, 8 + len(body))
    return head + body + struct.pack(end + "H", len(tags)) + directory + struct.pack(end + "I", 0) + long


def tags(samples, bits, photometric, compression=1, **more):
    height, width, channels = samples.shape
    base = {256: (3, [width]), 257: (3, [height]), 258: (3, [bits] * channels), 259: (3, [compression])}
    base |= {262: (3, [photometric]), 277: (3, [channels]), 278: (3, [height])}
    return base | {int(key[1:]): (3, value) for key, value in more.items()}


def tiles(samples, side=16):
    """Tiles of [side, side, channels], filled up with 77."""
    height, width, _ = samples.shape
    full = np.full((-(-height // side) * side, -(-width // side) * side, samples.shape[2]), 77, samples.dtype)
    full[:height, :width] = samples
    for y in range(0, height, side):
        for x in range(0, width, side):
            yield full[y : y + side, x : x + side]


for name, image in dict(bilevel=bilevel, gray=dim, palette=palette, rgb=color, rgba=clear, cmyk=inks).items():
    add(f"tiff {name}", save(image, "TIFF"))
    for compression in ("packbits", "tiff_lzw", "tiff_adobe_deflate"):
        short = compression.split("_")[-1]
        add(f"tiff {name} {short}", save(image, "TIFF", compression=compression, strip_size=160))
add("tiff rgb lzw predictor", save(color, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}, strip_size=200))
add("tiff rgba deflate predictor", save(clear, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2}, strip_size=300))
add("tiff gray alpha", raw_tiff(tags(rgba[..., [0, 3]], 8, 1, _338=[2]), [rgba[..., [0, 3]].tobytes()]))
add("tiff rgb with a fourth sample", raw_tiff(tags(rgba, 8, 2), [rgba.tobytes()]))
add("tiff rgb with unexplained sample", raw_tiff(tags(rgba, 8, 2, _338=[0]), [rgba.tobytes()]))
faded = np.dstack([rgb * (rgba[..., 3:] / 255), rgba[..., 3:]]).astype(np.uint8)
add("tiff rgb times alpha", raw_tiff(tags(faded, 8, 2, _338=[1]), [faded.tobytes()]))
noise = rng.integers(0, 256, (26, 150), dtype=np.uint8)  # long enough for codes of 12 bits and a cleared table
add("tiff gray lzw noise", save(Image.fromarray(noise), "TIFF", compression="tiff_lzw"))
for name, image in dict(gray=dim, tables=color, strips=Image.fromarray(picture(21, 30))).items():
    add(f"tiff jpeg {name}", save(image, "TIFF", compression="jpeg", quality=85, strip_size=16 * 63))
part = segments(save(color, "JPEG", quality=85, subsampling=0), drop=[0xE0])
add("tiff jpeg rgb", raw_tiff(tags(rgb, 8, 2, 7), [part]))
parts = [save(Image.fromarray(np.ascontiguousarray(t)), "JPEG", quality=85, subsampling=2) for t in tiles(rgb)]
parts = [segments(part, drop=[0xE0]) for part in parts]
add("tiff jpeg ycbcr tiles", raw_tiff(tags(rgb, 8, 6, 7, _322=[16], _323=[16], _530=[2, 2]), parts))
for order, end in (("II", "<u2"), ("MM", ">u2")):
    add(f"tiff gray 16 bits {order}", raw_tiff(tags(wide[..., :1], 16, 1), [wide[..., 0].astype(end).tobytes()], order),
        gray_rgb(high(wide[..., 0])))
    add(f"tiff rgb 16 bits {order}", raw_tiff(tags(wide[..., :3], 16, 2), [wide[..., :3].astype(end).tobytes()], order))
    deltas = np.diff(wide[..., :3].astype(np.int64), axis=1, prepend=0) % 65536
    deltas[:, 0] = wide[:, 0, :3]
    part = zlib.compress(deltas.astype(end).tobytes())
    add(f"tiff rgb 16 bits predictor {order}", raw_tiff(tags(wide[..., :3], 16, 2, 8, _317=[2]), [part], order))
add("tiff white is zero", raw_tiff(tags(rgb[..., :1], 8, 0), [gray.tobytes()]))
add("tiff bilevel white is zero", raw_tiff(tags(rgb[..., :1], 1, 0), [pack(mask[..., None], 1).tobytes()]))
add("tiff gray 4 bits", raw_tiff(tags(rgb[..., :1], 4, 1), [pack(gray[..., None] >> 4, 4).tobytes()]))
table = [v * 257 for c in range(3) for v in four.getpalette()[c:48:3]]
add("tiff palette 4 bits", raw_tiff(tags(rgb[..., :1], 4, 3, _320=table), [pack(np.asarray(four)[..., None], 4).tobytes()]))
four_tiles = picture(18, 20)
parts = [t.tobytes() for t in tiles(four_tiles)]
add("tiff tiles", raw_tiff(tags(four_tiles, 8, 2, _322=[16], _323=[16]), parts))
parts = [zlib.compress(t.tobytes()) for t in tiles(rgba)]
add("tiff tiles deflate MM", raw_tiff(tags(rgba, 8, 2, 8, _322=[16], _323=[16], _338=[2]), parts, "MM"))
parts = [pack(t, 1).tobytes() for t in tiles(mask[..., None])]
add("tiff tiles bilevel", raw_tiff(tags(rgb[..., :1], 1, 1, _322=[16], _323=[16]), parts))
planes = [rgb[y : y + 5, :, c].tobytes() for c in range(3) for y in range(0, H, 5)]
add("tiff planes", raw_tiff({**tags(rgb, 8, 2, _284=[2]), 278: (3, [5])}, planes))
add("tiff two pages", save(color, "TIFF", save_all=True, append_images=[dim]))
for value in range(1, 9):
    order = "II" if value % 2 else "MM"
    turned = np.asarray(small)
    add(f"tiff turned {value}", raw_tiff(tags(turned, 8, 2, _274=[value]), [turned.tobytes()], order))

# Netpbm

add("ppm", save(color, "PPM"))
add("ppm comments", b"P6 # made by\n# hand\n17\t#\n11 255\n" + rgb.tobytes())

write("decode")
