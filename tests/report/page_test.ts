/** What a run's page is made of. */
import { join } from "node:path";
import { keyedRandom } from "../../src/base/random.ts";
import { UserError } from "../../src/base/errors.ts";
import { resolveOptions } from "../../src/config/resolve_options.ts";
import { changedOptions } from "../../src/report/changed_options.ts";
import { decimated } from "../../src/report/decimate.ts";
import { readPageData } from "../../src/report/page_data.ts";
import { writePage } from "../../src/report/page_file.ts";
import { RunFiles } from "../../src/report/run_files.ts";
import { shownEncoder, shownRows } from "../../src/report/shown_encoder.ts";
import { principalComponents } from "../../src/eval/spectrum.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "../io/temporary_folder.ts";
import { evaluation, lossAt, writeRun } from "./written_run.ts";

Deno.test("decimated() keeps the extremes of each part, and short series whole", () => {
  const n = 100_000, x = Array.from({ length: n }, (_, i) => 10 * i + 10), random = keyedRandom(5);
  const y = Array.from({ length: n }, () => random.uniform());
  [y[777], y[54_321], y[n - 1]] = [9, -9, 5];
  const { x: steps, y: values } = decimated({ x, y });
  assert(steps.length > 990 && steps.length <= 1002, `${steps.length}`);
  for (const i of [0, 777, 54_321, n - 1]) assertEquals(values[steps.indexOf(x[i])], y[i]);
  assertEquals(steps, steps.toSorted((a, b) => a - b));
  steps.forEach((step, i) => assertEquals(values[i], y[step / 10 - 1]));
  const short = { x: [1, 2, 3, 4], y: [5, null, 4, 6] };
  assertEquals(decimated(short), { x: [1, 3, 4], y: [5, 4, 6] });
  assertEquals(decimated({ x: [], y: [] }), { x: [], y: [] });
});

Deno.test("changedOptions() leaves out what follows from other options", () => {
  const of = (given: Parameters<typeof resolveOptions>[0]) =>
    changedOptions(resolveOptions({ data: "photos", ...given })).map((
      { name, value, otherwise },
    ) => [name, value, otherwise]);
  assertEquals(of({}), []);
  assertEquals(of({ batch: 64 }), [["batch", 64, 128]]); // lr follows
  assertEquals(of({ size: 224 }), [["size", 224, 32]]); // so do recipe, decodeSize and stem
  assertEquals(of({ lr: 0.5, steps: 7 }).toSorted(), [["lr", 0.5, 0.225], ["steps", 7, null]]);
});

Deno.test("shownEncoder() finds the nearest by cosine, and the plane of the principal components", () => {
  const keys = Array.from({ length: 40 }, (_, i) => `${i}`),
    observed = evaluation(0, { keys, classes: [] });
  const { features, dims } = observed.heldOut;
  features.forEach((value, at) => features[at] = value / 2 ** (at % dims)); // each dimension half as wide as the one before
  const shown = shownRows(40);
  assertEquals(shown, keys.map(Number));
  const { neighbors, map } = shownEncoder(observed, shown);
  const row = (i: number) => features.subarray(i * dims, (i + 1) * dims);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, d) => sum + value * b[d], 0);
  const cosine = (a: number, b: number) =>
    dot(row(a), row(b)) / Math.sqrt(dot(row(a), row(a)) * dot(row(b), row(b)));
  assertEquals(neighbors.map(({ image }) => image), [2, 6, 10, 14, 18, 22, 26, 30, 34, 38]);
  for (const { image, nearest, cosines } of neighbors) {
    const others = shown.filter((i) => i !== image).sort((a, b) => cosine(image, b) - cosine(image, a));
    assertEquals(nearest, others.slice(0, 8));
    nearest.forEach((other, k) => assert(Math.abs(cosines[k] - cosine(image, other)) < 1e-4));
  }
  const { scores, shares } = principalComponents(observed.heldOut, 2);
  for (const [c, found] of [map.x, map.y].entries()) {
    const sign = Math.sign(found[0] * scores[c]);
    const expected = Float32Array.from(found, (_, i) => sign * scores[2 * i + c]);
    assertClose(`component ${c}`, Float32Array.from(found), expected, { absolute: 1e-3 });
    assert(Math.abs(map.shares[c] - shares[c]) < 1e-3);
  }
});

Deno.test("shownRows() spreads over a source, and shownEncoder() survives a collapse and few images", () => {
  const rows = shownRows(5120);
  assertEquals([rows.length, rows[0], rows[1], rows.at(-1)], [512, 5, 15, 5115]);
  const observed = evaluation(0, { keys: ["a", "b"], classes: [] });
  assertEquals(shownEncoder(observed, [0, 1]).neighbors.map(({ nearest }) => nearest), [[1], [0]]);
  observed.heldOut.features.fill(0);
  const { neighbors, map } = shownEncoder(observed, [0, 1]);
  assertEquals([neighbors[0].cosines, map], [[0], { x: [0, 0], y: [0, 0], shares: [0, 0] }]);
});

Deno.test("writePage() makes the same page from the same files, of less than 3 MB", async () => {
  await using folder = await temporaryFolder();
  const out = folder.path, page = () => Deno.readTextFile(join(out, "report.html"));
  await writeRun(out, { keys: Array.from({ length: 2048 }, (_, i) => `${i}.jpg`) });
  const written = await page();
  await Deno.remove(join(out, "report.html"));
  assertEquals(await writePage(new RunFiles(out)), join(out, "report.html"));
  assert(written === await page());
  assert(written.length < 3e6, `${written.length}`);
  assert(!/(src|href)="?https?:/.test(written));
  assertEquals((await namesIn(out)).filter((name) => name.endsWith(".partial")), []);
  const { state, images, initial, latest, evaluations, steps, bad, leftOut } = await readPageData(
    new RunFiles(out),
  );
  assertEquals([state?.state, state?.step, state?.secondsLeft, state?.warnings.length], [
    "done",
    40,
    null,
    1,
  ]);
  assertEquals([images?.keys.length, initial?.step, latest?.step], [512, 0, 40]);
  assertEquals(images?.keys.slice(0, 3), ["2.jpg", "6.jpg", "10.jpg"]);
  assertEquals(images?.labels.slice(0, 3), [2, 0, 1]);
  assertEquals(evaluations.knn, { x: [10, 20, 30, 40], y: [0.26, 0.27, 0.28, 0.29] });
  assertEquals([evaluations.probe, evaluations.rankmeProjections.y.at(-1)], [undefined, 2.25]);
  assertEquals(
    steps.loss.y.map((y) => y!.toFixed(4)),
    Array.from({ length: 40 }, (_, i) => lossAt(i + 1).toFixed(4)),
  );
  assertEquals(bad, [{ reason: "it is cut off", count: 1, keys: ["bbbbbbbbb.jpg"] }]);
  assertEquals(leftOut.map(({ reason, count }) => [reason, count]), [[".txt", 4]]);
});

Deno.test("the page of changed data shows no neighbors of the images before", async () => {
  await using folder = await temporaryFolder();
  const keys = ["a.jpg", "b.jpg", "c.jpg"], others = ["b.jpg", "c.jpg", "d.jpg"];
  await writeRun(folder.path, { keys, outcome: { state: "stopped", message: "still going" } });
  const before = await readPageData(new RunFiles(folder.path));
  assertEquals([before.images?.keys, before.initial?.step, before.latest?.step], [keys, 0, 40]);
  assertEquals([before.state?.state, before.state?.secondsLeft], ["training", 120]);
  await writeRun(folder.path, { keys, lastKeys: others });
  const after = await readPageData(new RunFiles(folder.path));
  assertEquals([after.images?.keys, after.initial, after.latest?.step], [others, null, 40]);
});

Deno.test("a resumed run knows its collapse, unless that was after the checkpoint", async () => {
  await using folder = await temporaryFolder();
  const collapseOf = async (run: Parameters<typeof writeRun>[1]) => {
    await writeRun(folder.path, run);
    return (await readPageData(new RunFiles(folder.path))).state?.collapse?.step;
  };
  assertEquals(await collapseOf({ collapses: true }), 40);
  assertEquals(await collapseOf({ start: 40, steps: 50 }), 40);
  assertEquals(await collapseOf({ start: 30 }), undefined);
});

Deno.test("RunFiles reads new lines only, whole ones, and those of a run that went back", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "m.jsonl"), files = new RunFiles(folder.path);
  const read = async () => (await files.records<{ aB: number }>("m.jsonl")).map(({ aB }) => aB);
  assertEquals(await read(), []);
  await Deno.writeTextFile(path, '{"a_b":1}\n{"a_b":2}\n{"a_');
  assertEquals(await read(), [1, 2]);
  await Deno.writeTextFile(path, 'b":3}\n', { append: true });
  assertEquals(await read(), [1, 2, 3]);
  await Deno.writeTextFile(path, '{"a_b":1}\n');
  assertEquals(await read(), [1]);
  await Deno.writeTextFile(path, '{"a_b":4}\n', { append: true });
  assertEquals(await read(), [1, 4]);
  await Deno.writeTextFile(`${path}.partial`, '{"a_b":1}\n{"a_b":5}\n{"a_b":6}\n');
  await Deno.rename(`${path}.partial`, path);
  assertEquals(await read(), [1, 5, 6]);
});

Deno.test("writePage() refuses a folder without a run", async () => {
  await using folder = await temporaryFolder();
  await assertThrows(
    () => writePage(new RunFiles(folder.path)),
    UserError,
    /^Cannot show ".*": it holds no run/,
  );
  await Deno.writeTextFile(join(folder.path, "config.json"), "{}");
  await assertThrows(() => writePage(new RunFiles(folder.path)), UserError, /it holds no run/);
});
