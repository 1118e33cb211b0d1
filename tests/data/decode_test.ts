import { decodeImage } from "../../data/decode.ts";
import { messageOf } from "../../src/errors.ts";
import { keyedRandom } from "../../src/random.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { concat, gradient, jpeg, png, webp } from "./fixtures.ts";

const original = gradient(40, 36);
const rgb = original.data;

function patched(bytes: Uint8Array, at: number, values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** Where the frame header of a JPEG begins. */
function frameAt(bytes: Uint8Array): number {
  return bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
}

Deno.test("each format decodes to its pixels", async () => {
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

Deno.test("transparency shows white", async () => {
  const { data } = await decodeImage(png(gradient(40, 36, { alpha: 51 })));
  assertClose("png", data, rgb.map((x) => Math.round((x * 51 + 255 * 204) / 255)), {});
});

Deno.test("a JPEG may have bytes after its end, but must have an end", async () => {
  const whole = await jpeg();
  await decodeImage(concat([whole, new Uint8Array(100)]));
  await assertThrows(
    () => decodeImage(whole.subarray(0, whole.length - 2)),
    Error,
    /truncated JPEG.*end marker/,
  );
  await assertThrows(() => decodeImage(whole.subarray(0, whole.length / 2)), Error, /truncated JPEG/);
  await assertThrows(() => decodeImage(whole.subarray(0, 30)), Error, /truncated JPEG.*header/);
});

Deno.test("the end marker of an EXIF thumbnail is not that of the image", async () => {
  const whole = await jpeg();
  const thumbnail = new Uint8Array([0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9]);
  const withThumbnail = concat([whole.subarray(0, 2), thumbnail, whole.subarray(2)]);
  await decodeImage(withThumbnail);
  await assertThrows(() => decodeImage(withThumbnail.subarray(0, -40)), Error, /no end marker/);
});

Deno.test("CMYK is refused by name", async () => {
  const whole = await jpeg();
  await assertThrows(() => decodeImage(patched(whole, frameAt(whole) + 9, [4])), Error, /CMYK/);
});

Deno.test("an absurd or empty size is refused before decoding", async () => {
  const j = await jpeg(), w = await webp();
  const huge = [0xff, 0xff, 0xff, 0xff];
  await assertThrows(() => decodeImage(patched(j, frameAt(j) + 5, huge)), Error, /65535×65535.*100 million/);
  await assertThrows(() => decodeImage(patched(png(), 16, [0, 1, 0, 0, 0, 1, 0, 0])), Error, /65536×65536/);
  await assertThrows(() => decodeImage(patched(w, 21, huge)), Error, /16384×16384/);
  await assertThrows(() => decodeImage(patched(j, frameAt(j) + 5, [0, 0])), Error, /40×0/);
});

Deno.test("damaged and truncated PNG and WebP files are refused", async () => {
  const p = png(), w = await webp();
  await assertThrows(() => decodeImage(p.subarray(0, p.length - 40)), Error, /damaged or truncated PNG/);
  await assertThrows(() => decodeImage(patched(p, 60, [1, 2, 3, 4])), Error, /damaged or truncated PNG/);
  await assertThrows(() => decodeImage(p.subarray(0, 20)), Error, /truncated PNG/);
  await assertThrows(() => decodeImage(w.subarray(0, w.length - 4)), Error, /truncated WebP/);
});

Deno.test("other files are refused by their first bytes", async () => {
  await assertThrows(() => decodeImage(new TextEncoder().encode("GIF89a..")), Error, /no JPEG.*47 49 46 38/);
  await assertThrows(() => decodeImage(new Uint8Array()), Error, /empty/);
});

/** The file with a few random bytes behind its first `from` ones. */
function damaged(bytes: Uint8Array, { seed, from }: { seed: number; from: number }): Uint8Array {
  const copy = bytes.slice(), random = keyedRandom(seed);
  const below = (end: number) => Math.min(end - 1, Math.floor(random.between(0, end)));
  for (let i = 0; i < 10; i++) copy[from + below(copy.length - from)] = below(256);
  return copy;
}

/** The file with a Huffman table that has more codes than there can be. */
function withBadTable(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc4);
  return patched(bytes, at + 5, Array(16).fill(0xff));
}

Deno.test("hundreds of damaged files leave the decoders fit for the next", async () => {
  const decodes = (bytes: Uint8Array) => decodeImage(bytes).then(() => true, () => false);
  const j = await jpeg(), w = await webp(), p = png();
  const before = (await decodeImage(j)).data;
  let refused = 0;
  for (let seed = 0; seed < 200; seed++) {
    await assertThrows(() => decodeImage(withBadTable(j)), Error, /unsupported JPEG: Bogus Huffman table/);
    if (!await decodes(damaged(j, { seed, from: 20 }))) refused++;
    for (const [bytes, from] of [[w, 30], [p, 40]] as const) await decodes(damaged(bytes, { seed, from }));
  }
  assert(refused > 100, `${refused} of 200 damaged JPEGs are refused`);
  assertClose("jpeg", (await decodeImage(j)).data, before, {});
  assertClose("webp", (await decodeImage(w)).data, rgb, {});
  assertClose("png", (await decodeImage(p)).data, rgb, {});
});

Deno.test("damage that libjpeg only warns of is told of the image that has it, also of many at a time", async () => {
  const whole = await jpeg(), bad = withBadTable(whole);
  const scan = whole.findIndex((byte, i) => byte === 0xff && whole[i + 1] === 0xda);
  const cut = concat([whole.subarray(0, scan + 40), new Uint8Array([0xff, 0xd9])]);
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
