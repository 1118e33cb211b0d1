"""Writes formats.bin and formats.json, like decode.py: BMP, PNM, animated PNG, AVIF, HEIC and JPEG XL.

    python3 tests/golden/formats.py

Pillow 9.4 reads BMP, PNM and PNG where it can. What it cannot read (BMP of 2 bits, bit fields of unusual widths, PAM,
16 bits of gray) has its pixels from numpy. AVIF, HEIC and JPEG XL are encoded without loss where the encoders can, by
avifenc 0.11 and heif-enc 1.15, of libavif-bin and libheif-examples, and cjxl 0.7, of libjxl-tools; heif-convert,
avifdec and djxl give the pixels of lossy files.
"""

import os
import struct
import subprocess
import tempfile
import zlib

import numpy as np
from PIL import Image

from image_files import add, on_white, orientation, picture, read, rng, save, write

W, H = 17, 11
rgba = picture(W, H, 4)
rgba[2:5, 3:9, 3] = 0
rgba[6:9, 10:15, 3] = 255
rgb, gray, mask = rgba[..., :3], rgba[..., 0], rgba[..., 1] > 128
color, dim = Image.fromarray(rgb), Image.fromarray(gray)
palette = color.quantize(20)
wide = rng.integers(0, 65536, (H, W, 4), dtype=np.uint16)


def gray_rgb(values):
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, -1)


# BMP


def dib(bits, height=H, compression=0, size=40, colors=0, masks=(), image_size=0, width=W):
    """A header of `size` bytes; masks beyond it follow."""
    if size == 12:
        return struct.pack("<IHHHH", 12, width, height, 1, bits)
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, image_size, 2835, 2835, colors, 0)
    masks = struct.pack(f"<{len(masks)}I", *masks)
    return head[:size] if size < 40 else head + masks.ljust(max(0, size - 40), b"\0")


def bmp(head, body, table=b"", gap=b"", start=None):
    start = 14 + len(head + table + gap) if start is None else start
    total = 14 + len(head + table + gap + body)
    return b"BM" + struct.pack("<IHHI", total, 0, 0, start) + head + table + gap + body


def lines(samples, bits):
    """Samples [height, width] as the lines of a BMP, the lowest first, padded to 4 bytes."""
    as_bits = (samples.astype(np.uint32)[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(as_bits.reshape(len(samples), -1).astype(np.uint8), 1)
    return pad(packed)


def pad(packed):
    return np.pad(packed[::-1], ((0, 0), (0, -packed.shape[1] % 4))).tobytes()


def table(image, count, entry=4):
    colors = np.array(image.getpalette()[: 3 * count], np.uint8).reshape(-1, 3)[:, ::-1]
    colors = np.pad(colors, ((0, count - len(colors)), (0, entry - 3)))
    return colors.tobytes()


bgr = pad(rgb[..., ::-1].reshape(H, -1))
bgra = pad(rgba[..., [2, 1, 0, 3]].reshape(H, -1))
add("bmp 24 bits", save(color, "BMP"))
add("bmp gray", save(dim, "BMP"))
add("bmp palette", save(palette, "BMP"))
add("bmp bilevel", save(Image.fromarray(mask), "BMP"))
add("bmp 24 bits top-down", bmp(dib(24, -H), pad(rgb[::-1, :, ::-1].reshape(H, -1))))
add("bmp 32 bits", bmp(dib(32), bgra), rgb)
for size in (52, 56, 64, 108, 124):
    add(f"bmp header of {size} bytes", bmp(dib(24, size=size), bgr), rgb)
add("bmp header of 16 bytes", bmp(dib(24, size=16), bgr), rgb)
add("bmp os/2", bmp(dib(24, size=12), bgr))
for bits in (1, 4, 8):
    few = color.quantize(min(1 << bits, 100))
    index, count = np.asarray(few), 1 << bits
    add(f"bmp palette {bits} bits", bmp(dib(bits), lines(index, bits), table(few, count)))
    add(f"bmp palette {bits} bits top-down", bmp(dib(bits, -H), lines(index[::-1], bits), table(few, count)))
    add(f"bmp os/2 {bits} bits", bmp(dib(bits, size=12), lines(index, bits), table(few, count, 3)))
    used = int(index.max()) + 1
    add(f"bmp palette {bits} bits short", bmp(dib(bits, colors=used), lines(index, bits), table(few, used)))
    # OS/2 1 has no number of colors: the pixels begin before all have come.
    rgb_of = np.array(few.getpalette()[:768], np.uint8).reshape(-1, 3)[index]
    add(f"bmp os/2 {bits} bits short", bmp(dib(bits, size=12), lines(index, bits), table(few, used, 3)), rgb_of)
    add(f"bmp palette {bits} bits gap", bmp(dib(bits), lines(index, bits), table(few, count), b"\xaa" * 10))
two = color.quantize(4)
two_rgb = np.array(two.getpalette()[:12], np.uint8).reshape(-1, 3)[np.asarray(two)]
add("bmp palette 2 bits", bmp(dib(2), lines(np.asarray(two), 2), table(two, 4)), two_rgb)
beyond = np.asarray(two) + 2
beyond_rgb = np.vstack([np.array(two.getpalette()[:12], np.uint8).reshape(-1, 3), np.zeros((2, 3), np.uint8)])[beyond]
add("bmp numbers beyond the palette", bmp(dib(8, colors=4), lines(beyond, 8), table(two, 4)), beyond_rgb)
add("bmp unpadded last line", bmp(dib(24), bgr)[:-1])
add("bmp bytes after the image", bmp(dib(24), bgr) + b"\xff" * 20)
add("bmp without file header", save(color, "BMP")[14:], rgb)


def fields(masks, samples):
    """Pixels of `samples` [height, width, k], each scaled to its mask, and Pillow's 8 bits of them."""
    pixels, out = np.zeros((H, W), np.uint64), []
    for k, m in enumerate(masks):
        low = (m & -m).bit_length() - 1 if m else 0
        most = m >> low
        value = samples[..., k].astype(np.uint64) * (most + 1) >> 16
        pixels |= value << np.uint64(low)
        out.append((value * 255 // most if m else value).astype(np.uint8))
    return pixels, np.stack(out, -1)


def packed(pixels, bits):
    return pad(pixels.astype("<u2" if bits == 16 else "<u4").view(np.uint8).reshape(H, -1))


pixels, out = fields((0x7C00, 0x3E0, 0x1F), wide)
add("bmp 16 bits", bmp(dib(16), packed(pixels, 16)), out)
assert (read(bmp(dib(16), packed(pixels, 16))) == out).all()
for name, bits, masks in [
    ("565", 16, (0xF800, 0x7E0, 0x1F)),
    ("555", 16, (0x7C00, 0x3E0, 0x1F)),
    ("444", 16, (0xF00, 0xF0, 0xF)),
    ("bgr 565", 16, (0x1F, 0x7E0, 0xF800)),
    ("8888", 32, (0xFF0000, 0xFF00, 0xFF)),
    ("rgbx", 32, (0xFF000000, 0xFF0000, 0xFF00)),
    ("101010", 32, (0x3FF00000, 0xFFC00, 0x3FF)),
    ("16 bits a sample", 32, (0xFFFF0000, 0xFF00, 0xFF)),
]:
    pixels, out = fields(masks, wide)
    file = bmp(dib(bits, compression=3), packed(pixels, bits), struct.pack("<III", *masks))
    if name in ("565", "555", "8888"):
        assert (read(file) == out).all(), name
    add(f"bmp fields {name}", file, out)
    add(f"bmp fields {name} header 4", bmp(dib(bits, compression=3, size=108, masks=masks), packed(pixels, bits)), out)
alpha = {"8888": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
         "5551": (16, (0x7C00, 0x3E0, 0x1F, 0x8000))}
for name, (bits, masks) in alpha.items():
    pixels, out = fields(masks, wide)
    add(f"bmp alpha {name}", bmp(dib(bits, compression=6), packed(pixels, bits), struct.pack("<IIII", *masks)), on_white(out))
    for size in (56, 108, 124):
        file = bmp(dib(bits, compression=3, size=size, masks=masks), packed(pixels, bits))
        add(f"bmp alpha {name} header of {size} bytes", file, on_white(out))
    pixels &= ~np.uint64(masks[3])
    file = bmp(dib(bits, compression=3, size=124, masks=masks), packed(pixels, bits))
    add(f"bmp alpha {name} all zero", file, out[..., :3])


def runs(index, bits):
    """RLE of 4 or 8 bits: runs, literals, and moves over what is 0."""
    body = b""
    for y, line in enumerate(index[::-1]):
        x = 0
        while x < W:
            kind = (x + y) % 3
            n = min(W - x, 3 + (x * 5 + y) % 6)
            part = line[x : x + n]
            if kind == 0 and n >= 3:  # literals
                packed = bytes(part) if bits == 8 else bytes(
                    int(part[i]) << 4 | (int(part[i + 1]) if i + 1 < n else 0) for i in range(0, n, 2))
                body += bytes([0, n]) + packed + b"\0" * (len(packed) % 2)
            elif kind == 1 and bits == 4 and n > 1:  # two colors in turn
                a, b = int(part[0]), int(part[1])
                n = 2
                body += bytes([2, a << 4 | b])
            else:
                n = 1
                while x + n < W and line[x + n] == line[x]:
                    n += 1
                value = int(line[x])
                body += bytes([n, value if bits == 8 else value << 4 | value])
            x += n
        body += b"\0\0" if y < H - 1 else b"\0\1"
    return body


for bits in (4, 8):
    few = color.quantize(12)
    index = np.asarray(few).copy()
    index[3:5, 2:9] = 5
    body = runs(index, bits)
    file = bmp(dib(bits, compression=3 - bits // 4, image_size=len(body)), body, table(few, 1 << bits))
    expected = np.array(few.getpalette()[:36], np.uint8).reshape(-1, 3)[index]
    # Pillow 9.4 misreads the literals of RLE4; ImageMagick and netpbm read them as here.
    assert bits == 4 or (read(file) == expected).all()
    add(f"bmp rle{bits}", file, expected)
    add(f"bmp rle{bits} without end mark", file[:-2], expected)
    # A cross from moves: what is skipped has color 0.
    one = 0x11 if bits == 4 else 1
    body = bytes([0, 2, 3, 2, 5, one, 0, 0, 0, 2, 0, 1, W, one, 0, 2, 0, 1, 0, 0, 4, one, 0, 1])
    sparse = np.zeros((H, W), np.uint8)
    sparse[2, 3:8] = sparse[4, :] = sparse[6, :4] = 1
    file = bmp(dib(bits, compression=3 - bits // 4), body, table(few, 1 << bits))
    add(f"bmp rle{bits} moves", file, np.array(few.getpalette()[:36], np.uint8).reshape(-1, 3)[sparse[::-1]])
body = b""
for line in rgb[::-1, :, ::-1]:
    body += bytes([0, 9]) + line[:9].tobytes() + b"\0" + b"".join(b"\1" + p.tobytes() for p in line[9:]) + b"\0\0"
add("bmp rle24 os/2", bmp(dib(24, compression=4, size=64), body + b"\0\1"), rgb)
inner = save(color, "PNG")
add("bmp png inside", bmp(dib(0, compression=5, image_size=len(inner)), inner), rgb)
inner = save(color, "JPEG", quality=85, subsampling=0)
add("bmp jpeg inside", bmp(dib(0, compression=4, image_size=len(inner)), inner), read(inner))

# Netpbm


def head(kind, *values):
    return f"{kind} {W} {H} {' '.join(map(str, values))}".rstrip().encode() + b"\n"


def text(samples):
    flat = [str(v) for v in samples.ravel()]
    return "\n".join(" ".join(flat[i : i + 15]) for i in range(0, len(flat), 15)).encode() + b"\n"


def scaled(samples, most):
    """Pillow's 8 bits: halves go to the even neighbor."""
    return np.array([round(int(v) / most * 255) for v in samples.ravel()], np.uint8).reshape(samples.shape)


black = gray_rgb(np.where(mask, 0, 255))
add("pnm p1", head("P1") + text(mask.astype(int)))
add("pnm p1 dense", head("P1") + "\n".join("".join(map(str, line)) for line in mask.astype(int)).encode(), black)
add("pnm p4", head("P4") + np.packbits(mask, 1).tobytes())
add("pnm p4 comments", b"P4\n# one\n17 # width\n# two\n11\n" + np.packbits(mask, 1).tobytes(), black)
for most in (1, 2, 15, 30, 100, 254, 255):
    levels, colors = gray.astype(int) * most // 255, rgb.astype(int) * most // 255
    for name, file, out in [
        ("p2", head("P2", most) + text(levels), gray_rgb(scaled(levels, most))),
        ("p3", head("P3", most) + text(colors), scaled(colors, most)),
        ("p5", head("P5", most) + levels.astype(np.uint8).tobytes(), gray_rgb(scaled(levels, most))),
        ("p6", head("P6", most) + colors.astype(np.uint8).tobytes(), scaled(colors, most)),
    ]:
        assert (read(file) == out).all(), (name, most)
        if most in (30, 255) or name == "p5":
            add(f"pnm {name} to {most}", file)
for most in (256, 1023, 4095, 65535):
    levels = wide.astype(int) * most // 65535
    add(f"pnm p5 to {most}", head("P5", most) + levels[..., 0].astype(">u2").tobytes(), gray_rgb(scaled(levels[..., 0], most)))
    file = head("P6", most) + levels[..., :3].astype(">u2").tobytes()
    assert (read(file) == scaled(levels[..., :3], most)).all(), most
    add(f"pnm p6 to {most}", file)
    add(f"pnm p2 to {most}", head("P2", most) + text(levels[..., 0]), gray_rgb(scaled(levels[..., 0], most)))
add("pnm p5 above the largest", head("P5", 100) + gray.tobytes(), gray_rgb(scaled(np.minimum(gray, 100), 100)))
add("pnm p6 comments", b"P6 # made by\n# hand\n17\t#\n11 255\n" + rgb.tobytes())
add("pnm p6 comment after the size", b"P6\n17 11\n255 # last\n" + rgb.tobytes(), rgb)
add("pnm p6 two images", head("P6", 255) + rgb.tobytes() + head("P6", 255) + rgb[::-1].tobytes(), rgb)
add("pnm p2 comments", head("P2", 255) + text(gray).replace(b"\n", b" # said\n"), gray_rgb(gray))
add("pnm p5 lines of windows", b"P5\r\n17 11\r\n255\n" + gray.tobytes(), gray_rgb(gray))


def pam(depth, most, kind, body, comment=False):
    said = "# a comment\n" if comment else ""
    kind = f"TUPLTYPE {kind}\n" if kind else ""
    return f"P7\n{said}WIDTH {W}\nHEIGHT {H}\nDEPTH {depth}\nMAXVAL {most}\n{kind}ENDHDR\n".encode() + body


bits = mask.astype(np.uint8)
gray_alpha = rgba[..., [0, 3]]
add("pnm p7 black and white", pam(1, 1, "BLACKANDWHITE", bits.tobytes()), gray_rgb(bits * 255))
both = np.dstack([bits, bits[::-1]])
add("pnm p7 black and white alpha", pam(2, 1, "BLACKANDWHITE_ALPHA", both.tobytes()), on_white(both[..., [0, 0, 0, 1]] * 255))
for named in (True, False):
    tail = "" if named else " untyped"
    for name, samples, out in [
        ("GRAYSCALE", gray[..., None], gray_rgb(gray)),
        ("GRAYSCALE_ALPHA", gray_alpha, on_white(gray_alpha[..., [0, 0, 0, 1]])),
        ("RGB", rgb, rgb),
        ("RGB_ALPHA", rgba, on_white(rgba)),
    ]:
        file = pam(samples.shape[2], 255, name if named else "", samples.tobytes(), comment=named)
        add(f"pnm p7 {name.lower().replace('_', ' ')}{tail}", file, out)
add("pnm p7 rgb alpha 16 bits", pam(4, 65535, "RGB_ALPHA", wide.astype(">u2").tobytes()), on_white(scaled(wide, 65535)))
add("pnm p7 grayscale to 15", pam(1, 15, "GRAYSCALE", (gray >> 4).tobytes()), gray_rgb(scaled(gray >> 4, 15)))

# Animated PNG: libpng and Pillow show the default image, whether or not it is a frame


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


png = save(color, "PNG")
at = png.index(b"IDAT") - 4
before, default = png[:33], png[at:-12]
frame = chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress(b"".join(b"\0" + bytes([0, 0, 255]) * 6 for _ in range(4))))


def control(number, width, height, left=0, top=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, top, 1, 10, 0, 0))


animation = chunk(b"acTL", struct.pack(">II", 1, 0))
add("apng small first frame", before + animation + default + control(0, 6, 4, 5, 3) + frame + png[-12:], rgb)
add("apng default frame", before + animation + control(0, W, H) + default + control(1, 6, 4, 5, 3) + frame + png[-12:], rgb)
add("apng saved", save(color, "PNG", save_all=True, append_images=[Image.fromarray(rgb[::-1])], duration=50), rgb)
add("apng default apart", save(color, "PNG", save_all=True, append_images=[Image.fromarray(rgb[::-1])], default_image=True), rgb)
# Broken control before the default image: decoders without animation do not look at it.
add("apng small control", before + animation + control(0, 6, 4, 1, 1) + default + png[-12:], rgb)

# AVIF, HEIC and JPEG XL: encoders want larger pictures

BW, BH = 34, 26
big = picture(BW, BH, 4)
big[4:9, 5:20, 3] = 0
big[15:20, 20:30, 3] = 255


def tool(image, suffix, *command):
    """The file that `command` writes, with IN and OUT in place of files."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.png"), os.path.join(folder, f"out.{suffix}")
        if isinstance(image, bytes):
            suffixes = {b"\xff\xd8": "jpg", b"GI": "gif", b"\x89P": "png", b"P6": "ppm"}
            source = os.path.join(folder, f"in.{suffixes[image[:2]]}")
            with open(source, "wb") as file:
                file.write(image)
        else:
            Image.fromarray(image).save(source)
        subprocess.run([{"IN": source, "OUT": target}.get(c, c) for c in command], check=True, capture_output=True)
        with open(target, "rb") as file:
            return file.read()


def decoded(file, suffix, *command):
    """The pixels that `command` makes of `file`."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, f"in.{suffix}"), os.path.join(folder, "out.png")
        with open(source, "wb") as target_file:
            target_file.write(file)
        subprocess.run([{"IN": source, "OUT": target}.get(c, c) for c in command], check=True, capture_output=True)
        return np.asarray(Image.open(target).convert("RGB"))


def avif(image, *options):
    return tool(image, "avif", "avifenc", "-s", "8", "-j", "1", *options, "IN", "OUT")


exact = ("-y", "444", "--cicp", "1/13/0", "-l")
photo, clear = big[..., :3], on_white(big)
add("avif", avif(photo, *exact), photo)
add("avif alpha", avif(big, *exact), clear)
for name, turn, out in [
    ("turned 1", ("--irot", "1"), np.rot90(photo)),
    ("turned 2", ("--irot", "2"), np.rot90(photo, 2)),
    ("turned 3", ("--irot", "3"), np.rot90(photo, 3)),
    ("mirrored 0", ("--imir", "0"), photo[::-1]),
    ("mirrored 1", ("--imir", "1"), photo[:, ::-1]),
    ("turned 1 and mirrored 0", ("--irot", "1", "--imir", "0"), np.rot90(photo)[::-1]),
    ("turned 3 and mirrored 1", ("--irot", "3", "--imir", "1"), np.rot90(photo, 3)[:, ::-1]),
    ("cropped", ("--crop", "4,2,20,18"), photo[2:20, 4:24]),
    ("cropped and turned", ("--crop", "4,2,20,18", "--irot", "1"), np.rot90(photo[2:20, 4:24])),
]:
    add(f"avif {name}", avif(photo, *exact, *turn), np.ascontiguousarray(out))
add("avif 10 bits", avif(photo, *exact, "-d", "10"), photo)
add("avif 12 bits", avif(photo, *exact, "-d", "12"), photo)
add("avif gray", avif(photo[..., 0], "-y", "400", "-l"), gray_rgb(photo[..., 0]))
lossy = avif(photo, "-y", "420", "--min", "5", "--max", "10")
add("avif lossy 420", lossy, decoded(lossy, "avif", "avifdec", "IN", "OUT"))


def sequence():
    with tempfile.TemporaryDirectory() as folder:
        for name, image in (("a", photo), ("b", photo[::-1])):
            Image.fromarray(np.ascontiguousarray(image)).save(f"{folder}/{name}.png")
        subprocess.run(["avifenc", "-s", "8", "-j", "1", *exact, f"{folder}/a.png", f"{folder}/b.png", f"{folder}/out.avif"],
                       check=True, capture_output=True)
        with open(f"{folder}/out.avif", "rb") as file:
            return file.read()


add("avif sequence", sequence(), photo)
plain = ("-L", "-p", "chroma=444", "--matrix_coefficients=0")


def heic(image, *options):
    return tool(image, "heic", "heif-enc", *options, "IN", "-o", "OUT")


add("avif of libheif", tool(photo, "avif", "heif-enc", "-A", *plain, "IN", "-o", "OUT"), photo)
add("heic", heic(photo, *plain), photo)
add("heic alpha", heic(big, *plain), clear)
add("heic gray", heic(photo[..., 0], "-L"), gray_rgb(photo[..., 0]))
lines_16 = np.insert((photo.astype(np.uint16) * 257).astype(">u2").reshape(BH, -1).view(np.uint8), 0, 0, 1)
png_16 = png[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", BW, BH, 16, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines_16.tobytes()))
png_16 += chunk(b"IEND", b"")
for bits in (10, 12):
    file = heic(png_16, *plain, "-b", str(bits))
    add(f"heic {bits} bits", file, photo)
lossy = heic(photo, "-q", "80")
add("heic lossy 420", lossy, decoded(lossy, "heic", "heif-convert", "IN", "OUT"))


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind, *parts, version=0, flags=0):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def find(file, kind):
    """The box of `kind` in `file`."""
    at = file.index(kind) - 4
    return file[at : at + struct.unpack(">I", file[at : at + 4])[0]]


def grid(width, height, tiles, across, turn=None, mirror=None, brand=b"heic"):
    """What phones write: tiles of a grid, which is cut to `width` × `height`, turned, and has a size of its own."""
    coded = [heic(np.ascontiguousarray(tile), *plain) for tile in tiles]
    samples = [find(file, b"mdat")[8:] for file in coded]
    count, down = len(tiles), len(tiles) // across
    whole = count + 1
    tile_size = full(b"ispe", struct.pack(">II", tiles[0].shape[1], tiles[0].shape[0]))
    properties = [find(coded[0], b"hvcC"), tile_size, full(b"ispe", struct.pack(">II", width, height))]
    own = [3]
    for kind, value in ((b"irot", turn), (b"imir", mirror)):
        if value is not None:
            properties.append(box(kind, bytes([value])))
            own.append(0x80 | len(properties))
    associations = b"".join(struct.pack(">HBBB", i + 1, 2, 0x81, 2) for i in range(count))
    associations += struct.pack(">HB", whole, len(own)) + bytes(own)
    layout = struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, width, height)
    infos = [full(b"infe", struct.pack(">HH4sB", i + 1, 0, b"hvc1", 0), version=2, flags=1) for i in range(count)]
    infos.append(full(b"infe", struct.pack(">HH4sB", whole, 0, b"grid", 0), version=2))
    reference = full(b"iref", box(b"dimg", struct.pack(f">HH{count}H", whole, count, *range(1, whole))))

    def meta(start):
        at, places = start, b""
        for i, part in enumerate(samples):
            places += struct.pack(">HHHHII", i + 1, 0, 0, 1, at, len(part))
            at += len(part)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(layout))
        return full(
            b"meta", full(b"hdlr", struct.pack(">I4s12sB", 0, b"pict", b"", 0)), full(b"pitm", struct.pack(">H", whole)),
            full(b"iinf", struct.pack(">H", whole), *infos), reference,
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", whole), associations)),
            full(b"iloc", b"\x44\0", struct.pack(">H", whole), places, version=1), box(b"idat", layout))

    head = box(b"ftyp", brand, b"\0\0\0\0", b"mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *samples)


wall = picture(128, 64)
parts = [wall[:, :64], wall[:, 64:]]
shown = wall[:30, :90]
add("heic grid", grid(90, 30, parts, 2), shown)
add("heic grid turned", grid(90, 30, parts, 2, turn=3), np.ascontiguousarray(np.rot90(shown, 3)))
add("heic grid turned and mirrored", grid(90, 30, parts, 2, turn=1, mirror=1), np.ascontiguousarray(np.rot90(shown)[:, ::-1]))
add("heic grid mif1", grid(90, 30, parts, 2, brand=b"mif1"), shown)


def jxl(image, *options):
    return tool(image, "jxl", "cjxl", "IN", "OUT", *options)


add("jxl", jxl(photo, "-d", "0"), photo)
add("jxl alpha", jxl(big, "-d", "0"), clear)
add("jxl gray", jxl(photo[..., 0], "-d", "0"), gray_rgb(photo[..., 0]))
add("jxl container", jxl(photo, "-d", "0", "--container=1"), photo)
add("jxl 16 bits", jxl(b"P6 34 26 65535\n" + (photo.astype(">u2") * 257).tobytes(), "-d", "0"), photo)
square = np.ascontiguousarray(photo[:24, :32])
add("jxl small size", jxl(square, "-d", "0"), square)  # a multiple of 8, and a ratio of 4:3
for value in (3, 6):
    jpeg = save(Image.fromarray(photo), "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0" + orientation(value, "MM"))
    file = jxl(jpeg)
    add(f"jxl of a jpeg turned {value}", file, read(jpeg))
moving = save(Image.fromarray(photo).quantize(30), "GIF", save_all=True, append_images=[Image.fromarray(photo[::-1])], duration=40)
add("jxl animated", jxl(moving, "-d", "0"), read(moving))

write("formats")
