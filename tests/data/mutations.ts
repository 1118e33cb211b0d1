/** Images damaged at random. */
import { keyedRandom, type Random } from "../../src/base/random.ts";
import { type GoldenFile, goldenFiles, oddFiles } from "./golden.ts";

/** Kinds of files. Each is drawn equally often, as some formats have many more golden files than others. */
const usualKinds: RegExp[] = [
  /^jpeg (4|g|r|t)/,
  /^jpeg (cmyk|ycck)/,
  /^png/,
  /^webp (lossy|lossless|turned)/,
  /^webp animated/,
  /^gif/,
  /^tiff (?!jpeg)/,
  /^tiff jpeg/,
  /^bmp (?!rle)/,
  /^bmp rle/,
  /^(ppm|pnm)/,
  /^apng/,
  /^avif/,
  /^heic/,
  /^jxl/,
];
/** Those of unusual files. */
const oddKinds: RegExp[] = [/^jpeg/, /^png/, /^gif/, /^tiff fax/, /^tiff [fiu]\d/, /^tiff (?!fax|[fiu]\d)/];
const byKind = (files: GoldenFile[], kinds: RegExp[]) =>
  kinds.map((kind) => files.filter(({ name }) => kind.test(name)));
/** The golden files of each kind. */
export const filesByKind = byKind(goldenFiles, usualKinds);
/** The unusual files of each kind. */
export const oddFilesByKind = byKind(oddFiles, oddKinds);

/** Kinds of damage, partly done in place. */
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
  "no bytes": () => new Uint8Array(0),
  "zeros alone": (bytes) => bytes.fill(0),
  "a file of another kind": () => new TextEncoder().encode("<!doctype html><title>404</title>"),
};

/** Damaged file `i` of the series of `seed`, and its description. */
export function mutated(
  seed: number,
  i: number,
  kinds = filesByKind,
): { bytes: Uint8Array; which: string; stretch?: "percentile" } {
  const random = keyedRandom(seed, i), kind = kinds[i % kinds.length];
  const names = Object.keys(mutations);
  const { name, file, stretch } = kind[random.integer(kind.length)];
  const mutation = names[random.integer(names.length)];
  return {
    bytes: mutations[mutation](file.slice(), random),
    which: `file ${i}: ${name}, ${mutation}`,
    stretch: stretch ? "percentile" : undefined,
  };
}

/** What a message must not contain: internals of a decoder, or values printed by accident. */
export const innards =
  /RuntimeError|RangeError|TypeError|unreachable|wasm|memory access|undefined|null|NaN|Infinity|object|\bat \w+ \(|\n/;
