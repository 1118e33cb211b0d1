import {
  type BadImage,
  type Batch,
  evaluationBatches,
  type Position,
  trainingBatches,
} from "../../data/pipeline.ts";
import { Pool } from "../../data/pool.ts";
import { subsetOf } from "../../data/subset.ts";
import type { IndexedSource as ImageSource } from "../../data/sources/types.ts";
import { applyView } from "../../data/views/apply.ts";
import { drawView, evaluationView } from "../../data/views/draw.ts";
import { type Recipe, recipes } from "../../data/views/recipe.ts";
import { decodeImage } from "../../data/decode.ts";
import { MachineError, UserError } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { gradient, jpeg, memorySource, png } from "./fixtures.ts";

const size = 32;
const recipe: Recipe = recipes.byol;
const files = await Promise.all(
  Array.from({ length: 11 }, (_, i) => jpeg(gradient(33 + i, 50 - i, { seed: i }))),
);
const source = await memorySource(files);
const setup = { recipe, size, decodeSize: 128, augment: "cpu", keepPixels: false } as const;
const options = { source, batch: 4, size, recipe, seed: 7, workers: 2 };

/** The first `count` batches with copies of their views; ends the Workers. */
async function take(stream: ReadableStream<Batch>, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of stream) {
    batches.push({ ...batch, views: batch.views.slice() });
    batch.release();
    if (batches.length === count) break;
  }
  return batches;
}
const plain = ({ views, indices, epoch, next }: Batch) => ({ views: [...views], indices, epoch, next });

Deno.test("trainingBatches() gives the views that drawView() and applyView() make", async () => {
  const [batch] = await take(trainingBatches(options), 1);
  const out = new Float32Array(size * size * 4);
  for (const [i, index] of batch.indices.entries()) {
    const image = await decodeImage(files[index]);
    for (const v of [0, 1]) {
      const parameters = drawView(recipe.views[v], { ...image, size }, keyedRandom(7, 0, index, v));
      applyView(image, parameters, { size, mean: recipe.mean, std: recipe.std, out });
      const start = (v * 4 + i) * out.length;
      assertClose(`image ${index} view ${v}`, batch.views.subarray(start, start + out.length), out, {});
    }
  }
});

Deno.test("trainingBatches() gives the same batches with 1 and 3 Workers, and after resuming", async () => {
  const one = (await take(trainingBatches({ ...options, workers: 1 }), 5)).map(plain);
  const three = (await take(trainingBatches({ ...options, workers: 3 }), 5)).map(plain);
  assertEquals(three, one);
  assertEquals(one.map((b) => [b.epoch, b.next.epoch, b.next.offset]), [
    [0, 0, 4],
    [0, 1, 0],
    [1, 1, 4],
    [1, 2, 0],
    [2, 2, 4],
  ]);
  for (const k of [0, 1]) {
    const resumed = await take(trainingBatches({ ...options, start: one[k].next }), 2);
    assertEquals(resumed.map(plain), one.slice(k + 1, k + 3));
  }
});

/** A part of a source in memory. */
const range = (whole: ImageSource, from: number, count: number) =>
  subsetOf(whole, Array.from({ length: count }, (_, i) => from + i));

Deno.test("evaluationBatches() gives a part once, in order, with a smaller last batch", async () => {
  const stream = evaluationBatches({ ...options, source: range(source, 2, 6) });
  const batches = await Array.fromAsync(stream);
  assertEquals(batches.map((b) => b.indices), [[2, 3, 4, 5], [6, 7]]);
  assertEquals(batches.map((b) => [...b.labels]), [[2, 0, 1, 2], [0, 1]]);
  assertEquals(batches[1].images.length, 2 * size * size * 4);
  const image = await decodeImage(files[7]);
  const out = new Float32Array(size * size * 4);
  applyView(image, evaluationView({ ...image, size }), { size, mean: recipe.mean, std: recipe.std, out });
  assertClose("image 7", batches[1].images.subarray(out.length), out, {});
});

const withBad = await memorySource(files.map((file, i) => {
  if (i === 3) return file.subarray(0, 200);
  return i === 5 ? new Uint8Array(0) : file;
}));

Deno.test("trainingBatches() skips and reports bad images, and resumes to the same batches", async () => {
  const bad: BadImage[] = [];
  const stream = trainingBatches({
    ...options,
    source: range(withBad, 0, 8),
    batch: 3,
    onBad: (b) => bad.push(b),
  });
  const batches = (await take(stream, 4)).map(plain);
  assertEquals(batches.map((b) => b.epoch), [0, 0, 1, 1]);
  assert(batches.every((b) => !b.indices.includes(3) && !b.indices.includes(5)));
  const reasons = new Map(bad.map(({ key, reason }) => [key, reason]));
  assert(/truncated JPEG/.test(reasons.get("image-3")!), reasons.get("image-3"));
  assertEquals(reasons.get("image-5"), "it is empty");
  const part = range(withBad, 0, 8);
  const again = trainingBatches({ ...options, source: part, batch: 3, start: batches[0].next });
  assertEquals((await take(again, 3)).map(plain), batches.slice(1));
});

/** One image of each pair of sides, smaller than the view in one direction or both, and a large one. */
const sides = [[1, 1], [1, 40], [28, 28], [31, 90], [3, 700], [90, 15], [501, 333]] as const;
const sized = await memorySource(sides.map(([width, height]) => png(gradient(width, height))));

Deno.test("trainingBatches() enlarges images that are smaller than the view", async () => {
  const bad: BadImage[] = [], large = { source: sized, batch: 7, decodeSize: 333, minSide: 1 };
  const [batch] = await take(trainingBatches({ ...options, ...large, onBad: (b) => bad.push(b) }), 1);
  assertEquals([[...batch.indices].sort(), bad], [[0, 1, 2, 3, 4, 5, 6], []]);
  const out = new Float32Array(size * size * 4);
  for (const [i, index] of batch.indices.entries()) {
    const [width, height] = sides[index], image = await decodeImage(png(gradient(width, height)));
    for (const v of [0, 1]) {
      const parameters = drawView(recipe.views[v], { width, height, size }, keyedRandom(7, 0, index, v));
      applyView(image, parameters, { size, mean: recipe.mean, std: recipe.std, out });
      const start = (v * 7 + i) * out.length;
      assertEquals(batch.views.subarray(start, start + out.length).join(), out.join(), `${width}×${height}`);
    }
  }
});

Deno.test("evaluationBatches() resizes whole images, whatever the decode size", async () => {
  for (const decodeSize of [8, 114]) {
    const [{ images, indices }] = await Array.fromAsync(
      evaluationBatches({ ...options, source: sized, batch: 7, decodeSize }),
    );
    assertEquals(indices, [0, 1, 2, 3, 4, 5, 6]);
    const out = new Float32Array(size * size * 4);
    for (const [i, [width, height]] of sides.entries()) {
      const image = await decodeImage(png(gradient(width, height)));
      const view = evaluationView({ width, height, size });
      applyView(image, view, { size, mean: recipe.mean, std: recipe.std, out });
      assertEquals(
        images.subarray(i * out.length, (i + 1) * out.length).join(),
        out.join(),
        `${width}×${height}`,
      );
    }
  }
});

Deno.test("trainingBatches() and evaluationBatches() leave out images below the minimum side", async () => {
  const leftOut = (image: BadImage) => image.leftOut;
  const expected = [[0, "1×1"], [1, "1×40"], [4, "3×700"], [5, "90×15"]].map(([index, sides]) => ({
    index,
    key: `image-${index}`,
    reason: `its ${sides} pixels are below the minimum side of 28`,
    leftOut: true,
  }));
  for (const onBadImage of ["skip", "error", "substitute"] as const) {
    const bad: BadImage[] = [];
    const strict = {
      ...options,
      source: sized,
      batch: 3,
      minSide: 28,
      onBadImage,
      onBad: (b: BadImage) => bad.push(b),
    };
    const [{ indices }] = await Array.fromAsync(evaluationBatches(strict));
    assertEquals([indices, bad], [[2, 3, 6], expected], onBadImage);
    bad.length = 0;
    const [first, second] = await take(trainingBatches(strict), 2);
    assertEquals(
      [first, second].map(({ indices }) => [...indices].sort()),
      [[2, 3, 6], [2, 3, 6]],
      onBadImage,
    );
    assert(bad.length > 0 && bad.every(leftOut), onBadImage);
  }
  const all = { ...options, source: sized, batch: 3, minSide: 334 };
  await assertThrows(
    () => take(trainingBatches(all), 1),
    UserError,
    /batch of 3: of 7 images 7 are left out, such as "image-\d": its .* minimum side of 334\. Leave out fewer images or lower/,
  );
});

Deno.test("evaluationBatches() throws at a bad image with onBadImage error", async () => {
  const strict = { ...options, source: withBad, onBadImage: "error" } as const;
  await assertThrows(
    () => Array.fromAsync(evaluationBatches(strict)),
    UserError,
    /"image-3" of "memory".*truncated/,
  );
});

Deno.test("trainingBatches() reports the same bad images after resuming as without interruption", async () => {
  const run = async (start: Position, count: number) => {
    const reported: string[] = [];
    const onBad = ({ key }: BadImage) => reported.push(key);
    const batches = await take(
      trainingBatches({ ...options, source: withBad, start, onBad }),
      count,
    );
    return { reported, nexts: batches.map((batch) => batch.next) };
  };
  const whole = await run({ epoch: 0, offset: 0 }, 9);
  assert(whole.reported.length > 3, `${whole.reported.length} bad images in three epochs`);
  for (const k of [1, 2, 3, 4, 5, 6]) {
    const before = await run({ epoch: 0, offset: 0 }, k), after = await run(whole.nexts[k - 1], 9 - k);
    assertEquals([...before.reported, ...after.reported], whole.reported);
  }
});

Deno.test("evaluationBatches() throws for a bad image only when its batch is asked for", async () => {
  const strict = { ...options, source: withBad, batch: 3, onBadImage: "error" } as const;
  for (const goOn of [false, true]) {
    const reader = evaluationBatches(strict).getReader();
    assertEquals((await reader.read()).value?.indices, [0, 1, 2]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (goOn) await assertThrows(() => reader.read(), UserError, /"image-3" of "memory".*truncated/);
    else await reader.cancel();
  }
});

Deno.test("a file that cannot be read is a bad image", async () => {
  const bad: BadImage[] = [];
  const read = (index: number) => index === 1 ? Promise.reject(new Error("gone")) : source.read(index);
  const broken: ImageSource = { ...source, read };
  const stream = evaluationBatches({ ...options, source: range(broken, 0, 3), onBad: (b) => bad.push(b) });
  assertEquals((await Array.fromAsync(stream)).map((b) => b.indices), [[0, 2]]);
  assertEquals(bad, [{ index: 1, key: "image-1", reason: "it cannot be read: gone" }]);
});

Deno.test("trainingBatches() throws without good images and for too large a batch", async () => {
  const bad = await memorySource([new Uint8Array(3), new Uint8Array(3)]);
  const none = { ...options, source: bad, batch: 1 };
  await assertThrows(() => take(trainingBatches(none), 1), UserError, /batch of 1: of 2 images 2 are bad/);
  await assertThrows(
    () => Array.fromAsync(evaluationBatches(none)),
    UserError,
    /batch: of 2 images 2 are bad.*Replace the bad images\.$/,
  );
  await assertThrows(
    () => trainingBatches({ ...options, batch: 12 }),
    UserError,
    /batches of 12 images.*there are 11 images/,
  );
  await assertThrows(
    () => trainingBatches({ ...options, source: range(source, 3, 3) }),
    UserError,
    /batches of 4 images.*there are 3 images/,
  );
});

Deno.test("trainingBatches() prepares only a few batches ahead, and stops reading when canceled", async () => {
  let reads = 0;
  const counted: ImageSource = {
    ...source,
    async read(index) {
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 1));
      return source.read(index);
    },
  };
  const reader = trainingBatches({ ...options, source: counted, batch: 11 }).getReader();
  assertEquals(reads, 0);
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 300));
  // One batch delivered, one ready, one under way, and files being read for the next.
  assert(reads <= 11 * 5, `${reads} images read for a batch of 11`);
  await reader.cancel();
  const after = reads;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(reads, after);
});

const crashing = new URL("./crashing_worker.ts", import.meta.url);

Deno.test("Pool replaces crashed Workers without losing or repeating an image", async () => {
  const tasks = (base: number) => files.slice(0, 3).map((bytes, i) => ({ bytes, epoch: 0, index: base + i }));
  const run = async (url?: URL) => {
    const pool = new Pool({ ...setup, seed: 1 }, { workers: 2, url });
    try {
      // 11 jobs of three images: both Workers reach their fifth job more than once.
      const results = await Promise.all(Array.from({ length: 11 }, (_, k) => pool.run(tasks(100 + 3 * k))));
      return results.flatMap(({ images }) => images.map((image) => [...image!.views]));
    } finally {
      pool.close();
    }
  };
  assertEquals(await run(crashing), await run());
});

Deno.test("Pool splits a job on which Workers crash or hang, and only the culprits are bad", async () => {
  const pool = new Pool({ ...setup, seed: 1 }, { workers: 1, url: crashing, answerTimeoutMs: 1000 });
  const { images, rejections } = await pool.run(
    [12, 13, 14, 17].map((index) => ({ bytes: files[0], epoch: 0, index })),
  );
  pool.close();
  assertEquals(images.map((image) => image !== null), [true, false, true, false]);
  const reasons = rejections.map((rejection) => rejection?.reason);
  assert(/crashes on it.*crash on purpose/.test(reasons[1]!), reasons[1]);
  assert(/no answer for 1 s/.test(reasons[3]!), reasons[3]);
});

Deno.test("Pool rejects if its Workers crash on every job, and once it is closed", async () => {
  const pool = new Pool({ ...setup, seed: 99 }, { workers: 2, url: crashing });
  const jobs = Array.from({ length: 30 }, (_, index) => pool.run([{ bytes: files[0], epoch: 0, index }]));
  const outcomes = await Promise.allSettled(jobs);
  assert(outcomes.some(({ status }) => status === "rejected"), "no job was rejected");
  await assertThrows(
    () => pool.run([{ bytes: files[0], epoch: 0, index: 0 }]),
    Error,
    /Workers keep crashing: .*crash on purpose/,
  );
  const closed = new Pool({ ...setup, seed: 1 }, { workers: 1 });
  const running = closed.run([{ bytes: files[0], epoch: 0, index: 0 }]);
  closed.close();
  await assertThrows(() => running, Error, /closed/);
});

Deno.test("Pool rejects with a MachineError if a decoder cannot be loaded", async () => {
  const pool = new Pool({ ...setup, seed: 98 }, { workers: 1, url: crashing });
  const task = { bytes: files[0], epoch: 0, index: 0 };
  await assertThrows(() => pool.run([task]), MachineError, /Cannot load an image decoder/);
  await assertThrows(() => pool.run([task]), MachineError, /Cannot load an image decoder/);
});

Deno.test("trainingBatches() gives the same batches with polyfilled streams", async () => {
  const script = `
    delete ReadableStream.from;
    const at = (path) => new URL(path, ${JSON.stringify(import.meta.url)}).href;
    const { ReadableStream: Used } = await import(at("../../data/streams.ts"));
    const { trainingBatches } = await import(at("../../data/pipeline.ts"));
    const { openSource } = await import(at("../../data/sources/open.ts"));
    const { recipes } = await import(at("../../data/views/recipe.ts"));
    const options = { batch: 2, size: 32, seed: 1, recipe: recipes.shapes };
    for await (const batch of trainingBatches({ ...options, source: await openSource("shapes:5") })) {
      console.log(Used !== ReadableStream, batch.indices.join());
      if (batch.epoch === 1) break;
    }`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdout: "piped",
    stderr: "inherit",
  });
  const { stdout } = await child.output();
  const expected = await take(
    trainingBatches({
      ...options,
      batch: 2,
      seed: 1,
      source: { ...source, length: 5 },
    }),
    3,
  );
  assertEquals(
    new TextDecoder().decode(stdout).trim().split("\n"),
    expected.map((batch) => `true ${batch.indices.join()}`),
  );
});
