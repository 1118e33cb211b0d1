/** Pairs of views a second, from the archives on disk to the GPU's memory, beside torchvision's DataLoader. */
import { trainingBatches, type Views } from "../data/pipeline.ts";
import { memoryCache, type PixelCache } from "../data/pixel_cache.ts";
import { openSource } from "../data/source.ts";
import { createViewFeed, traceLoader } from "../src/augment/loader.ts";
import { recipeByName, usualDecodeSize } from "../src/augment/recipe.ts";
import { UserError } from "../src/errors.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Memory, type Store } from "../src/gpu/memory.ts";
import { Program } from "../src/graph/program.ts";
import { tensorIn } from "../src/graph/tensor.ts";
import { median, newTape } from "../src/timing.ts";
import { printTable } from "./table.ts";

/** Seconds of a sample, samples of each side, Workers of each side. */
const SECONDS = 6, SAMPLES = 3, WORKERS = 2;
/** Batches that the GPU may have before it. */
const AHEAD = 4;

/**
 * Measures what `args` lists, as shards and recipe: `bench pipeline 'cifar10/*.tar' cifar photos.tar byol`. Python with
 * torchvision takes the same shards, recipe and number of Workers in turns with us; without it there is only our side.
 */
export async function benchPipeline(gpu: Gpu, args: readonly string[]): Promise<void> {
  if (args.length === 0 || args.length % 2 !== 0) {
    throw new UserError(
      "Cannot measure the pipeline of nothing: expected tar shards and a recipe, as in " +
        "`deno task bench pipeline 'cifar10/*.tar' cifar photos.tar byol`",
    );
  }
  console.log(
    `Pairs of views a second, ${WORKERS} Workers; medians of ${SAMPLES} samples of ${SECONDS} s, in turns\n`,
  );
  const row = printTable([
    "shards",
    "recipe",
    "px",
    "TypeScript",
    "WGSL",
    "WGSL, cached",
    "DataLoader",
    "WGSL ÷ DataLoader",
    "cached ÷ DataLoader",
  ]);
  for (let i = 0; i < args.length; i += 2) {
    const [data, recipeName] = [args[i], args[i + 1]];
    const recipe = recipeByName(recipeName);
    const wgsl: number[] = [], cached: number[] = [], typescript: number[] = [], theirs: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      wgsl.push(await ours(gpu, { data, recipeName, augment: "gpu" }));
      cached.push(await ours(gpu, { data, recipeName, augment: "gpu", cache: memoryCache() }));
      typescript.push(await ours(gpu, { data, recipeName, augment: "cpu" }));
      const rate = await dataLoader(data, recipeName);
      if (rate !== null) theirs.push(rate);
    }
    const rate = (values: number[]) => values.length ? median(values).toPrecision(3) : "–";
    const ratio = (ours: number[]) => theirs.length ? (median(ours) / median(theirs)).toFixed(1) : "–";
    const name = data.slice(data.lastIndexOf("/", data.lastIndexOf("/") - 1) + 1);
    row(
      ...[name, recipeName, recipe.size, rate(typescript), rate(wgsl), rate(cached), rate(theirs)],
      ...[ratio(wgsl), ratio(cached)],
    );
  }
}

const batchOf = (size: number) => size <= 64 ? 128 : 32;

/** Pairs a second that lie in the GPU's memory, normalised, as a training step would have them. */
async function ours(
  gpu: Gpu,
  { data, recipeName, augment, cache }: {
    data: string;
    recipeName: string;
    augment: "gpu" | "cpu";
    /** Keeps decoded images; all are in it when the measuring begins. */
    cache?: PixelCache;
  },
): Promise<number> {
  const recipe = recipeByName(recipeName), { size } = recipe, batch = batchOf(size);
  const source = await openSource(data);
  using memory = new Memory(gpu);
  const shape = [2 * batch, size, size, 4];
  const store: Store = { name: "views", category: "input", bytes: shape.reduce((a, b) => a * b) * 4 };
  const tape = newTape(gpu);
  const traced = traceLoader(tape, {
    ...recipe,
    decodeSize: usualDecodeSize(recipe, size),
    images: tensorIn(store, { shape }),
  });
  using program = new Program(memory, { dispatches: tape.dispatches });
  const feed = createViewFeed(memory, { program, store, traced });
  const options = { source, batch, size, recipe, augment, cache, seed: 0, workers: WORKERS };
  const batches = trainingBatches<Views>(options).getReader();
  const kept = cache ? Math.ceil(source.length! / batch) : 0;
  let pairs = 0, begin = 0;
  const underway: Promise<undefined>[] = [];
  try {
    for (let step = 0;; step++) {
      const { value } = await batches.read();
      feed.run(value!.views);
      value!.release();
      underway.push(gpu.device.queue.onSubmittedWorkDone());
      if (underway.length >= AHEAD) await underway.shift();
      if (step < kept + 2 * AHEAD) { // Workers and pipelines are there by then
        begin = performance.now();
        continue;
      }
      pairs += batch;
      if (performance.now() - begin > SECONDS * 1000) break;
    }
    await Promise.all(underway);
    return pairs / (performance.now() - begin) * 1000;
  } finally {
    await batches.cancel();
    cache?.close();
    source.close();
  }
}

/** The same by torchvision; null where Python has none. */
async function dataLoader(data: string, recipeName: string): Promise<number | null> {
  const recipe = recipeByName(recipeName);
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, JSON.stringify(recipe));
    const script = new URL("dataloader.py", import.meta.url).pathname;
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      // The shell knows patterns, as openSource does.
      args: [
        "-c",
        `exec python3 ${script} ${path} ${recipe.size} ${batchOf(recipe.size)} ${SECONDS} ${WORKERS} ${data}`,
      ],
      env: { OMP_NUM_THREADS: "1" },
    }).output();
    if (success) return JSON.parse(new TextDecoder().decode(stdout)).pairs_per_second;
    const reason = new TextDecoder().decode(stderr).trim();
    if (/No module named|not found/.test(reason)) return null;
    throw new Error(`dataloader.py: ${reason}`);
  } finally {
    await Deno.remove(path);
  }
}
