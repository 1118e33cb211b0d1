import { concatBytes } from "../../src/base/bytes.ts";
import { decodeImage } from "../../data/decode.ts";
import { shrinkImage } from "../../data/views/resize.ts";
import { messageOf } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, png, webp } from "./fixtures.ts";
import { golden, goldenFiles, toleranceOf } from "./golden.ts";

const original = gradient(40, 36);
const rgb = original.data;

function patched(bytes: Uint8Array, at: number, values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** The index of `text` in `bytes`. */
function findText(bytes: Uint8Array, text: string): number {
  return new TextDecoder("latin1").decode(bytes).indexOf(text);
}

/** The little-endian TIFF with the first values of some tags replaced. */
function withTags(bytes: Uint8Array, values: Record<number, number>): Uint8Array {
  const copy = bytes.slice(), view = new DataView(copy.buffer), directory = view.getUint32(4, true);
  for (let i = view.getUint16(directory, true) - 1; i >= 0; i--) {
    const at = directory + 2 + 12 * i, value = values[view.getUint16(at, true)];
    if (value === undefined) continue;
    view.setUint16(at + 2, 4, true); // one LONG
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, value, true);
  }
  return copy;
}

/** The index of the frame header of a JPEG. */
function frameAt(bytes: Uint8Array): number {
  return bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
}

Deno.test("decodeImage() decodes JPEG, PNG and WebP to the encoded pixels", async () => {
  for (
    const [name, bytes, absolute] of [["jpeg", await jpeg(), 12], ["png", png(), 0], [
      "webp",
      await webp(),
      0,
    ]]
  ) {
    const { width, height, data } = await decodeImage(bytes as Uint8Array);
    assertEquals([width, height], [40, 36]);
    assertClose(name as string, data, rgb, { absolute: absolute as number });
  }
});

for (
  const format of [
    "jpeg",
    "png",
    "apng",
    "webp",
    "gif",
    "tiff",
    "ppm",
    "bmp",
    "pnm",
    "avif",
    "heic",
    "jxl",
  ]
) {
  const files = goldenFiles.filter(({ name }) => name.split(" ")[0] === format);
  Deno.test(`decodeImage() decodes ${files.length} variants of ${format} like other decoders`, async () => {
    assert(files.length >= 2);
    for (const { name, file, width, height, rgba } of files) {
      const image = await decodeImage(file);
      assertEquals([image.width, image.height], [width, height], name);
      assertClose(name, image.data, rgba, { absolute: toleranceOf(name) });
    }
  });
}

Deno.test("decodeImage() shrinks an image after applying EXIF orientation", async () => {
  const { file, width, height } = golden("jpeg turned 6");
  assertEquals([width, height], [4, 7]);
  const whole = await decodeImage(file),
    { width: w, height: h, data } = await decodeImage(file, { shortSide: 2 });
  assertEquals([w, h, data.length], [2, 4, 32]); // 7 · 2 ÷ 4 = 3.5
  assertClose("shrunk", data, shrinkImage(whole, 2).data, {});
  assertClose("small already", (await decodeImage(file, { shortSide: 4 })).data, whole.data, {});
});

Deno.test("decodeImage() decodes a file within a larger buffer", async () => {
  for (
    const name of ["jpeg 420", "png rgb", "webp lossless", "gif", "tiff rgb lzw", "tiff jpeg tables", "ppm"]
  ) {
    const { file, rgba } = golden(name);
    const padded = concatBytes([new Uint8Array(3).fill(0xd9), file, new Uint8Array(5)]);
    const { data } = await decodeImage(padded.subarray(3, 3 + file.length));
    assertClose(name, data, rgba, {});
  }
});

Deno.test("decodeImage() blends transparency with white", async () => {
  const { data } = await decodeImage(png(gradient(40, 36, { alpha: 51 })));
  assertClose("png", data, rgb.map((x) => Math.round((x * 51 + 255 * 204) / 255)), {});
});

Deno.test("decodeImage() accepts bytes after the end of a JPEG, and rejects one without an end marker", async () => {
  const whole = await jpeg();
  await decodeImage(concatBytes([whole, new Uint8Array(100)]));
  await assertThrows(
    () => decodeImage(whole.subarray(0, whole.length - 2)),
    Error,
    /truncated JPEG.*end marker/,
  );
  await assertThrows(() => decodeImage(whole.subarray(0, whole.length / 2)), Error, /truncated JPEG/);
  await assertThrows(() => decodeImage(whole.subarray(0, 30)), Error, /truncated JPEG.*header/);
});

Deno.test("decodeImage() does not take the end marker of an EXIF thumbnail for that of the image", async () => {
  const whole = await jpeg();
  const thumbnail = new Uint8Array([0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9]);
  const withThumbnail = concatBytes([whole.subarray(0, 2), thumbnail, whole.subarray(2)]);
  await decodeImage(withThumbnail);
  await assertThrows(() => decodeImage(withThumbnail.subarray(0, -40)), Error, /no end marker/);
});

Deno.test("decodeImage() rejects huge and empty sizes before decoding", async () => {
  const j = await jpeg(), w = await webp();
  const huge = [0xff, 0xff, 0xff, 0xff];
  await assertThrows(() => decodeImage(patched(j, frameAt(j) + 5, huge)), Error, /65535×65535.*210 million/);
  await assertThrows(() => decodeImage(patched(png(), 16, [0, 1, 0, 0, 0, 1, 0, 0])), Error, /65536×65536/);
  await assertThrows(() => decodeImage(patched(w, 21, huge)), Error, /16384×16384/);
  await assertThrows(() => decodeImage(patched(j, frameAt(j) + 5, [0, 0])), Error, /40×0/);
  const cmyk = golden("jpeg cmyk").file;
  await assertThrows(
    () => decodeImage(patched(cmyk, frameAt(cmyk) + 5, huge)),
    Error,
    /65535×65535.*million/,
  );
});

Deno.test("decodeImage() rejects a WebP or GIF whose image data are larger than the header says", async () => {
  const huge = [0xff, 0xff, 0xff, 0xff];
  const alpha = golden("webp lossy alpha").file, at = findText(alpha, "VP8 ");
  const within = patched(alpha, at + 14, [0xff, 0x3f, 0xff, 0x3f]);
  await assertThrows(
    () => decodeImage(within),
    Error,
    /image data have 16383×16383 pixels, its header says 17×11/,
  );
  const animated = golden("webp animated lossless").file, frame = findText(animated, "ANMF") + 8;
  const large = patched(animated, frame + 6, [...huge, 0xff, 0xff]);
  await assertThrows(() => decodeImage(large), Error, /first frame says 16777216×16777216 .*million/);
  const { file } = golden("gif"),
    descriptor = file.findLastIndex((byte, i) =>
      byte === 0x2c && [1, 2, 3, 4].every((k) => file[i + k] === 0) && file[i + 5] === 17
    );
  await assertThrows(
    () => decodeImage(patched(file, descriptor + 5, huge)),
    Error,
    /first frame says 65535×65535/,
  );
  await assertThrows(
    () => decodeImage(patched(file, descriptor + 5, [0, 0])),
    Error,
    /first frame says 0×11/,
  );
  await assertThrows(() => decodeImage(patched(file, 6, huge)), Error, /header says 65535×65535 .*million/);
  const cornered = patched(file, descriptor + 1, huge); // the canvas would grow
  await assertThrows(() => decodeImage(cornered), Error, /header says 65552×65546 .*million/);
});

Deno.test("decodeImage() rejects a TIFF with inconsistent size, strips or tiles before decoding", async () => {
  const cases: [string, Record<number, number>, RegExp][] = [
    ["tiff rgb lzw", { 256: 65535, 257: 65535 }, /header says 65535×65535 .*million/],
    ["tiff rgb lzw", { 256: 0 }, /header says 0×11/],
    ["tiff rgb lzw", { 256: 65000, 278: 500, 257: 1500 }, /strip 1 of 3 is too short for its pixels/],
    ["tiff rgb lzw", { 278: 0 }, /strip size says 17×0/],
    ["tiff rgb lzw", { 278: 1 }, /4 of 11 strips/],
    ["tiff rgb", { 278: 11, 257: 12 }, /1 of 2 strips/],
    ["tiff rgb", { 257: 12, 278: 12 }, /strip 1 of 1 is too short for its pixels/],
    ["tiff tiles", { 322: 65535, 323: 65535 }, /tile size says 65535×65535/],
    ["tiff tiles", { 322: 0 }, /tile size says 0×16/],
    ["tiff tiles", { 322: 60000, 323: 3200, 257: 3300 }, /2 tiles of 60000×3200 pixels are too large/],
    ["tiff rgb", { 277: 2 }, /2 samples per pixel are not a color/],
    ["tiff rgb", { 259: 4 }, /compression 4, which is not supported/],
    ["tiff rgb", { 262: 8 }, /photometric interpretation 8, which is not supported/],
  ];
  for (const [name, values, pattern] of cases) {
    await assertThrows(() => decodeImage(withTags(golden(name).file, values)), Error, pattern);
  }
  const big = patched(golden("tiff rgb").file, 2, [43]);
  await assertThrows(() => decodeImage(big), Error, /BigTIFF/);
});

Deno.test("decodeImage() rejects damaged and truncated PNG, WebP and CMYK JPEG files", async () => {
  const p = png(), w = await webp();
  await assertThrows(
    () => decodeImage(p.subarray(0, p.length - 40)),
    Error,
    /truncated PNG: .* its IDAT chunk/,
  );
  await assertThrows(
    () => decodeImage(p.subarray(0, p.length - 12)),
    Error,
    /truncated PNG: .* no end chunk/,
  );
  await assertThrows(() => decodeImage(patched(p, 60, [1, 2, 3, 4])), Error, /damaged PNG/);
  await assertThrows(() => decodeImage(p.subarray(0, 20)), Error, /truncated PNG/);
  await assertThrows(() => decodeImage(patched(p, 12, [0x43, 0x67, 0x42, 0x49])), Error, /CgBI/);
  await assertThrows(() => decodeImage(w.subarray(0, w.length - 4)), Error, /truncated WebP/);
  const cmyk = golden("jpeg cmyk").file;
  await assertThrows(
    () => decodeImage(cmyk.subarray(0, cmyk.length - 9)),
    Error,
    /truncated JPEG.*end marker/,
  );
  await assertThrows(() => decodeImage(withBadTable(cmyk)), Error, /damaged CMYK JPEG/);
});

/** The file with a few random bytes changed after the first `from`. */
function damaged(bytes: Uint8Array, { seed, from }: { seed: number; from: number }): Uint8Array {
  const copy = bytes.slice(), random = keyedRandom(seed);
  const below = (end: number) => Math.min(end - 1, Math.floor(random.between(0, end)));
  for (let i = 0; i < 10; i++) copy[from + below(copy.length - from)] = below(256);
  return copy;
}

/** The file with an invalid Huffman table. */
function withBadTable(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc4);
  return patched(bytes, at + 5, Array(16).fill(0xff));
}

Deno.test("decodeImage() decodes good files after hundreds of damaged ones", async () => {
  const decodes = (bytes: Uint8Array) => decodeImage(bytes).then(() => true, () => false);
  const j = await jpeg(), w = await webp(), p = png();
  const before = (await decodeImage(j)).data;
  let rejected = 0;
  for (let seed = 0; seed < 200; seed++) {
    await assertThrows(() => decodeImage(withBadTable(j)), Error, /unsupported JPEG: Bogus Huffman table/);
    if (!await decodes(damaged(j, { seed, from: 20 }))) rejected++;
    for (const [bytes, from] of [[w, 30], [p, 40]] as const) await decodes(damaged(bytes, { seed, from }));
  }
  assert(rejected > 100, `${rejected} of 200 damaged JPEGs were rejected`);
  assertClose("jpeg", (await decodeImage(j)).data, before, {});
  assertClose("webp", (await decodeImage(w)).data, rgb, {});
  assertClose("png", (await decodeImage(p)).data, rgb, {});
});

Deno.test("decodeImage() reports libjpeg's warnings for the right image, also with many at a time", async () => {
  const whole = await jpeg(), bad = withBadTable(whole);
  const scan = whole.findIndex((byte, i) => byte === 0xff && whole[i + 1] === 0xda);
  const cut = concatBytes([whole.subarray(0, scan + 40), new Uint8Array([0xff, 0xd9])]);
  const printed: unknown[] = [], { error } = console;
  console.error = (...line) => printed.push(line);
  try {
    const files = Array.from({ length: 300 }, (_, i) => [whole, cut, bad][i % 3]);
    const found = await Promise.all(files.map((file) => decodeImage(file).then(() => "good", messageOf)));
    const expected = [
      "good",
      "it is a damaged JPEG: premature end of data segment",
      "it is a damaged or unsupported JPEG: Bogus Huffman table definition",
    ];
    assertEquals(found, files.map((_, i) => expected[i % 3]));
  } finally {
    console.error = error;
  }
  assertEquals(printed, []);
});
