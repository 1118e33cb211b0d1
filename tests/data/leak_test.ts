/** Whether decoders keep anything of one image that shows in another. */
import { crc32 } from "node:zlib";
import { decodeImage } from "../../data/decode.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assertEquals } from "../assert.ts";
import { goldenFiles } from "./golden.ts";
import { filesByKind, mutated } from "./mutations.ts";

/** The pixels of `file`, or the reason why it has none. */
async function outcome(file: Uint8Array): Promise<string> {
  try {
    const { width, height, data } = await decodeImage(file);
    return `${width}×${height} ${crc32(data)}`;
  } catch (error) {
    return String(error);
  }
}

Deno.test("decodeImage() gives the golden files the same pixels in three orders", async () => {
  const numbers = goldenFiles.map((_, i) => i), random = keyedRandom(11);
  const shuffled = numbers.map((i) => ({ i, key: random.between(0, 1) })).sort((a, b) => a.key - b.key).map((
    { i },
  ) => i);
  const found: string[][] = [];
  for (const order of [numbers, numbers.toReversed(), shuffled]) {
    const pixels: string[] = [];
    for (const i of order) pixels[i] = await outcome(goldenFiles[i].file);
    found.push(pixels);
  }
  for (const [i, { name }] of goldenFiles.entries()) {
    assertEquals([found[1][i], found[2][i]], [found[0][i], found[0][i]], name);
  }
});

Deno.test("decodeImage() gives a damaged file the same pixels after other images of its kind", async () => {
  for (let i = 0; i < 400; i++) {
    const { bytes, which } = mutated(9, i);
    const kind = filesByKind[i % filesByKind.length], found: string[] = [];
    for (const { file } of [kind[0], kind[kind.length - 1]]) {
      await decodeImage(file);
      found.push(await outcome(bytes));
    }
    assertEquals(found[1], found[0], which);
  }
});
