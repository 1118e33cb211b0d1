/**
 * Images per second of embedding, beside what limits it: decoding for evaluation and for training, without a GPU.
 *
 * @module
 */
import { evaluationBatches, trainingBatches } from "../data/pipeline.ts";
import { openSource } from "../data/sources/open.ts";
import type { ImageSource } from "../data/sources/types.ts";
import { recipes } from "../data/views/recipe.ts";
import type { PackedImage } from "../data/views/table.ts";
import { UserError } from "../src/base/errors.ts";
import { defaultWorkers } from "../src/config/default_values.ts";
import { embed } from "../src/export/embed.ts";
import { embedToFiles } from "../src/export/embed_to_files.ts";
import { loadEncoder } from "../src/export/load_encoder.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { printTable } from "./table.ts";

/** Runs so long at least, and twice: the first warms caches. */
const SECONDS = 10;
const FORMATS = ["parquet", "npy", "csv", "safetensors"];

/** `deno task bench embed ENCODER SOURCE`: prints a table. */
export async function benchEmbed(_gpu: Gpu, [encoder, spec]: string[]): Promise<void> {
  if (spec === undefined) {
    throw new UserError("Cannot embed without images. Give an encoder and a source: embed ENCODER SOURCE.");
  }
  const log = () => {}, workers = defaultWorkers(), folder = await Deno.makeTempDir();
  const source = await openSource(spec);
  using loaded = await loadEncoder(encoder, { log });
  const { size } = loaded, base = { encoder, data: source, workers, log };
  const row = printTable(["what", "images/s"]);
  const measure = async (what: string, items: () => AsyncIterable<number>) => {
    await rateOf(items);
    row(what, Math.round(await rateOf(items)));
  };
  try {
    const recipe = { ...recipes.cifar, size },
      options = { source, batch: 128, size, recipe, workers, augment: "gpu" } as const;
    await measure(
      "decoded for training",
      () => counts(trainingBatches<PackedImage[]>({ ...options, seed: 0 })),
    );
    await measure("decoded for evaluation", () => counts(evaluationBatches<PackedImage[]>(options)));
    await measure("embed()", async function* () {
      for await (const _ of embed(base)) yield 1;
    });
    for (const format of FORMATS) {
      const out = `${folder}/x.${format}`, all = await countOf(source), begin = performance.now();
      await embedToFiles({ ...base, out });
      row(`embedToFiles(), ${format}, with its start`, Math.round(all / (performance.now() - begin) * 1000));
    }
  } finally {
    source.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function* counts(
  batches: AsyncIterable<{ indices: number[]; release(): void }>,
): AsyncGenerator<number> {
  for await (const { indices, release } of batches) {
    release();
    yield indices.length;
  }
}

/** The sum of `items` per second, after the first. */
async function rateOf(items: () => AsyncIterable<number>): Promise<number> {
  let begin: number | null = null, sum = 0, seconds = 0;
  for await (const item of items()) {
    if (begin === null) begin = performance.now();
    else sum += item;
    seconds = (performance.now() - begin) / 1000;
    if (seconds > SECONDS) break;
  }
  return sum / seconds;
}

async function countOf(source: ImageSource): Promise<number> {
  if (source.length !== null) return source.length;
  let count = 0;
  for await (const _ of source) count++;
  return count;
}
