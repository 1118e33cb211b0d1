"""Writes decode_odd.bin and decode_odd.json: unusual files of the formats of decode.py, with the pixels they should have.

    python3 tests/golden/decode_odd.py

Needs what decode.py needs, whose files it writes too, and tiffcp of libtiff 4.5.0 (Debian's libtiff-tools). Where Pillow
cannot read a file, or clips it, the pixels come from the samples it was made of. Cases with `stretch` have their contrast
stretched between numpy's 1st and 99th percentile.
"""

import struct
import subprocess
import tempfile
import zlib

import image_files
import numpy as np
from decode import (H, W, adobe, chunk, clear, color, dim, gray, gray_rgb, high, inks, pack, palette, raw_png, raw_tiff, rgb,
                    rgba, segments, tags, wide)
from image_files import cases, on_white, picture, put, read, save, write
from PIL import Image

image_files.data.clear()
image_files.places.clear()
cases.clear()
rng = np.random.default_rng(14)


def add(name, file, pixels=None, stretch=False):
    pixels = read(file) if pixels is None else pixels
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3, name
    place = dict(file=put(file), rgb=put(pixels.tobytes()))
    cases.append(dict(name=name, width=pixels.shape[1], height=pixels.shape[0], **place, stretch=stretch))


# JPEG: what libjpeg skips, and what stands behind the image or in place of its end

large = Image.fromarray(picture(40, 30))


def between(jpeg, junk):
    """`jpeg` with `junk` before each header segment and before the scan."""
    out, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        length = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        out, at = out + junk + jpeg[at : at + length], at + length
    return out + junk + jpeg[at:]


for kind, jpeg in {
    "baseline": save(large, "JPEG", quality=85),
    "progressive": save(large, "JPEG", quality=85, progressive=True),
    "cmyk": save(large.convert("CMYK"), "JPEG", quality=85),
}.items():
    pixels = read(jpeg)
    add(f"jpeg {kind} with zeros between segments", between(jpeg, b"\0\0\0"), pixels)
    add(f"jpeg {kind} with fill bytes", between(jpeg, b"\xff\xff"), pixels)
    add(f"jpeg {kind} with other bytes between segments", between(jpeg, b"\x12\0\xff\0abc"), pixels)
    add(f"jpeg {kind} before another", jpeg + b"\0\0SEFH" + jpeg[:200], pixels)
    if kind != "cmyk":
        add(f"jpeg {kind} that ends in zeros", jpeg[:-2] + b"\0\0", pixels)
        add(f"jpeg {kind} that ends in many zeros", jpeg[:-2] + b"\0" * 500, pixels)
        add(f"jpeg {kind} that ends in other bytes", jpeg[:-2] + b"xy", pixels)

# GIF: what others skip

gif = save(palette, "GIF", interlace=0)
colors = 13 + (3 << ((gif[10] & 7) + 1))
frame = gif.index(b"\x2c", colors)
data, at = b"", frame + 11
while gif[at]:
    data, at = data + gif[at + 1 : at + 1 + gif[at]], at + 1 + gif[at]


def blocks(body, size=255):
    return b"".join(bytes([len(body[i : i + size])]) + body[i : i + size] for i in range(0, len(body), size)) + b"\0"


pixels = read(gif)
for name, extension in {
    "empty comment": b"\x21\xfe\0",
    "text": b"\x21\x01\x0c" + bytes(12) + b"\x03abc\0",
    "application": b"\x21\xff\x0bXMP DataXMP\x03abc\0",
    "empty application": b"\x21\xff\0",
    "unknown": b"\x21\x99\x02ab\0",
    "empty control": b"\x21\xf9\0",
    "long control": b"\x21\xf9\x05" + bytes(6),
}.items():
    add(f"gif with an extension: {name}", gif[:colors] + extension + gif[colors:], pixels)
add("gif with zeros between blocks", gif[:colors] + b"\0\0" + gif[colors:])
add("gif without trailer", gif[:-1])
add("gif before other bytes", gif + b"junk" * 9)
head = gif[: frame + 11]
add("gif with data after the end code", head + blocks(data + b"\x11\x22\x33") + b";")
add("gif with another block of data", head + gif[frame + 11 : -2] + b"\x05\x11\x22\x33\x44\x55\0;")
add("gif without end code", head + blocks(data[:-1]) + b";")
add("gif in blocks of a byte", head + blocks(data, 1) + b";")
add("gif without colors", gif[:10] + bytes([gif[10] & 0x7F]) + gif[11:13] + gif[colors:])
seen = save(palette, "GIF", interlace=0, transparency=int(np.asarray(palette)[5, 5]))
at = seen.index(b"\x21\xf9\x04")
add("gif transparency in a long control", seen[: at + 2] + b"\x05" + seen[at + 3 : at + 7] + b"\0" + seen[at + 7 :], read(seen))

# PNG: what libpng skips


def chunks_of(png):
    at = 8
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def png_of(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


png = save(color, "PNG")
(ihdr, idat, iend), pixels = chunks_of(png), read(png)
add("png with bytes after the data", png_of(ihdr, (b"IDAT", idat[1] + b"abcdef"), iend))
add("png with lines after the data", png_of(ihdr, (b"IDAT", zlib.compress(zlib.decompress(idat[1]) + bytes(300))), iend))
add("png with another data chunk", png_of(ihdr, idat, (b"IDAT", bytes(range(15))), iend))
add("png in data chunks of a byte", png_of(ihdr, *[(b"IDAT", idat[1][i : i + 1]) for i in range(len(idat[1]))], iend))
add("png with empty data chunks", png_of(ihdr, (b"IDAT", b""), idat, (b"IDAT", b""), iend))
comment = bytearray(chunk(b"tEXt", b"a\0b"))
comment[-1] ^= 1
add("png with a wrong checksum of a comment", png[:33] + comment + png[33:], pixels)
for kind, body in {b"iCCP": b"x\0\0junk", b"zTXt": b"x\0\0junk", b"sBIT": b"\x63", b"gAMA": struct.pack(">I", 10000)}.items():
    add(f"png with {kind.decode()}", png_of(ihdr, (kind, body), idat, iend), pixels)
add("png with late chunks", png_of(ihdr, idat, (b"gAMA", struct.pack(">I", 45455)), (b"pHYs", bytes(9)), iend))
add("png before other bytes", png + b"abc" * 30)
seen = dict(chunks_of(save(palette, "PNG", transparency=bytes(range(0, 200, 17)))))
order = [(kind, seen[kind]) for kind in (b"IHDR", b"tRNS", b"PLTE", b"IDAT", b"IEND")]
add("png with transparency before the palette", png_of(*order))
laced = bytearray(raw_png(rgb, 8, 2, True))
for interlaced in (False, True):
    _, body, _ = chunks_of(raw_png(rgb, 8, 2, interlaced))
    first = ihdr[1][:12] + bytes([interlaced])
    name = " interlaced" if interlaced else ""
    add(f"png{name} with bytes after the data of filtered lines", png_of((b"IHDR", first), (b"IDAT", body[1] + b"xyz"), iend))

# 12 significant bits in 16: as they are, or scaled as the standard has them
twelve = wide >> 4
low = np.repeat((twelve[..., :1] >> 4).astype(np.uint8), 3, -1)
bits = chunk(b"sBIT", b"\x0c")
add("png of 12 bits in 16", raw_png(twelve[..., :1], 16, 0, False, bits), low)
add("png of 12 bits in 16, scaled", raw_png(twelve[..., :1] << 4, 16, 0, False, bits), low)
repeated = twelve[..., :1] << 4 | twelve[..., :1] >> 8
add("png of 12 bits in 16, repeated", raw_png(repeated, 16, 0, False, bits), low)
dark = wide[..., :1] >> 12 << 8  # scaled, and no brighter than a sixteenth
add("png of 12 bits in 16, scaled and dark", raw_png(dark, 16, 0, False, bits), gray_rgb(high(dark[..., 0])))
add("png rgba of 12 bits in 16", raw_png(np.dstack([twelve[..., :3], wide[..., 3:]]), 16, 6, True, chunk(b"sBIT", b"\x0c\x0c\x0c\x10")),
    on_white(np.dstack([twelve[..., :3] >> 4, wide[..., 3:] >> 8]).astype(np.uint8)))

# TIFF


def tiffcp(file, *options):
    with tempfile.TemporaryDirectory() as folder:
        before, after = f"{folder}/a.tif", f"{folder}/b.tif"
        with open(before, "wb") as out:
            out.write(file)
        subprocess.run(["tiffcp", *options, before, after], check=True, capture_output=True)
        with open(after, "rb") as out:
            return out.read()


text = np.zeros((33, 70), bool)
text[3:12, 5:60], text[6:8, 20:22], text[15] = True, False, True
text[:, 69], text[20:26, ::2] = True, True
text[27:] = picture(70, 6)[..., 0] > 128
lengths = np.zeros((4, 2700), bool)
lengths[1, 60:2690], lengths[2], lengths[3, 1000:1700] = True, True, True
for name, image in dict(text=text, lengths=lengths).items():
    file = save(Image.fromarray(image), "TIFF")
    for scheme in ("g3:1d", "g3:2d", "g3:1d:fill", "g3:2d:fill", "g4"):
        add(f"tiff fax {name} {scheme}", tiffcp(file, "-c", scheme))
    add(f"tiff fax {name} g3:2d lowest bit first", tiffcp(file, "-c", "g3:2d", "-f", "lsb2msb"))
    add(f"tiff fax {name} g4 lowest bit first", tiffcp(file, "-c", "g4", "-f", "lsb2msb"))
    add(f"tiff fax {name} g4 strips, big", tiffcp(file, "-c", "g4", "-8", "-r", "7"))
    for scheme in ("tiff_ccitt", "group3", "group4"):
        add(f"tiff fax {name} {scheme}", save(Image.fromarray(image), "TIFF", compression=scheme))
file = save(Image.fromarray(text), "TIFF")
add("tiff fax tiles", tiffcp(file, "-c", "g4", "-t", "-w", "32", "-l", "16"))

file = save(color, "TIFF")
for options in ("-8", "-8 -B", "-8 -t -w 16 -l 16", "-8 -p separate -c lzw", "-f lsb2msb", "-c lzw:2 -f lsb2msb", "-c zip:2 -8 -B",
                "-c zstd", "-c zstd:2", "-c webp", "-c jpeg -8"):
    copy = tiffcp(file, *options.split())
    add(f"tiff {options}", copy, rgb if options.endswith("-B") else None)  # Pillow reads no BigTIFF of the other byte order
add("tiff cmyk jpeg", save(inks, "TIFF", compression="jpeg", quality=90))
add("tiff cmyk -8", tiffcp(save(inks, "TIFF"), "-8"))
jpeg = save(color, "JPEG", quality=90)
old = {**tags(rgb, 8, 6, 6), 513: (4, [8]), 514: (4, [len(jpeg)])}
add("tiff old jpeg", raw_tiff(old, [jpeg]), read(jpeg))  # libtiff does not smooth its chroma

# Numbers of which the file does not tell the range: 0 to 1, and 0 to 255
floats = rng.random((H, W, 3)).astype(np.float32)
floats[0, :2, 0] = 0, 1


def scaled(values):
    """0 to 1 as bytes, [height, width, 3]."""
    values = np.floor(np.clip(np.nan_to_num(values.astype(np.float64)), 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.repeat(values, 3, -1) if values.shape[2] == 1 else values


def numbers(values, code, form, photometric=1, order="II", compression=1, **more):
    """A TIFF of samples of the numpy type `code` and the sample format `form`."""
    samples = values.astype(("<" if order == "II" else ">") + code)
    shape = tags(values, 8 * samples.itemsize, photometric, compression, _339=[form] * values.shape[2], **more)
    return raw_tiff(shape, [samples.tobytes()], order)


def byte_planes(values, code, order):
    """The floating-point predictor, deflated: bytes of the highest order first, then their differences."""
    step = values.shape[2]
    planes = values.astype(">" + code).view(np.uint8).reshape(H, W * step, -1).transpose(0, 2, 1).reshape(H, -1)
    deltas = planes.copy()
    deltas[:, step:] -= planes[:, :-step]
    depth, photometric = 8 * np.dtype(code).itemsize, 1 if step == 1 else 2
    shape = tags(values, depth, photometric, 8, _339=[3] * step, _317=[3])
    return raw_tiff(shape, [zlib.compress(deltas.tobytes())], order)


one = floats[..., :1]
for code in ("f2", "f4", "f8"):
    for order in ("II", "MM"):
        add(f"tiff {code} {order}", numbers(one, code, 3, order=order), scaled(one.astype(code)))
        add(f"tiff {code} {order} rgb predictor 3", byte_planes(floats, code, order), scaled(floats.astype(code)))
    if code != "f2":
        add(f"tiff {code} predictor 2", tiffcp(numbers(one, code, 3), "-c", "zip:2"), scaled(one))
    add(f"tiff {code} predictor 3 of libtiff", tiffcp(numbers(floats, code, 3, 2), "-c", "lzw:3"), scaled(floats.astype(code)))
add("tiff f4 white is zero", numbers(one, "f4", 3, 0), 255 - scaled(one))
holes = one.copy()
holes[3, 3] = np.nan
add("tiff f4 with NaN", numbers(holes, "f4", 3), scaled(holes))
faded = np.dstack([floats, one])
add("tiff f4 alpha", numbers(faded, "f4", 3, 2, _338=[2]), on_white(np.dstack([scaled(floats), scaled(one)[..., :1]])))
plain = gray[..., None]
for code, form in dict(i4=2, u4=1, i2=2).items():
    for order in ("II", "MM"):
        add(f"tiff {code} {order}", numbers(plain, code, form, order=order), gray_rgb(gray))
add("tiff i4 predictor 2", tiffcp(numbers(plain, "i4", 2), "-c", "zip:2"), gray_rgb(gray))
for depth in (10, 12, 14):
    samples = wide[..., :3] >> (16 - depth)
    add(f"tiff rgb of {depth} bits", raw_tiff(tags(samples, depth, 2), [pack(samples, depth).tobytes()]), high(samples << (16 - depth)))
add("tiff gray 2 bits", raw_tiff(tags(plain, 2, 1), [pack(plain >> 6, 2).tobytes()]))
add("tiff rgb 4 bits", raw_tiff(tags(rgb, 4, 2), [pack(rgb >> 4, 4).tobytes()]), (rgb >> 4) * 17)

# Stretched


def stretched(values, alpha=None):
    """Values between their percentiles as bytes; those of transparent pixels and NaN do not count."""
    values = values.astype(np.float64)
    counted = values[np.ones(values.shape[:2], bool) if alpha is None else alpha > 0]
    low, high = np.nanpercentile(counted, [1, 99])
    values = np.floor(np.nan_to_num(np.clip((values - low) * (255 / (high - low)), 0, 255)) + 0.5).astype(np.uint8)
    values = np.repeat(values, 3, -1) if values.shape[2] == 1 else values
    return values if alpha is None else on_white(np.dstack([values, alpha]))


def add_stretched(name, file, pixels):
    add(f"{name}, stretched", file, pixels, stretch=True)


flat = (np.asarray(color) // 4 + 70).astype(np.uint8)
add_stretched("png rgb", save(Image.fromarray(flat), "PNG"), stretched(flat))
add_stretched("png rgba", save(Image.fromarray(np.dstack([flat, rgba[..., 3]])), "PNG"), stretched(flat, rgba[..., 3]))
jpeg = save(Image.fromarray(flat), "JPEG", quality=90)
add_stretched("jpeg", jpeg, stretched(read(jpeg)))
add_stretched("gif", save(dim, "GIF"), stretched(plain))
add_stretched("png gray 16 bits", raw_png(wide[..., :1] >> 5, 16, 0), stretched(wide[..., :1] >> 5))
add_stretched("png rgb 16 bits interlaced", raw_png((wide[..., :3] >> 3) + 9, 16, 2, True), stretched((wide[..., :3] >> 3) + 9))
add_stretched("png rgba 16 bits", raw_png(np.dstack([wide[..., :3] >> 3, wide[..., 3:]]), 16, 6),
              stretched(wide[..., :3] >> 3, high(wide[..., 3])))
add_stretched("png of 12 bits in 16", raw_png(twelve[..., :1], 16, 0, False, bits), stretched(twelve[..., :1]))
for order in ("II", "MM"):
    add_stretched(f"tiff u2 {order}", numbers(wide[..., :1] >> 5, "u2", 1, order=order), stretched(wide[..., :1] >> 5))
add_stretched("tiff u2 rgb", numbers(wide[..., :3] >> 5, "u2", 1, 2), stretched(wide[..., :3] >> 5))
add_stretched("tiff u1 jpeg", save(Image.fromarray(flat), "TIFF", compression="jpeg"),
              stretched(read(save(Image.fromarray(flat), "TIFF", compression="jpeg"))))
hounsfield = (wide[..., :1].astype(np.int64) >> 4) - 1024
add_stretched("tiff i2", numbers(hounsfield, "i2", 2), stretched(hounsfield))
add_stretched("tiff i4", numbers(hounsfield * 100000, "i4", 2), stretched(hounsfield * 100000))
add_stretched("tiff u4", numbers(wide[..., :1].astype(np.int64) * 65000 + 7, "u4", 1), stretched(wide[..., :1].astype(np.int64) * 65000 + 7))
wild = (rng.normal(0, 1, (H, W, 1)) * 10.0 ** rng.integers(-3, 3, (H, W, 1))).astype(np.float32)
wild[2, 2], wild[4, 4], wild[5, 5] = np.nan, np.inf, -np.inf
add_stretched("tiff f4", numbers(wild, "f4", 3), stretched(wild))
add_stretched("tiff f8", numbers(wild, "f8", 3, order="MM"), stretched(wild))
add_stretched("tiff f4 white is zero", numbers(floats[..., :1] * 40 - 20, "f4", 3, 0), 255 - stretched(floats[..., :1] * 40 - 20))
header = f"P5 {W} {H} 65535\n".encode()
add_stretched("pnm u2", header + (wide[..., :1] >> 5).astype(">u2").tobytes(), stretched(wide[..., :1] >> 5))
header = f"P7\nWIDTH {W}\nHEIGHT {H}\nDEPTH 4\nMAXVAL 4095\nTUPLTYPE RGB_ALPHA\nENDHDR\n".encode()
seen = twelve.copy()
seen[2:5, 3:9, 3] = 0
add_stretched("pnm u2 rgba", header + seen.astype(">u2").tobytes(),
              stretched(seen[..., :3], np.round(seen[..., 3] / 4095 * 255).astype(np.uint8)))
spot = np.zeros((H, W, 1), np.uint16)
spot[4, 4] = 900  # both percentiles are 0
add_stretched("png gray 16 bits of a spot", raw_png(spot, 16, 0), np.repeat((spot > 0).astype(np.uint8) * 255, 3, -1))

write("decode_odd")
