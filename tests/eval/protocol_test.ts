/** Whole evaluations, small ones, of a small run. */
import { join } from "node:path";
import { decodeForEvaluation } from "../../data/decode_usable.ts";
import { openSource } from "../../data/sources/open.ts";
import { toCamelCase } from "../../src/io/snake_case.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { UserError } from "../../src/base/errors.ts";
import { drawConfusion, drawEvaluation } from "../../src/eval/draw_evaluation.ts";
import { formatEvaluation } from "../../src/eval/format_evaluation.ts";
import { stratifiedSubset } from "../../src/eval/labels.ts";
import { openEncoder, openRun } from "../../src/eval/open_encoder.ts";
import { type EvaluateOptions, type EvaluationReport, PROTOCOL_VERSION } from "../../src/eval/types.ts";
import { evaluationJson } from "../../src/eval/write_evaluation.ts";
import { assert, assertClose, assertEquals, assertThrows, relativeError } from "../assert.ts";
import { openIndexed, png } from "../data/fixtures.ts";
import { halfTest, onGpu } from "../gpu/shared.ts";
import { textBoxes } from "../plots/text_boxes.ts";
import { evaluated, folder, knnOfRun, run } from "./shared_run.ts";

const without = ({ rows }: EvaluationReport) => rows.map(({ confusion: _, perClass: __, ...rest }) => rest);

Deno.test(
  "evaluate() scores a run on its own data, writes its report, and gives the same each time",
  onGpu,
  async () => {
    const untrained = await knnOfRun(), lines: string[] = [];
    const report = await evaluated({ run, draw: drawConfusion, log: (line) => lines.push(line) });
    const { rows, counts, classes, paths } = report;
    assertEquals(rows.map(({ name }) => name), ["raw pixels", "untrained", "trained"]);
    assertEquals(counts, { train: 120, test: 40, bad: 0, leftOut: 0 });
    assertEquals(
      rows.map(({ knn }) => Object.keys(knn)),
      Array(3).fill(["20"]),
      "200 neighbors of 120 samples",
    );
    assertEquals(rows[1].knn[20], untrained, "the untrained encoder is not the one the run started from");
    for (const { name, linear, rankme, confusion, perClass } of rows) {
      assertEquals([linear!.top5 !== null, rankme !== null], [classes.length > 5, name !== "raw pixels"]);
      const right = confusion!.reduce((sum, row, k) => sum + row[k], 0);
      assertEquals(right / 40, linear!.top1);
      assertEquals(confusion!.flat().reduce((a, b) => a + b), 40);
      assertEquals(perClass![0], confusion![0][0] / confusion![0].reduce((a, b) => a + b));
    }
    assertEquals(paths, [join(run, "confusion.svg"), join(run, "evaluation.json")]);
    const written = JSON.parse(await Deno.readTextFile(paths[1]));
    assertEquals(written, evaluationJson(report));
    assertEquals(toCamelCase(written), report);
    const keys = JSON.stringify(written).match(/"[A-Za-z_]+":/g)!;
    assertEquals(keys.filter((key) => /[A-Z]/.test(key)), [], "keys are not in snake case");
    const { probe_views, probe_epochs } = written.settings;
    assertEquals([probe_views, probe_epochs, written.rows[0].per_class], ["cached", 10, rows[0].perClass]);
    assert((await Deno.readTextFile(paths[0])).startsWith("<svg "));
    assert(
      lines.some((line) =>
        /^Evaluating .*encoder\.safetensors on .*: 160 images in 10 classes from shapes: 120 to learn from, 40 to test on \(10 classes\)$/
          .test(line)
      ),
      lines.join("\n"),
    );
    const table = formatEvaluation(report);
    assert(/raw pixels +[\d.]+ % .*\nuntrained encoder .*\ntrained encoder /.test(table), table);
    const again = await evaluated({ run, out: join(folder, "again") });
    assertEquals(without(again), without(report));
    assertEquals(again.paths, [join(folder, "again", "evaluation.json")]);
  },
);

Deno.test(
  "evaluate() takes a file under torchvision's names, some of the labels, given k, and no baselines",
  onGpu,
  async () => {
    await knnOfRun();
    const { tensors, metadata } = await readSafetensors(join(run, "encoder.safetensors"));
    const file = join(folder, "elsewhere.safetensors");
    tensors.set("fc.weight", { shape: [2, 64], data: new Float32Array(128) });
    await writeSafetensors(file, { tensors });
    const [mean, std] = [metadata.mean, metadata.std].map((text) => JSON.parse(text) as number[]);
    const common: EvaluateOptions = {
      train: "shapes:120",
      test: "shapes:40",
      k: [1, 3],
      baselines: false,
      probeViews: "none",
    };
    const given: EvaluateOptions = { ...common, encoder: file, out: join(folder, "file"), labels: 0.2 };
    await assertThrows(
      () => evaluated({ ...given, backbone: "resnet18" }),
      UserError,
      /elsewhere.*Give --backbone resnet8 --stem cifar/,
    );
    const known = { backbone: "resnet8", stem: "cifar", size: 16, mean, std } as const;
    const report = await evaluated({ ...given, ...known });
    assertEquals(report.rows.map(({ name, linear, knn }) => [name, linear, Object.keys(knn)]), [
      ["trained", null, ["1", "3"]],
    ]);
    assertEquals([report.settings.labels, report.counts.train], [0.2, 20]);
    assert(
      report.warnings.length === 1 && /^\d+ of the 40 test images are also among/.test(report.warnings[0]),
      `${report.warnings}`,
    );
    const own = await evaluated({
      ...common,
      encoder: join(run, "encoder.safetensors"),
      out: join(folder, "own"),
      labels: 0.2,
    });
    assertEquals(without(own), without(report), "the metadata and the options differ");
  },
);

Deno.test(
  "evaluate() enlarges images smaller than the view, or leaves them out and counts them",
  onGpu,
  async () => {
    await knnOfRun();
    const small = join(folder, "small"), shapes = await openIndexed("shapes:40");
    for (let i = 0; i < 40; i++) {
      const { bytes, label } = await shapes.read(i), path = join(small, shapes.classes[label!]);
      await Deno.mkdir(path, { recursive: true });
      // Every fifth image is 20 px wide and high.
      const { data, width } = await decodeForEvaluation(bytes, { size: i % 5 ? 32 : 20 });
      await Deno.writeFile(
        join(path, `${i}.png`),
        png({ data, width, height: width } as unknown as ImageData),
      );
    }
    const given: EvaluateOptions = {
      run,
      train: "shapes:60",
      test: small,
      baselines: false,
      probeViews: "none",
      size: 48,
    };
    const all = await evaluated({ ...given, out: join(folder, "enlarged") });
    assertEquals(all.counts, { train: 60, test: 40, bad: 0, leftOut: 0 });
    const lines: string[] = [];
    const some = await evaluated({
      ...given,
      minSide: 21,
      out: join(folder, "left out"),
      log: (line) => lines.push(line),
    });
    assertEquals(some.counts, { train: 60, test: 32, bad: 0, leftOut: 8 });
    assert(/60 labeled images to learn from, 32 to test on, 8 left out/.test(formatEvaluation(some)));
    const named = lines.filter((line) =>
      /^Left out \w+\/\d+\.png: its 20×20 pixels are below the minimum side of 21\./.test(line)
    );
    assertEquals(named.length, 5, lines.join("\n"));
  },
);

/** Number of Workers that `work` starts on a machine with so many cores. */
async function workersOf(cores: number, work: () => Promise<unknown>): Promise<number> {
  const { Worker } = globalThis;
  let started = 0;
  globalThis.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started++;
    }
  };
  Object.defineProperty(navigator, "hardwareConcurrency", { value: cores, configurable: true });
  try {
    await work();
  } finally {
    globalThis.Worker = Worker;
    delete (navigator as { hardwareConcurrency?: number }).hardwareConcurrency;
  }
  return started;
}

Deno.test("evaluate() starts one Worker per core, at most 8, or as given", onGpu, async () => {
  await knnOfRun();
  const given: EvaluateOptions = {
    run,
    baselines: false,
    probeViews: "none",
    out: join(folder, "workers"),
  };
  // A pass over the training samples, and one over the test samples.
  assertEquals(await workersOf(3, () => evaluated(given)), 2 * 3);
  assertEquals(await workersOf(99, () => evaluated(given)), 2 * 8);
  assertEquals(await workersOf(3, () => evaluated({ ...given, workers: 1 })), 2);
});

Deno.test("stratifiedSubset() takes equally many per class, drawn by the seed", () => {
  const labels = Int32Array.from({ length: 200 }, (_, i) => i < 4 ? 2 : i % 2);
  const rows = Uint32Array.from(labels.keys());
  const draw = (share: number, seed = 0) => [...stratifiedSubset(rows, { labels, share, seed })];
  const counts = (chosen: number[]) => [0, 1, 2].map((k) => chosen.filter((row) => labels[row] === k).length);
  assertEquals(counts(draw(0.1)), [7, 7, 4]);
  assertEquals(counts(draw(0.001)), [1, 1, 1]);
  assertEquals(draw(1), [...rows]);
  assertEquals(draw(0.1), draw(0.1));
  assert(`${draw(0.1)}` !== `${draw(0.1, 1)}`, "the seed makes no difference");
});

halfTest("evaluate() in mixed precision scores the features of float32 but for their rounding", async () => {
  const options = { run, baselines: false, probeViews: "none" } as const, features: Float32Array[] = [];
  const evaluatedIn = (precision: "f32" | "mixed") =>
    evaluated({
      ...options,
      out: join(folder, precision),
      precision,
      draw({ features: sets }) {
        features.push(sets.get("trained")!.features);
        return {};
      },
    });
  const f32 = await evaluatedIn("f32"), mixed = await evaluatedIn("mixed");
  assertEquals([f32.settings.precision, mixed.settings.precision], [undefined, "mixed"]);
  const dims = features[0].length / f32.counts.test, error = relativeError(features[1], features[0]);
  assert(dims % 1 === 0 && error > 0 && error < .01, `features of ${dims} numbers are off by ${error}`);
  // Of 40 test images, one or two may lie between classes.
  for (const [k, accuracy] of Object.entries(f32.rows[0].knn)) {
    assert(
      Math.abs(mixed.rows[0].knn[k] - accuracy) <= .05,
      `kNN with ${k} neighbors: ${mixed.rows[0].knn[k]}`,
    );
  }
});

Deno.test("evaluate() learns from crops, fine-tunes, and draws maps", onGpu, async () => {
  const out = join(folder, "crops");
  const given = {
    run,
    out,
    probeViews: "crop",
    probeEpochs: 4,
    finetune: true,
    finetuneEpochs: 80,
    finetuneLr: 0.1,
    draw: drawEvaluation,
  } as const;
  const report = await evaluated(given);
  const { finetuned, rows, paths } = report;
  assertEquals([finetuned!.epochs, finetuned!.lr], [80, 0.1 * 2 * 64 / 256]);
  assert(finetuned!.top1 > 2 / report.classes.length, `${finetuned!.top1} after fine-tuning`);
  assertEquals(paths.map((path) => path.slice(out.length + 1)), [
    "confusion.svg",
    "map_pca.svg",
    "map_umap.svg",
    "map_pca_untrained.svg",
    "map_umap_untrained.svg",
    "evaluation.json",
  ]);
  const maps = await Promise.all(paths.slice(1, 5).map((path) => Deno.readTextFile(path)));
  for (const text of maps) {
    const groups = text.match(/<g [^>]*fill-opacity[^>]*>.*?<\/g>/g)!;
    assertEquals(groups.flatMap((group) => group.match(/<(circle|path) /g)!).length, 40);
    const texts = textBoxes(text).map(({ text }) => text);
    for (const name of report.classes) assert(texts.includes(name), `${name} is not in the legend`);
  }
  assertEquals(new Set(maps).size, 4, "maps are the same");
  assert(maps[0].includes("the trained encoder") && maps[3].includes("the untrained encoder"), "titles");
  const plain = await evaluated({ run, out, probeEpochs: 100, draw: drawEvaluation });
  const [pixels, ...encoders] = rows.map(({ linear }) => JSON.stringify(linear));
  assertEquals(pixels, JSON.stringify(plain.rows[0].linear), "raw pixels have no crops");
  encoders.forEach((linear, i) =>
    assert(linear !== JSON.stringify(plain.rows[i + 1].linear), "there are no crops")
  );
  assertEquals(await Deno.readTextFile(paths[2]), maps[1], "two maps of the same features differ");
});

Deno.test(
  "openEncoder() gives an encoder from elsewhere the run's fingerprint, and a size of its own",
  onGpu,
  async () => {
    await knnOfRun();
    const { tensors, metadata } = await readSafetensors(join(run, "encoder.safetensors"));
    const encoder = join(folder, "elsewhere.safetensors");
    await writeSafetensors(encoder, { tensors, metadata: { ...metadata, fingerprint: "other images" } });
    const own = await openEncoder({}, await openRun(run));
    const opened = await openEncoder({ encoder }, await openRun(run));
    assert(own.fingerprint !== null, "the run's own encoder has the run's fingerprint");
    assertEquals([opened.size, opened.fingerprint], [own.size, own.fingerprint]);
    const large = join(folder, "large.safetensors");
    await writeSafetensors(large, { tensors, metadata: { ...metadata, size: "96" } });
    const { size } = await openEncoder({ encoder: large }, await openRun(run));
    assertEquals(size, 96);
    const { rows } = await evaluated({
      run,
      encoder,
      out: join(folder, "from elsewhere"),
      k: [40, 5],
      probeViews: "none",
    });
    const votes = rows[2].confusion!.reduce((sum, row, k) => sum + row[k], 0);
    assertEquals(
      votes / 40,
      rows[2].knn[5],
      "the confusion matrix is not that of the fewest neighbors",
    );
  },
);

Deno.test("evaluate() takes open sources, and leaves them open", onGpu, async () => {
  const train = await openSource("shapes:120"), test = await openSource("shapes:40");
  let closed = 0;
  for (const source of [train, test]) source.close = () => void closed++;
  const options: EvaluateOptions = {
    run,
    baselines: false,
    probeViews: "none",
    out: join(folder, "sources"),
  };
  const report = await evaluated({ ...options, train, test });
  assertEquals(closed, 0);
  assertEquals([report.counts.train, report.counts.test, report.settings.train], [120, 40, train.name]);
  const named = await evaluated({ ...options, train: "shapes:120", test: "shapes:40" });
  assertEquals(without(report), without(named));
});

Deno.test("evaluate() ends with the reason of its signal, and writes nothing", onGpu, async () => {
  const out = join(folder, "aborted"), signal = AbortSignal.abort(new Error("enough"));
  await assertThrows(() => evaluated({ run, out, signal }), Error, /enough/);
  assertEquals(await Deno.stat(out).catch(() => null), null);
});

Deno.test("evaluate() searches the rate of fine-tuning on held-back images", onGpu, async () => {
  const out = join(folder, "fine-tuned");
  const { finetuned, settings } = await evaluated({
    ...{ run, out, baselines: false, probeViews: "none", finetune: true, finetuneEpochs: 1 },
  });
  const { lr, sweep } = finetuned!, paper = [.005, .01, .02, .05, .1].map((rate) => rate / 2);
  assertEquals(paper.filter((rate) => !sweep.some((tried) => tried.lr === rate)), []);
  const best = Math.max(...sweep.map(({ top1 }) => top1));
  assertEquals(sweep.find((tried) => tried.lr === lr)?.top1, best);
  // 24 of 120 images were held back.
  for (const { top1 } of sweep) {
    assertClose("images", [top1 * 24], [Math.round(top1 * 24)], { absolute: 1e-9 });
  }
  assertEquals(settings.protocol, PROTOCOL_VERSION);
});

Deno.test("formatEvaluation() has a line per row, and columns for the scores that there are", () => {
  const row = (name: EvaluationReport["rows"][number]["name"], knn: number, top1: number | null) => ({
    name,
    knn: { "5": knn, "20": knn / 2 },
    linear: top1 === null ? null : { top1, top5: null, lr: 1 },
    rankme: null,
    perClass: [],
    confusion: [],
    topConfusions: null,
  });
  const report = {
    rows: [row("raw pixels", 0.5, 0.25), row("trained", 1, 0.75)],
    finetuned: { top1: 0.875, top5: 1, lr: 0.1, epochs: 3 },
    settings: { protocol: 2 },
    classes: ["a", "b"],
    warnings: ["3 of the 3 test images …", "2 of …"],
    counts: { train: 12, test: 3, bad: 0 },
  } as unknown as EvaluationReport;
  assertEquals(formatEvaluation(report).split("\n"), [
    "2 classes, 12 labeled images to learn from, 3 to test on; protocol 2: linear on standardized features",
    "                    kNN k=5  kNN k=20  linear top-1    top-5",
    "raw pixels           50.0 %    25.0 %        25.0 %",
    "trained encoder     100.0 %    50.0 %        75.0 %",
    "fine-tuned encoder                           87.5 %  100.0 %",
    "Warning: 3 of the 3 test images …",
    "Warning: 2 of …",
  ]);
  const plain = {
    ...report,
    warnings: [],
    rows: [row("trained", 1, null)],
    finetuned: null,
  } as EvaluationReport;
  assertEquals(formatEvaluation(plain).split("\n").slice(1), [
    "                 kNN k=5  kNN k=20",
    "trained encoder  100.0 %    50.0 %",
  ]);
});
