/** Fuzzing: thousands of damaged image files. */
import { decodeImage, MAX_PIXELS } from "../../data/decode.ts";
import { messageOf } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { goldenFiles, toleranceOf } from "./golden.ts";
import { filesByKind, innards, mutated } from "./mutations.ts";

const FILES = 2000, BATCH = 100;

Deno.test("decodeImage() decodes or rejects 2,000 damaged files, prints nothing, and still decodes good files", async () => {
  const printed: unknown[][] = [], original = { ...console };
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    console[method] = (...line: unknown[]) => void printed.push([method, ...line]);
  }
  let rejected = 0;
  const slow: string[] = [];
  try {
    for (let i = 0; i < FILES; i++) {
      const { bytes, which } = mutated(4, i);
      const start = performance.now();
      try {
        const { width, height, data } = await decodeImage(bytes);
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
      for (const [k, kind] of filesByKind.entries()) {
        const good = kind[(i + k) % kind.length];
        const { data } = await decodeImage(good.file);
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
  assert(rejected > FILES / 2 && rejected < FILES, `${rejected} of ${FILES} damaged files were rejected`);
});

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
