"""Writes archive_*: a WebDataset archive compressed by bzip2 and xz, for tests/data/sources/compression_test.ts.

Image i of 120 has the bytes (31 i + 7 j + (j >> 8)) mod 251, j = 0 ... 2999 + 10 (i mod 17), and the label i mod 3. Each file is
of two streams, as parallel programs write them. Written with Python's own modules: python3 tests/golden/archives.py
"""

import bz2
import io
import lzma
import os
import tarfile

here = os.path.dirname(os.path.abspath(__file__))


def image(i):
    return bytes((31 * i + 7 * j + (j >> 8)) % 251 for j in range(3000 + 10 * (i % 17)))


def write(name, data):
    with open(os.path.join(here, f"archive_{name}"), "wb") as file:
        file.write(data)


buffer = io.BytesIO()
with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
    for i in range(120):
        for name, body in [(f"d/{i}.jpg", image(i)), (f"d/{i}.cls", str(i % 3).encode())]:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
whole = buffer.getvalue()
half = len(whole) // 2

# Blocks of 100 kB, so that there are several.
write("two.tar.bz2", bz2.compress(whole[:half], 1) + bz2.compress(whole[half:], 9))
write("two.tar.xz", lzma.compress(whole[:half], preset=6) + lzma.compress(whole[half:], preset=0, check=lzma.CHECK_CRC32))
# What cannot be read: a checksum, a filter and a format of their own.
write("sha256.tar.xz", lzma.compress(whole[:2000], check=lzma.CHECK_SHA256))
write("delta.tar.xz", lzma.compress(whole[:2000], filters=[{"id": lzma.FILTER_DELTA, "dist": 3}, {"id": lzma.FILTER_LZMA2}]))
write("alone.tar.lzma", lzma.compress(whole[:2000], format=lzma.FORMAT_ALONE))
# Bytes that are easy and hard to pack: runs up to 260 bytes, all values, one value, and noise.
noise, state = bytearray(), 1
for _ in range(30000):
    state = state * 1103515245 + 12345 & 0x7FFFFFFF
    noise.append(state >> 16 & 255)
runs = b"".join(bytes([n % 256]) * n for n in range(1, 261))
write("runs.bz2", bz2.compress(runs + bytes(range(256)) + b"\x07" * 100000 + bytes(noise), 1))
