/** Observers of a run: what they hear, and what becomes of those that fail. */
import { join } from "node:path";
import type { StepRecord } from "../../src/config/callbacks.ts";
import { openMetrics } from "../../src/io/metrics.ts";
import { openMetricsCsv } from "../../src/report/metrics_csv.ts";
import type { ObservedImage, RunObserver } from "../../src/report/observer.ts";
import { Observers } from "../../src/report/observers.ts";
import { thumbnailOf, Thumbnails } from "../../src/report/thumbnails.ts";
import { assert, assertEquals } from "../assert.ts";
import { temporaryFolder } from "../io/temporary_folder.ts";

const record = (step: number, more: Partial<StepRecord> = {}): StepRecord => ({
  ...{ step, epoch: 0, loss: 1.5 / step, lr: 0.1, tau: null, imagesPerSecond: 100, dataWait: 0 },
  ...{ zStd: 0.1, gradNorm: 2, targetCosine: null, ...more },
});

Deno.test("Observers warns once of an observer that fails, and goes on with all of them", async () => {
  const heard: string[] = [], warnings: string[] = [];
  const good: RunObserver = {
    name: "good",
    recorded: ({ step }) => heard.push(`record ${step}`),
    logged: (line) => heard.push(line),
    checkpointed: (step) => Promise.resolve(void heard.push(`checkpoint ${step}`)),
  };
  let failures = 0;
  const fail = () => {
    failures++;
    throw new Error("the disk is full.");
  };
  const bad: RunObserver = {
    name: "bad.html",
    recorded: fail,
    logged: fail,
    checkpointed: async () => await fail(),
  };
  const observers = new Observers((line) => {
    warnings.push(line);
    observers.logged(line);
  });
  await observers.add("none.txt", () => Promise.reject(new Error("no folder")));
  await observers.add("bad.html", () => bad);
  await observers.add("good", () => good);
  observers.recorded(record(1));
  await observers.checkpointed(1);
  await observers.ended({ state: "done", message: null });
  const warning = "Warning: bad.html may be incomplete: the disk is full. Training is not affected.";
  assertEquals(warnings, [
    "Warning: none.txt may be incomplete: no folder. Training is not affected.",
    warning,
  ]);
  assertEquals(heard, [warning, "record 1", "checkpoint 1"]);
  assertEquals(failures, 3);
});

Deno.test("metrics.csv has the lines of metrics.jsonl, also after a resume", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path, csv = () => Deno.readTextFile(join(out, "metrics.csv"));
  const write = async (steps: number[], through?: number) => {
    using metrics = await openMetrics<StepRecord>(join(out, "metrics.jsonl"), { keepThroughStep: through });
    await using observer = await openMetricsCsv(out) as RunObserver & AsyncDisposable;
    for (const step of steps) {
      metrics.write(record(step, { tau: step === 2 ? 0.99 : null }));
      observer.recorded!(record(step, { tau: step === 2 ? 0.99 : null }));
    }
    await observer.ended!({ state: "done", message: null });
  };
  await write([]);
  assertEquals(await csv(), "");
  await write([1, 2, 3], 0);
  await write([3], 2); // step 3 is taken again
  const header = "step,epoch,loss,lr,tau,images_per_second,data_wait,z_std,grad_norm,target_cosine\n";
  const lines = "1,0,1.5,0.1,,100,0,0.1,2,\n2,0,0.75,0.1,0.99,100,0,0.1,2,\n3,0,0.5,0.1,,100,0,0.1,2,\n";
  assertEquals(await csv(), header + lines);
});

Deno.test("openMetricsCsv() gives records of other fields their columns", async () => {
  await using temporary = await temporaryFolder();
  const out = temporary.path;
  const scaled = { lossScale: 1024, skippedSteps: 1 };
  const lines = async (first: Partial<StepRecord>, second: Partial<StepRecord>) => {
    using metrics = await openMetrics<StepRecord>(join(out, "metrics.jsonl"), { keepThroughStep: 0 });
    await using observer = await openMetricsCsv(out) as RunObserver & AsyncDisposable;
    for (const [i, more] of [first, second].entries()) {
      metrics.write(record(i + 1, more));
      observer.recorded!(record(i + 1, more));
    }
    await observer.ended!({ state: "done", message: null });
    return (await Deno.readTextFile(join(out, "metrics.csv"))).split("\n");
  };
  const fields = "step,epoch,loss,lr,tau,images_per_second,data_wait,z_std,grad_norm,target_cosine";
  const figures = ["1,0,1.5,0.1,,100,0,0.1,2,", "2,0,0.75,0.1,,100,0,0.1,2,"];
  const header = `${fields},loss_scale,skipped_steps`;
  assertEquals(await lines(scaled, {}), [header, `${figures[0]},1024,1`, `${figures[1]},,`, ""]);
  assertEquals(await lines({}, scaled), [header, `${figures[0]},,`, `${figures[1]},1024,1`, ""]);
});

Deno.test("thumbnailOf() averages squares, and keeps images of up to 64 pixels", () => {
  const size = 130, pixels = new Uint8Array(size * size * 4);
  for (let i = 0; i < size * size; i++) pixels.set([i % size, Math.floor(i / size), 7, 255], 4 * i);
  const { side, pixels: small } = thumbnailOf(pixels, size);
  assertEquals([side, small.length], [64, 64 * 64 * 3]);
  // Column 63 averages the columns 127 to 129, row 1 the rows 2 and 3.
  assertEquals([...small.subarray((64 + 63) * 3, (64 + 64) * 3)], [128, 3, 7]);
  const same = thumbnailOf(Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255), 2);
  assertEquals([...same.pixels], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

Deno.test("Thumbnails gives the same pictures of decoded images and of normalized views", async () => {
  const recipe = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.5] } as const;
  const pixels = [[10, 20, 30, 255, 40, 50, 60, 255, 0, 255, 128, 255, 1, 2, 3, 255], Array(16).fill(200)];
  const views = new Float32Array(
    pixels.flatMap((image) =>
      image.map((value, i) => i % 4 === 3 ? 0 : (value / 255 - recipe.mean[i % 4]) / recipe.std[i % 4])
    ),
  );
  const packed = pixels.map((image) => ({ pixels: Uint8Array.from(image), records: new Int32Array() }));
  const found: ObservedImage[][] = [];
  for (const images of [packed, views]) {
    const taken: ObservedImage[] = [];
    const batch = { images, labels: Int32Array.of(0, 1), indices: [7, 9], keys: ["a", "b"], release() {} };
    const batches = async function* () {
      yield await Promise.resolve(batch);
    };
    for await (const passed of new Thumbnails({ size: 2, recipe }).of(batches(), taken)) {
      assert(passed === batch);
    }
    found.push(taken);
  }
  assertEquals(found[0].map(({ index, key }) => [index, key]), [[7, "a"], [9, "b"]]);
  assertEquals([...found[0][0].thumbnail.pixels], [10, 20, 30, 40, 50, 60, 0, 255, 128, 1, 2, 3]);
  assertEquals(found[1], found[0]);
});
