/** Pairs of views a second, from the archives on disk to the GPU's memory, beside torchvision's DataLoader. */
import { trainingBatches, type Views } from "../data/pipeline.ts";
import { fileURLToPath as fromFileUrl } from "node:url";
import { memoryCache, type PixelCache } from "../data/pixel_cache.ts";
import { openSource } from "../data/sources/open.ts";
import { pathsOf } from "../data/sources/patterns.ts";
import { createViewFeed, traceLoader } from "../src/views/view_uploader.ts";
import { defaultDecodeSize, type Recipe, recipeByName } from "../data/views/recipe.ts";
import { UserError } from "../src/base/errors.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Memory, type Store } from "../src/gpu/memory.ts";
import { Program } from "../src/graph/program.ts";
import { tensorIn } from "../src/graph/tensor.ts";
import { median, newTape } from "../src/inspect/timing.ts";
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
    ...[
      "shards",
      "recipe",
      "px",
      "TypeScript",
      "WGSL",
      "WGSL, cached",
      "DataLoader",
      "DataLoader, Pillow's blur",
    ],
    ...["WGSL ÷ DataLoader", "cached ÷ DataLoader", "WGSL ÷ Pillow's blur"],
  ]);
  for (let i = 0; i < args.length; i += 2) {
    const [data, recipeName] = [args[i], args[i + 1]];
    const recipe = recipeByName(recipeName);
    const pillow: number[] = [],
      wgsl: number[] = [],
      cached: number[] = [],
      typescript: number[] = [],
      theirs: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      wgsl.push(await ours(gpu, { data, recipeName, augment: "gpu" }));
      cached.push(await ours(gpu, { data, recipeName, augment: "gpu", cache: memoryCache() }));
      typescript.push(await ours(gpu, { data, recipeName, augment: "cpu" }));
      theirs.push(...await dataLoader(data, { recipe, blur: "torchvision" }));
      if (recipe.views.some(({ blur }) => blur)) {
        pillow.push(...await dataLoader(data, { recipe, blur: "pillow" }));
      }
    }
    const rate = (values: number[]) => values.length ? median(values).toPrecision(3) : "–";
    const ratio = (ours: number[], theirs: number[]) =>
      theirs.length ? (median(ours) / median(theirs)).toFixed(1) : "–";
    const name = data.slice(data.lastIndexOf("/", data.lastIndexOf("/") - 1) + 1);
    row(
      ...[
        name,
        recipeName,
        recipe.size,
        rate(typescript),
        rate(wgsl),
        rate(cached),
        rate(theirs),
        rate(pillow),
      ],
      ...[ratio(wgsl, theirs), ratio(cached, theirs), ratio(wgsl, pillow)],
    );
  }
}

const batchOf = (size: number) => size <= 64 ? 256 : 32;

/** Pairs a second that lie in the GPU's memory, normalized, as a training step would have them. */
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
    decodeSize: defaultDecodeSize(recipe, size),
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

/** The same by torchvision: a rate, or none where Python has no torchvision. */
async function dataLoader(
  data: string,
  { recipe, blur }: { recipe: Recipe; blur: "torchvision" | "pillow" },
): Promise<number[]> {
  const { size } = recipe, path = await Deno.makeTempFile({ suffix: ".json" });
  const shards = await pathsOf(data);
  try {
    await Deno.writeTextFile(path, JSON.stringify(recipe));
    const { success, stdout, stderr } = await new Deno.Command("python3", {
      args: [
        fromFileUrl(new URL("dataloader.py", import.meta.url)),
        ...[path, size, batchOf(size), SECONDS, WORKERS, blur].map(String),
        ...(shards.length ? shards : [data]),
      ],
      env: { OMP_NUM_THREADS: "1" },
    }).output();
    if (success) return [JSON.parse(new TextDecoder().decode(stdout)).pairs_per_second];
    const reason = new TextDecoder().decode(stderr).trim();
    if (/No module named/.test(reason)) return [];
    throw new Error(`dataloader.py: ${reason}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // there is no Python
    throw error;
  } finally {
    await Deno.remove(path);
  }
}
