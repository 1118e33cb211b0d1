/** Large images, which are decoded and shrunk row by row. */
import { crc32, deflateSync } from "node:zlib";
import { decodeImage } from "../../data/decode.ts";
import { pngRows } from "../../data/formats/png_rows.ts";
import { png } from "../../data/formats/png.ts";
import { upright } from "../../data/formats/orientation.ts";
import { collectRows } from "../../data/formats/rows.ts";
import { shrinkRows } from "../../data/shrink_rows.ts";
import { type DecodedImage, shrinkImage } from "../../data/views/resize.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { goldenFiles } from "./golden.ts";

function noise(width: number, height: number): DecodedImage {
  const random = keyedRandom(width, height), data = new Uint8Array(4 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : random.integer(256);
  return { width, height, data };
}

function* rowsOf({ width, height, data }: DecodedImage): Generator<Uint8Array> {
  const row = new Uint8Array(4 * width);
  for (let y = 0; y < height; y++) {
    row.set(data.subarray(4 * width * y, 4 * width * (y + 1)));
    yield row;
  }
}

Deno.test("shrinkRows() equals shrinking the upright image, in every orientation", async () => {
  for (
    const [width, height, shortSide] of [[53, 37, 7], [37, 53, 36], [101, 8, 1], [9, 130, 4], [64, 64, 17]]
  ) {
    const image = noise(width, height);
    for (let orientation = 1; orientation <= 9; orientation++) {
      const expected = shrinkImage(upright({ ...image, data: image.data.slice() }, orientation), shortSide);
      const found = await shrinkRows(rowsOf(image), { width, height, orientation, shortSide });
      const name = `${width}×${height} to ${shortSide}, orientation ${orientation}`;
      assertEquals([found.width, found.height], [expected.width, expected.height], name);
      assertClose(name, found.data, expected.data, {});
    }
  }
});

Deno.test("pngRows() decodes the golden PNG that are not interlaced as decodeImage() does", async () => {
  let count = 0;
  for (const { name, file } of goldenFiles) {
    if (!/^a?png/.test(name) || file[28] !== 0) continue;
    const { width, height, decode } = png.readHeader(file), expected = await decode();
    const found = await collectRows(pngRows(file), { width, height });
    for (const { data } of [found, expected]) { // the color of what is transparent means nothing
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 0) data.fill(0, i, i + 3);
    }
    assertClose(name, found.data, expected.data as Uint8Array, {});
    count++;
  }
  assert(count > 25, `${count} files`);
});

/** A gray PNG of `width` × `height` pixels of one bit, with noise and every filter. */
function bilevelPng(width: number, height: number): Uint8Array {
  const random = keyedRandom(3), line = Math.ceil(width / 8), lines = new Uint8Array(height * (1 + line));
  for (let i = 0; i < lines.length; i += 97) lines[i] = random.integer(256);
  for (let y = 0; y < height; y++) lines[y * (1 + line)] = y % 5;
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 1;
  const chunk = (kind: string, body: Uint8Array) => {
    const bytes = new Uint8Array(12 + body.length), view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    bytes.set(new TextEncoder().encode(kind), 4);
    bytes.set(body, 8);
    view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
    return bytes;
  };
  const data = deflateSync(lines), middle = data.length >> 1;
  return concatBytes([
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", data.subarray(0, middle)),
    chunk("IDAT", data.subarray(middle)),
    chunk("IEND", new Uint8Array()),
  ]);
}

Deno.test("decodeImage() decodes a large PNG row by row to the same pixels as whole", async () => {
  const width = 4801, height = 3407, file = bilevelPng(width, height); // 16.4 million pixels
  const { decode } = png.readHeader(file);
  const { data } = await decode(), image = { width, height, data: new Uint8Array(data) };
  assertEquals(crc32((await decodeImage(file)).data), crc32(image.data));
  const expected = shrinkImage(image, 61), found = await decodeImage(file, { shortSide: 61 });
  assertEquals([found.width, found.height], [expected.width, expected.height]);
  assertClose("shrunk", found.data, expected.data, {});
});

Deno.test("decodeImage() rejects a damaged or truncated large PNG", async () => {
  const file = bilevelPng(4801, 3407),
    rejects = (bytes: Uint8Array, pattern: RegExp) =>
      assertThrows(() => decodeImage(bytes, { shortSide: 64 }), Error, pattern);
  await rejects(file.subarray(0, -13), /truncated PNG/);
  const damaged = file.slice();
  damaged[2000] ^= 1;
  await rejects(damaged, /damaged PNG: the checksum of its IDAT chunk is wrong/);
  const taller = file.slice(), view = new DataView(taller.buffer);
  view.setUint32(20, 3408);
  view.setUint32(29, crc32(taller.subarray(12, 29)));
  await rejects(taller, /truncated PNG: its data end in row 3408 of 3408/);
  const noColors = file.slice(), header = new DataView(noColors.buffer);
  noColors[25] = 3; // a palette, which is missing
  header.setUint32(29, crc32(noColors.subarray(12, 29)));
  await rejects(noColors, /damaged PNG: it has no palette/);
});
