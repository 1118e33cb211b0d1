/** Thousands of damaged files: each is decoded or refused in words, and harms no other. */
import { decodeImage, MAX_PIXELS } from "../../data/decode.ts";
import { messageOf } from "../../src/errors.ts";
import { keyedRandom, type Random } from "../../src/random.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";
import { goldenFiles } from "./golden.ts";

const FILES = 2000, BATCH = 100;

/** The kinds of files that are drawn equally often, as some formats have many more golden files than others. */
const kinds: RegExp[] = [
  /^jpeg (4|g|r|t)/,
  /^jpeg (cmyk|ycck)/,
  /^png/,
  /^webp (lossy|lossless|turned)/,
  /^webp animated/,
  /^gif/,
  /^tiff (?!jpeg)/,
  /^tiff jpeg/,
  /^ppm/,
];
const files = kinds.map((kind) => goldenFiles.filter(({ name }) => kind.test(name)));

/** What is done to a copy of a file, some of it in place. */
const mutations: Record<string, (bytes: Uint8Array, random: Random) => Uint8Array> = {
  cut: (bytes, random) => bytes.subarray(0, random.integer(bytes.length)),
  "flipped bits": (bytes, random) => {
    for (let n = 1 + random.integer(10); n > 0; n--) {
      bytes[random.integer(bytes.length)] ^= 1 << random.integer(8);
    }
    return bytes;
  },
  "other bytes": (bytes, random) => {
    for (let n = 1 + random.integer(10); n > 0; n--) {
      bytes[random.integer(bytes.length)] = random.integer(256);
    }
    return bytes;
  },
  "a span of zeros": (bytes, random) => {
    const start = random.integer(bytes.length);
    return bytes.fill(0, start, start + 1 + random.integer(60));
  },
  "a span left out": (bytes, random) => {
    const start = random.integer(bytes.length), length = 1 + random.integer(20);
    bytes.copyWithin(start, start + length);
    return bytes.subarray(0, Math.max(start, bytes.length - length));
  },
  "huge numbers in the header": (bytes, random) => {
    const start = 4 + random.integer(40);
    return bytes.fill(0xff, start, start + 1 + random.integer(4));
  },
  "other numbers in the header": (bytes, random) => {
    for (let n = 1 + random.integer(3); n > 0; n--) bytes[4 + random.integer(60)] = random.integer(256);
    return bytes;
  },
};

/** What a message must not have: the innards of a decoder, or values that nobody meant to print. */
const innards =
  /RuntimeError|RangeError|TypeError|unreachable|wasm|memory access|undefined|null|NaN|Infinity|object|\bat \w+ \(|\n/;

Deno.test("2,000 damaged files are decoded or refused in words, and harm no other", async () => {
  const printed: unknown[][] = [], original = { ...console };
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    console[method] = (...line: unknown[]) => void printed.push([method, ...line]);
  }
  let refused = 0;
  const names = Object.keys(mutations), slow: string[] = [];
  try {
    for (let i = 0; i < FILES; i++) {
      const random = keyedRandom(4, i), kind = files[i % files.length];
      const { name, file } = kind[random.integer(kind.length)];
      const mutation = names[random.integer(names.length)];
      const bytes = mutations[mutation](file.slice(), random), which = `file ${i}: ${name}, ${mutation}`;
      const start = performance.now();
      try {
        const { width, height, data } = await decodeImage(bytes);
        assert(
          width > 0 && height > 0 && width * height <= MAX_PIXELS,
          `${which}: ${width}×${height} pixels`,
        );
        assertEquals(data.length, 4 * width * height, which);
        assert(data.every((value, i) => i % 4 < 3 || value === 255), `${which} is transparent`);
      } catch (error) {
        refused++;
        const message = messageOf(error);
        assert(error instanceof Error, `${which} threw ${message}`);
        const reads = /^its? [a-z]/.test(message) && /[a-z]{3}/.test(message) && !innards.test(message);
        assert(reads, `${which}: ${message}`);
      }
      const seconds = (performance.now() - start) / 1000;
      if (seconds > 5) slow.push(`${which} took ${seconds.toFixed(1)} s`);
      if (i % BATCH < BATCH - 1) continue;
      for (const [k, kind] of files.entries()) {
        const good = kind[(i + k) % kind.length];
        const { data } = await decodeImage(good.file);
        assertClose(`${good.name} after ${i} damaged files`, data, good.rgba, {
          absolute: /cmyk|ycck/.test(good.name) ? 2 : 0,
        });
      }
    }
  } finally {
    Object.assign(console, original);
  }
  assertEquals(printed, []);
  assertEquals(slow, []);
  assert(refused > FILES / 2 && refused < FILES, `${refused} of ${FILES} damaged files are refused`);
});

Deno.test("no file that ends early passes for a whole one", async () => {
  // These two are whole as soon as their first picture is; the length of an animated WebP stands in its header.
  for (const { name, file } of goldenFiles) {
    if (name === "gif animated" || name === "tiff two pages") continue;
    const random = keyedRandom(5, file.length);
    // The trailer of a GIF may be missing, the odd byte at the end of a WebP's chunk, and the last, unused, bytes of a
    // TIFF's directory.
    const last = /^tiff/.test(name) ? 4 : 2;
    const lengths = [0, 1, 2, 7, ...Array.from({ length: 12 }, () => random.integer(file.length - last))];
    for (const length of lengths) {
      const message = await decodeImage(file.subarray(0, length)).then(() => "it is decoded", messageOf);
      assert(
        /^it is (empty|no JPEG.* file|a truncated|a damaged)/.test(message),
        `${name}, ${length} of ${file.length} bytes: ${message}`,
      );
    }
  }
});
