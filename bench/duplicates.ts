/**
 * How well near-duplicates are found: copies of some images are planted among all, recompressed, resized or flipped; then, by
 * threshold, how many copies are grouped with their originals, and how many other images are grouped.
 *
 * @module
 */
import encodeJpeg from "npm:@jsquash/jpeg@1.6.0/encode.js";
import { decodeImage } from "../data/decode.ts";
import { openSource } from "../data/sources/open.ts";
import { type DecodedImage, resizeImage } from "../data/views/resize.ts";
import { UserError } from "../src/base/errors.ts";
import { type Duplicate, findDuplicates } from "../src/export/duplicates.ts";
import { embedToFiles } from "../src/export/embed_to_files.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { percent, printTable } from "./table.ts";

const ORIGINALS = 5000;
/** Every so manieth image has a copy; the kinds take turns. */
const EVERY = 10;
const THRESHOLDS = [0.95, 0.96, 0.97, 0.98, 0.985, 0.988, 0.99, 0.992, 0.995];

const scaled = (image: DecodedImage, factor: number) =>
  resizeImage(image, {
    width: Math.round(factor * image.width),
    height: Math.round(factor * image.height),
  });

/** What may become of a copy. */
const kinds: Record<string, (image: DecodedImage) => [image: DecodedImage, quality: number]> = {
  "recompressed, quality 75": (image) => [image, 75],
  "recompressed, quality 40": (image) => [image, 40],
  "resized to 75 %": (image) => [scaled(image, 0.75), 95],
  "resized to 200 %": (image) => [scaled(image, 2), 95],
  flipped: (image) => [flipped(image), 95],
};

function flipped({ width, height, data }: DecodedImage): DecodedImage {
  const pixels = new Uint32Array(data.buffer, data.byteOffset, width * height),
    out = new Uint32Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out[y * width + x] = pixels[y * width + width - 1 - x];
  }
  return { width, height, data: new Uint8Array(out.buffer) };
}

/** `deno task bench duplicates ENCODER SOURCE`: prints a table by threshold. */
export async function benchDuplicates(_gpu: Gpu, [encoder, source, embeddings]: string[]): Promise<void> {
  if (source === undefined) {
    throw new UserError(
      "Cannot plant duplicates without images. Give an encoder and a source: duplicates ENCODER SOURCE.",
    );
  }
  const folder = await Deno.makeTempDir();
  try {
    await plant(source, folder);
    const out = embeddings ?? `${folder}/vectors.npy`;
    await embedToFiles({ encoder, data: `${folder}/images`, out, log: () => {} });
    const names = Object.keys(kinds);
    const row = printTable(["threshold", "copies found", ...names, "other images grouped", "precision"]);
    for (const threshold of THRESHOLDS) {
      const groups = await findDuplicates({ embeddings: out, threshold, log: () => {} });
      const { found, planted, others } = score(groups);
      const shares = names.map((_, kind) => percent(found[kind] / planted[kind]));
      const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0);
      row(
        threshold,
        percent(sum(found) / sum(planted)),
        ...shares,
        others,
        percent(sum(found) / (sum(found) + others)),
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes the images of `source`, and copies of some, to `folder`. */
async function plant(spec: string, folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/images`);
  const source = await openSource(spec), changes = Object.values(kinds);
  try {
    let i = 0;
    for await (const { bytes } of source) {
      await Deno.writeFile(`${folder}/images/${i}`, bytes);
      if (i % EVERY === 0) {
        const kind = i / EVERY % changes.length, [image, quality] = changes[kind](await decodeImage(bytes));
        const { width, height, data } = image;
        const pixels = { width, height, data: new Uint8ClampedArray(data), colorSpace: "srgb" } as ImageData;
        await Deno.writeFile(
          `${folder}/images/${i}.${kind}.jpg`,
          new Uint8Array(await encodeJpeg(pixels, { quality })),
        );
      }
      if (++i === ORIGINALS) return;
    }
  } finally {
    source.close();
  }
}

/** By kind, how many copies were planted, and how many are in a group with their originals; and what else is grouped. */
function score(groups: readonly Duplicate[][]): { found: number[]; planted: number[]; others: number } {
  const copies = Math.ceil(ORIGINALS / EVERY), count = Object.keys(kinds).length;
  const planted = Array.from({ length: count }, (_, kind) => Math.ceil((copies - kind) / count));
  const found = planted.map(() => 0);
  let others = 0;
  for (const members of groups) {
    const names = new Set(members.map(({ key }) => key));
    let copiesHere = 0;
    for (const name of names) {
      const [, original, kind] = /^(\d+)\.(\d)\.jpg$/.exec(name) ?? [];
      if (original === undefined || !names.has(original)) continue;
      found[Number(kind)]++;
      copiesHere++;
    }
    // Of n images in a group, n − 1 are called copies.
    others += names.size - 1 - copiesHere;
  }
  return { found, planted, others };
}
