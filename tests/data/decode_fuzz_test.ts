/** Fuzzing: thousands of damaged image files. */
import { decodeImage, MAX_PIXELS } from "../../data/decode.ts";
import { messageOf } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { type GoldenFile, goldenFiles, toleranceOf } from "./golden.ts";
import { filesByKind, innards, mutated, oddFilesByKind } from "./mutations.ts";

const BATCH = 100;

Deno.test("decodeImage() decodes or rejects 2,000 damaged files, prints nothing, and still decodes good files", () =>
  decodeDamaged(filesByKind, 2000));

Deno.test("decodeImage() decodes or rejects 1,000 damaged unusual files, and still decodes good ones", () =>
  decodeDamaged(oddFilesByKind, 1000));

async function decodeDamaged(kinds: GoldenFile[][], count: number): Promise<void> {
  const printed: unknown[][] = [], original = { ...console };
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    console[method] = (...line: unknown[]) => void printed.push([method, ...line]);
  }
  let rejected = 0;
  const slow: string[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const { bytes, which, stretch } = mutated(4, i, kinds);
      const start = performance.now();
      try {
        const { width, height, data } = await decodeImage(bytes, { stretch });
        assert(
          width > 0 && height > 0 && width * height <= MAX_PIXELS,
          `${which}: ${width}×${height} pixels`,
        );
        assertEquals(data.length, 4 * width * height, which);
        let i = 3;
        while (i < data.length && data[i] === 255) i += 4;
        assert(i >= data.length, `${which} is transparent`);
      } catch (error) {
        rejected++;
        const message = messageOf(error);
        assert(error instanceof Error, `${which} threw ${message}`);
        const reads = /^its? [a-z]/.test(message) && /[a-z]{3}/.test(message) && !innards.test(message);
        assert(reads, `${which}: ${message}`);
      }
      const seconds = (performance.now() - start) / 1000;
      if (seconds > 5) slow.push(`${which} took ${seconds.toFixed(1)} s`);
      if (i % BATCH < BATCH - 1) continue;
      for (const [k, kind] of kinds.entries()) {
        const good = kind[(i + k) % kind.length];
        const { data } = await decodeImage(good.file, { stretch: good.stretch ? "percentile" : undefined });
        assertClose(`${good.name} after ${i} damaged files`, data, good.rgba, {
          absolute: toleranceOf(good.name),
        });
      }
    }
  } finally {
    Object.assign(console, original);
  }
  assertEquals(printed, []);
  assertEquals(slow, []);
  assert(rejected > count / 2 && rejected < count, `${rejected} of ${count} damaged files were rejected`);
}

Deno.test("decodeImage() rejects every truncated file", async () => {
  // These are complete once their first image is. An animated WebP has its length in its header.
  const complete = [
    "gif animated",
    "tiff two pages",
    "pnm p6 two images",
    "bmp bytes after the image",
    "jxl animated",
  ];
  for (const { name, file } of goldenFiles) {
    if (complete.includes(name)) continue;
    const random = keyedRandom(5, file.length);
    // What may be missing: the trailer of a GIF, the padding byte of a WebP chunk, the unused last bytes of a TIFF's
    // directory, the padding of a BMP's last line, digits of the last number of a text.
    const last = /^pnm p[123]/.test(name) ? 7 : /^(tiff|bmp)/.test(name) ? 4 : 2;
    const lengths = [0, 1, 2, 7, ...Array.from({ length: 12 }, () => random.integer(file.length - last))];
    for (const length of lengths) {
      const message = await decodeImage(file.subarray(0, length)).then(() => "it is decoded", messageOf);
      assert(
        /^it is (empty|a truncated|a damaged)/.test(message),
        `${name}, ${length} of ${file.length} bytes: ${message}`,
      );
    }
  }
});
