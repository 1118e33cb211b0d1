/**
 * Measures memory, open files and threads of the data pipeline over hundreds of thousands of samples:
 *
 *     deno task test:soak [--samples 200000] [data…]
 *
 * Without data, it reads the built-in shapes from plain and compressed archives. For each source, one consumer takes and drops
 * batches, another takes one batch and waits, and streams are canceled, completed, and broken by a truncated shard. The
 * exit code is 1 if memory grows, if the pipeline works while its consumer waits, or if a resource is not released. Linux
 * only.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { printTable } from "../bench/table.ts";
import { type Batch, evaluationBatches, trainingBatches, type Views } from "../data/pipeline.ts";
import type { ImageSource } from "../data/sources/types.ts";
import { openSource } from "../data/sources/open.ts";
import { recipes } from "../data/views/recipe.ts";
import { messageOf, UserError } from "../src/base/errors.ts";
import { median } from "../src/inspect/timing.ts";
import { openIndexed, tar, tarEntry, withFolder } from "./data/fixtures.ts";
import { type Held, held, heldAfter, isTold } from "./data/held.ts";

const MB = 2 ** 20;
/**
 * The allowed growth of memory between an early and a late part of a run. The task keeps V8's young generation small:
 * otherwise it grows for minutes, by 100 MB in all, and would hide a leak.
 */
const MAX_GROWTH = 24 * MB;
/** Seconds that a waiting consumer waits for the pipeline to stop, and then watches it. */
const WAIT = 5;
/** The time in which all resources must be released; the runtime keeps idle threads for ten seconds. */
const RELEASE_TIMEOUT_MS = 30_000;

const options = { batch: 128, size: 32, recipe: recipes.cifar, workers: 2, augment: "gpu" } as const;
const train = (source: ImageSource): ReadableStreamDefaultReader<Batch<Views>> =>
  trainingBatches<Views>({ ...options, source, seed: 1 }).getReader();
const rss = () => Deno.memoryUsage().rss;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** Takes and drops samples. Early memory is the median of the third tenth of them, late memory that of the last. */
async function drop(source: ImageSource, samples: number) {
  const reader = train(source), begin = performance.now(), early: number[] = [], late: number[] = [];
  let peak = 0;
  for (let done = 0; done < samples; done += options.batch) {
    (await reader.read()).value!.release();
    const now = rss(), tenth = Math.floor(10 * done / samples);
    peak = Math.max(peak, now);
    if (tenth === 2) early.push(now);
    if (tenth === 9) late.push(now);
  }
  const seconds = (performance.now() - begin) / 1000;
  await reader.cancel();
  return { seconds, early: median(early), late: median(late), peak };
}

/** Takes one batch and waits. Returns the memory at rest and some time later, and the CPU time used meanwhile. */
async function wait(source: ImageSource) {
  const reader = train(source);
  await reader.read();
  await pause(WAIT);
  const before = rss(), cpu = cpuSeconds();
  await pause(WAIT);
  const result = { before, after: rss(), cpu: cpuSeconds() - cpu };
  await reader.cancel();
  return result;
}

/** The CPU time of all threads of this process. */
function cpuSeconds(): number {
  const fields = Deno.readTextFileSync("/proc/self/stat").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // in hundredths of a second on every Linux
}

/** The ends of a stream. Each returns the resources held while it worked. */
const ends: Record<string, (source: ImageSource, paths: string[]) => Promise<Held>> = {
  async cancel(source) {
    const reader = train(source);
    for (let i = 0; i < 20; i++) (await reader.read()).value!.release();
    const during = held();
    await reader.cancel();
    return during;
  },
  async completion(source) {
    let during: Held | undefined;
    for await (const { release } of evaluationBatches<Views>({ ...options, source })) {
      release();
      during ??= held();
    }
    return during!;
  },
  async error(source, paths) {
    let during: Held | undefined;
    try {
      const strict = { ...options, onBadImage: "error" } as const;
      for await (const { release } of evaluationBatches<Views>({ ...strict, source })) {
        release();
        if (during) continue;
        during = held();
        for (const path of paths) await Deno.truncate(path, (await Deno.stat(path)).size / 2);
      }
    } catch (error) {
      if (error instanceof UserError) return during!;
      throw error;
    }
    throw new Error("A truncated shard did not cause an error");
  },
};

/** Opens the source, ends a stream of it, and closes it. */
async function use(data: string[], end: typeof ends[string]): Promise<Held> {
  const source = await openSource(data);
  try {
    return await end(source, data);
  } finally {
    source.close();
  }
}

const text = ({ files, threads, workers }: Held) => `${files}, ${threads}, ${workers}`;
const inMB = (bytes: number) => (bytes / MB).toFixed(0);
const judged = (isRight: boolean) => isRight ? "yes" : "NO";

/** Measures each of `sources`, prints a table, and returns whether memory is bounded. */
async function soak(sources: Record<string, string[]>, samples: number): Promise<boolean> {
  let allRight = true;
  const columns = ["MB early", "MB late", "MB peak", "bounded"];
  const row = printTable(["source", "consumer", "samples", "samples/s", ...columns]);
  for (const [name, data] of Object.entries(sources)) {
    const source = await openSource(data);
    const { seconds, early, late, peak } = await drop(source, samples);
    const isBounded = late <= early + MAX_GROWTH;
    row(
      name,
      "drops",
      samples,
      (samples / seconds).toFixed(0),
      ...[early, late, peak].map(inMB),
      judged(isBounded),
    );
    const { before, after, cpu } = await wait(source);
    source.close();
    const isAtRest = after <= before + MAX_GROWTH && cpu < .1 * WAIT;
    row(name, "waits", options.batch, "0", inMB(before), inMB(after), "", judged(isAtRest));
    allRight &&= isBounded && isAtRest;
  }
  return allRight;
}

/** Ends streams of each source in each way, prints a table, and returns whether everything was released. */
async function release(sources: Record<string, string[]>): Promise<boolean> {
  let allRight = true;
  const row = printTable(["source: files, threads, Workers", "before", "during", "end", "after", "gone"]);
  for (const [name, data] of Object.entries(sources)) {
    for (const [what, end] of Object.entries(ends)) {
      await withFolder({}, async (folder) => {
        const paths = data.map((_, i) => `${folder}/${i}${/\.tar(\.gz)?$/.exec(data[i])![0]}`);
        const fresh = () => Promise.all(data.map((path, i) => Deno.copyFile(path, paths[i])));
        await fresh();
        await use(paths, end); // the runtime opens some files once and keeps them
        await pause(12); // and keeps idle threads for a while
        const before = held();
        await fresh();
        const during = await use(paths, end);
        const after = await heldAfter(before, {
          what: ["files", "threads", "workers"],
          timeoutMs: RELEASE_TIMEOUT_MS,
        });
        const isGone = after.files <= before.files && after.threads <= before.threads && after.workers === 0;
        row(name, text(before), text(during), what, text(after), judged(isGone));
        allRight &&= isGone;
      });
    }
  }
  return allRight;
}

/** The built-in shapes as archives in `folder`. */
async function builtIn(folder: string): Promise<Record<string, string[]>> {
  const entries: Uint8Array[] = [];
  for await (const { index, bytes } of await openIndexed("shapes:6000")) {
    entries.push(tarEntry(`${index}.jpg`, bytes));
  }
  const archive = tar(entries);
  await Deno.writeFile(`${folder}/shapes.tar`, archive);
  await Deno.writeFile(`${folder}/shapes.tar.gz`, new Uint8Array(gzipSync(archive)));
  return { "shapes.tar": [`${folder}/shapes.tar`], "shapes.tar.gz": [`${folder}/shapes.tar.gz`] };
}

async function main(args: string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { samples: { type: "string", default: "200000" } },
  });
  const samples = Number(values.samples);
  if (
    !isTold || !(Number.isInteger(samples) && samples >= 50_000) ||
    positionals.some((p) => !/\.tar(\.gz)?$/.test(p))
  ) {
    throw new UserError(
      `Cannot soak "${
        args.join(" ")
      }" on ${Deno.build.os}: unknown system, number or file. Run it on Linux, with ` +
        `--samples of at least 50000 and .tar or .tar.gz files.`,
    );
  }
  let allRight = false;
  await withFolder({}, async (folder) => {
    const sources = positionals.length
      ? { [`${positionals.length} shards`]: positionals }
      : await builtIn(folder);
    const isBounded = await soak(sources, samples);
    console.log();
    const isReleased = await release(sources);
    allRight = isBounded && isReleased;
  });
  return allRight;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args) ? 0 : 1);
  } catch (error) {
    console.error(error instanceof UserError ? `error: ${messageOf(error)}` : error);
    Deno.exit(2);
  }
}
