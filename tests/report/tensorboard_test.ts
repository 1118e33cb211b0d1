/** TensorBoard's files, read by `event_reader.ts`, which shares no code with what writes them. */
import png from "npm:imagescript@1.3.1/png/node.js";
import { join } from "node:path";
import { decodeImage } from "../../data/decode.ts";
import { keyedRandom } from "../../src/base/random.ts";
import type { EvaluationRecord, StepRecord } from "../../src/config/callbacks.ts";
import { openMetrics } from "../../src/io/metrics.ts";
import type { ObservedEvaluation, ObservedRun, RunObserver } from "../../src/report/observer.ts";
import { removeTensorboard } from "../../src/report/tensorboard/files.ts";
import { openTensorboard } from "../../src/report/tensorboard/tensorboard.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "../io/temporary_folder.ts";
import { eventsOf, recordsOf } from "./event_reader.ts";
import { eventFilesIn, eventsIn, folderOf, linesOf, scalarsIn } from "./run_events.ts";

const TOTAL = 20, SIDE = 16, IMAGES = 12, DIMS = 5;
/** Milliseconds since 1970, not a whole number of seconds. */
const TIME = 1_764_190_000_250;

function stepRecord(step: number): StepRecord {
  const random = keyedRandom(1, step), number = () => random.normal() * 10 ** (random.integer(40) - 20);
  return {
    ...{
      step,
      epoch: Math.floor(step / 10),
      loss: number(),
      lr: number(),
      imagesPerSecond: 1 / 3,
      dataWait: 0,
    },
    ...{
      tau: step % 2 ? 0.99 : null,
      zStd: number(),
      gradNorm: 123456.789,
      targetCosine: step < 9 ? null : 1,
    },
  };
}

function evaluationRecord(step: number): EvaluationRecord {
  return {
    ...{ step, epoch: step / 5, knn: 1 / step, probe: null, rankme: 10.1, rankmeProjections: 2.2 },
    ...{ zStd: 0.1, neighborStability: 1 / 3 },
    ...step > 10 ? { verdict: "flat", verdictSince: 5 } : { verdict: null, verdictSince: null },
  };
}

function evaluationAfter(step: number, side = SIDE): ObservedEvaluation {
  const random = keyedRandom(2, step), features = Float32Array.from({ length: IMAGES * DIMS }, random.normal);
  const images = Array.from({ length: IMAGES }, (_, i) => ({
    ...{ index: 100 + i, key: i === 1 ? 'a\tb\r\n<b>"1"</b>.jpg' : `${i}.jpg` },
    thumbnail: {
      side,
      pixels: Uint8Array.from({ length: side * side * 3 }, (_, at) => at % 3 === 1 ? 20 * i : 99),
    },
  }));
  const labels = Int32Array.from({ length: IMAGES }, (_, i) => i % 3 - 1);
  const record = step === 0 ? null : evaluationRecord(step);
  return { step, record, heldOut: { features, labels, dims: DIMS }, images };
}

interface Moments {
  /** Steps of its checkpoint. */
  start?: number;
  /** The last step that it takes. */
  end?: number;
  tensorboard?: boolean;
}

/** Takes steps of a run with a record each, evaluations every fifth; ends as if killed, without a call of the observer. */
async function takeSteps(
  out: string,
  { start = 0, end = TOTAL, tensorboard = true }: Moments,
): Promise<void> {
  const keep = { keepThroughStep: start };
  using metrics = await openMetrics<StepRecord>(join(out, "metrics.jsonl"), keep);
  using evaluations = await openMetrics<EvaluationRecord>(join(out, "evaluations.jsonl"), keep);
  const run = { options: { out }, start, total: TOTAL, classes: ["cat", "dog\n2"] } as unknown as ObservedRun;
  const observer: RunObserver = tensorboard
    ? await openTensorboard(run, { now: () => TIME })
    : { name: "none" };
  if (start === 0) await observer.evaluated?.(evaluationAfter(0));
  for (let step = start + 1; step <= end; step++) {
    metrics.write(stepRecord(step));
    observer.recorded?.(stepRecord(step));
    if (step % 5) continue;
    evaluations.write(evaluationRecord(step));
    await observer.evaluated?.(evaluationAfter(step));
    await observer.checkpointed?.(step);
  }
}

/** The records with values of all files, as text; they are the same however often a run was interrupted. */
async function valuesIn(out: string): Promise<string[]> {
  const files = await eventFilesIn(out);
  return files.flatMap((file) => {
    const events = eventsOf(file);
    return recordsOf(file).filter((_, i) => events[i].values.length > 0).map((record) => record.toHex());
  });
}

Deno.test("event files have every number of metrics.jsonl and evaluations.jsonl as float32", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path;
  await takeSteps(out, {});
  const scalars = await scalarsIn(out);
  assertEquals(scalars, await linesOf(out));
  assertEquals(scalars.length, 20 * 7 + 10 + 12 + 4 * 6 + 2 * 2);
  const [version, start, ...events] = await eventsIn(out);
  assertEquals([version.fileVersion, start.session, start.step], ["brain.Event:2", 1, 0]);
  assert(events.every(({ wallTime }) => wallTime === TIME / 1000), "wall times differ");
  assertEquals((await namesIn(folderOf(out)))[0], "events.out.tfevents.1764190000.byol");
});

Deno.test("a killed run that goes on leaves the same records as an uninterrupted one", async () => {
  await using folder = await temporaryFolder();
  const [whole, killed] = ["whole", "killed"].map((name) => join(folder.path, name));
  await Deno.mkdir(whole);
  await Deno.mkdir(killed);
  await takeSteps(whole, {});
  const expected = await valuesIn(whole);
  assertEquals(expected.length, 20 + 4 + 5);

  await takeSteps(killed, { end: 8 });
  const [first] = (await namesIn(folderOf(killed))).filter((name) => name.includes("tfevents"));
  const path = join(folderOf(killed), first);
  // A record that a power cut left partial.
  await Deno.writeFile(path, recordsBytes(await Deno.readFile(path)).subarray(0, 30), { append: true });
  const inode = (await Deno.stat(path)).ino;
  await takeSteps(killed, { start: 5, end: 7 });
  assertEquals((await Deno.stat(path)).ino, inode); // a TensorBoard that has it open goes on
  await takeSteps(killed, { start: 5, end: 13 });
  await takeSteps(killed, { start: 10 });
  assertEquals(await valuesIn(killed), expected);

  const sessions = (await eventsIn(killed)).filter(({ session }) => session === 1).map(({ step }) => step);
  assertEquals(sessions, [0, 6, 11]); // the second start left no value
  const names = await namesIn(folderOf(whole));
  for (const name of names.filter((name) => !name.includes("tfevents"))) {
    const [a, b] = await Promise.all([whole, killed].map((out) => Deno.readFile(join(folderOf(out), name))));
    assertEquals(a, b, name);
  }
});

/** The bytes from the third record on. */
function recordsBytes(file: Uint8Array): Uint8Array {
  const [version, start] = recordsOf(file);
  return file.subarray(version.length + start.length + 32);
}

Deno.test("a run that goes on adds the lines that event files lack", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path;
  await takeSteps(out, { end: 12, tensorboard: false });
  await takeSteps(out, { start: 10 });
  assertEquals(await scalarsIn(out), await linesOf(out));

  // A byte that the disk lost, in the record of some step.
  const name = (await namesIn(folderOf(out)))[0],
    path = join(folderOf(out), name),
    bytes = await Deno.readFile(path);
  bytes[Math.floor(bytes.length / 3)] ^= 1;
  await Deno.writeFile(path, bytes);
  await takeSteps(out, { start: 15 });
  assertEquals(await scalarsIn(out), await linesOf(out));
});

Deno.test("a run touches event files of its own only", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path,
    foreign = "events.out.tfevents.1764190000.host";
  await Deno.mkdir(folderOf(out));
  for (const name of [foreign, "metadata.tsv"]) await Deno.writeTextFile(join(folderOf(out), name), "mine");
  await removeTensorboard(out);
  assertEquals(await namesIn(folderOf(out)), [foreign, "metadata.tsv"]);
  await takeSteps(out, { end: 3 });
  await takeSteps(out, { end: 3 }); // started over
  assertEquals(await Deno.readTextFile(join(folderOf(out), foreign)), "mine");
  const ours = (await namesIn(folderOf(out))).filter((name) => name.endsWith(".byol"));
  assertEquals(ours, ["events.out.tfevents.1764190001.byol"]); // after the first, though the clock stands still
  await removeTensorboard(out);
  assertEquals(await namesIn(folderOf(out)), [foreign]);
});

Deno.test("a record that cannot be written whole leaves the file readable", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path;
  const run = { options: { out }, start: 0, total: TOTAL, classes: [] } as unknown as ObservedRun;
  const observer = await openTensorboard(run), { writeSync } = Deno.FsFile.prototype;
  observer.recorded!(stepRecord(1));
  let calls = 0;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    if (calls++) throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    return writeSync.call(this, bytes.subarray(0, 9));
  };
  try {
    await assertThrows(() => observer.recorded!(stepRecord(2)), Error, /tfevents.*the disk is full/);
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  observer.recorded!(stepRecord(3));
  await observer[Symbol.asyncDispose]!();
  assertEquals((await eventsIn(out)).slice(2).map(({ step }) => step), [1, 3]);
});

Deno.test("event files have the view sheet, and strips of neighbors of some evaluations", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path;
  const sheet = new Uint8Array(
    png.encode(new Uint8Array(7 * 4 * 4), { width: 7, height: 4, channels: 4, level: 6 }),
  );
  await Deno.writeFile(join(out, "preview.png"), sheet);
  const run = { options: { out }, start: 0, total: 1000, classes: [] } as unknown as ObservedRun;
  const observer = await openTensorboard(run);
  for (let step = 0; step <= 1000; step += 10) {
    const { images, heldOut, ...others } = evaluationAfter(step, 2),
      features = heldOut.features.slice(0, 2 * DIMS);
    await observer.evaluated!({ ...others, images: images.slice(0, 2), heldOut: { ...heldOut, features } });
  }
  await observer[Symbol.asyncDispose]!();
  const pictures = (await eventsIn(out)).flatMap(({ step, values }) =>
    values.flatMap(({ tag, image }) => image ? [{ step, tag, ...image }] : [])
  );
  assertEquals(pictures.map(({ step }) => step), [0, ...Array.from({ length: 21 }, (_, i) => 50 * i)]);
  assertEquals(pictures.map(({ tag }) => tag), ["views/sheet", ...Array(21).fill("eval/neighbors")]);
  const [first, second] = pictures;
  assertEquals([first.width, first.height, first.colorspace, first.png], [7, 4, 4, sheet]);
  const drawn = await decodeImage(second.png as Uint8Array<ArrayBuffer>);
  assertEquals([second.width, second.height], [drawn.width, drawn.height]);
});

Deno.test("the projector has features, labels, names and pictures of the held-out images", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path;
  await takeSteps(out, {});
  const read = (name: string) => Deno.readTextFile(join(folderOf(out), name));
  for (const [name, step] of [["features_before_training", 0], ["features", TOTAL]] as const) {
    const rows = (await read(`${name}.tsv`)).trimEnd().split("\n").map((row) => row.split("\t").map(Number));
    assertEquals(rows.map(({ length }) => length), Array(IMAGES).fill(DIMS));
    assertEquals(Float32Array.from(rows.flat()), evaluationAfter(step).heldOut.features);
  }
  const lines = (await read("metadata.tsv")).split("\n");
  assertEquals(lines.slice(0, 4), [
    "label\tkey\tindex",
    "\t0.jpg\t100",
    'cat\ta b  <b>"1"</b>.jpg\t101',
    "dog 2\t2.jpg\t102",
  ]);
  assertEquals(lines.length, IMAGES + 2);
  const config = await read("projector_config.pbtxt");
  assertEquals(
    config.match(/tensor_path: .*/g),
    ['"features.tsv"', '"features_before_training.tsv"'].map((file) => `tensor_path: ${file}`),
  );
  for (const text of [`tensor_shape: ${IMAGES}`, `tensor_shape: ${DIMS}`, `single_image_dim: ${SIDE}`]) {
    assert(config.includes(text), config);
  }
  const sprite = await decodeImage(await Deno.readFile(join(folderOf(out), "sprite.jpg")));
  assertEquals([sprite.width, sprite.height], [4 * SIDE, 3 * SIDE]);
  evaluationAfter(0).images.forEach(({ thumbnail: { pixels } }, i) => {
    const y = Math.floor(i / 4) * SIDE + SIDE / 2,
      x = i % 4 * SIDE + SIDE / 2,
      at = (y * sprite.width + x) * 4;
    assertClose(`image ${i}`, sprite.data.subarray(at, at + 3), pixels.subarray(0, 3), { absolute: 5 });
  });
});
