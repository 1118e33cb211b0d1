/** Whole evaluations, small ones, of a small run. */
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import type { EvaluateOptions } from "../../src/config/evaluate_flags.ts";
import { UserError } from "../../src/base/errors.ts";
import { evaluate } from "../../src/eval/protocol.ts";
import type { EvaluationReport } from "../../src/eval/types.ts";
import { openEncoder, openRun } from "../../src/eval/evaluated_encoder.ts";
import { stratifiedSubset } from "../../src/eval/choices.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { openIndexed } from "../data/fixtures.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";

Deno.env.set("BYOL_CACHE", await Deno.makeTempDir({ prefix: "byol cache " }));
const quiet = { print() {} };
const folder = await Deno.makeTempDir(), run = join(folder, "run");
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** A run of two steps, which the tests share. */
let trained: Promise<number> | undefined;
function knnOfRun(): Promise<number> {
  return trained ??= pretrain({
    data: "shapes:160",
    limit: 120,
    holdout: 40,
    size: 16,
    hidden: 16,
    projection: 8,
    batch: 16,
    steps: 2,
    kernels: "default",
    out: run,
  }, quiet).then(({ summary }) => summary!.knn!.untrained);
}

const evaluated = async (given: EvaluateOptions) => {
  await knnOfRun();
  return await evaluate({ kernels: "default", probeEpochs: 10, ...given }, quiet);
};

const without = ({ rows }: EvaluationReport) => rows.map(({ confusion: _, perClass: __, ...rest }) => rest);

Deno.test(
  "evaluate: a run by its own data; what is written is what is returned, and the same each time",
  onGpu,
  async () => {
    const untrained = await knnOfRun(), lines: string[] = [];
    const report = await evaluate({ run, kernels: "default", probeEpochs: 10 }, {
      print: (line) => lines.push(line),
    });
    const { rows, counts, classes, paths } = report;
    assertEquals(rows.map(({ name }) => name), ["raw pixels", "untrained", "trained"]);
    assertEquals(counts, { train: 120, test: 40, bad: 0 });
    assertEquals(
      rows.map(({ knn }) => Object.keys(knn)),
      Array(3).fill(["20"]),
      "200 neighbours of 120 samples",
    );
    assertEquals(rows[1].knn[20], untrained, "the untrained encoder is not the one that the run began with");
    for (const { name, linear, rankme, confusion, perClass } of rows) {
      assertEquals([linear!.top5 !== null, rankme !== null], [classes.length > 5, name !== "raw pixels"]);
      const right = confusion!.reduce((sum, row, k) => sum + row[k], 0);
      assertEquals(right / 40, linear!.top1);
      assertEquals(confusion!.flat().reduce((a, b) => a + b), 40);
      assertEquals(perClass![0], confusion![0][0] / confusion![0].reduce((a, b) => a + b));
    }
    assertEquals(paths, [join(run, "confusion.svg"), join(run, "evaluation.json")]);
    assertEquals(JSON.parse(await Deno.readTextFile(paths[1])), report);
    assert((await Deno.readTextFile(paths[0])).startsWith("<svg "));
    const said = lines.join("\n");
    assert(/raw pixels +[\d.]+ % .*\nuntrained encoder .*\ntrained encoder /.test(said), said);
    assertEquals(without(await evaluated({ run, out: join(folder, "again") })), without(report));
  },
);

Deno.test(
  "evaluate: few labels, given neighbours, a file under torchvision's names, only the trained encoder",
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
      baselines: "no",
      probeViews: "none",
    };
    const given: EvaluateOptions = { ...common, encoder: file, out: join(folder, "file"), labels: 0.2 };
    await assertThrows(
      () => evaluated(given),
      UserError,
      /elsewhere.* as its backbone must be one of.*--backbone/,
    );
    const known = { backbone: "resnet8", stem: "cifar", size: 16, mean, std } as const;
    const report = await evaluated({ ...given, ...known });
    assertEquals(report.rows.map(({ name, linear, knn }) => [name, linear, Object.keys(knn)]), [
      ["trained", null, ["1", "3"]],
    ]);
    assertEquals([report.settings.labels, report.counts.train], [0.2, 20]);
    const own = await evaluated({
      ...common,
      encoder: join(run, "encoder.safetensors"),
      out: join(folder, "own"),
      labels: 0.2,
    });
    assertEquals(without(own), without(report), "what the metadata say is not what was given");
  },
);

/** How many Workers `work` starts on a machine of so many cores. */
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

Deno.test("evaluate: as many Workers decode as in training, one a core or as told", onGpu, async () => {
  await knnOfRun();
  const given: EvaluateOptions = {
    run,
    baselines: "no",
    probeViews: "none",
    out: join(folder, "workers"),
  };
  // One pass over the training samples, one over the others.
  assertEquals(await workersOf(3, () => evaluated(given)), 2 * 3);
  assertEquals(await workersOf(99, () => evaluated(given)), 2 * 8);
  assertEquals(await workersOf(3, () => evaluated({ ...given, workers: 1 })), 2);
});

Deno.test("someOfEach: as many of each class, drawn by the seed", () => {
  const labels = Int32Array.from({ length: 200 }, (_, i) => i < 4 ? 2 : i % 2);
  const rows = [...labels.keys()];
  const draw = (share: number, seed = 0) => stratifiedSubset(rows, { labels, classes: 3, share, seed });
  const counts = (chosen: number[]) => [0, 1, 2].map((k) => chosen.filter((row) => labels[row] === k).length);
  assertEquals(counts(draw(0.1)), [7, 7, 4]);
  assertEquals(counts(draw(0.001)), [1, 1, 1]);
  assertEquals(draw(1), rows);
  assertEquals(draw(0.1), draw(0.1));
  assert(`${draw(0.1)}` !== `${draw(0.1, 1)}`, "the seed makes no difference");
});

Deno.test("evaluate: crops, fine-tuning and maps", onGpu, async () => {
  const out = join(folder, "crops");
  const given = {
    run,
    out,
    probeViews: "crop",
    probeEpochs: 4,
    finetune: true,
    finetuneEpochs: 80,
    map: true,
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
    assertEquals(text.match(/<use /g)?.length, 40);
    for (const name of report.classes) {
      assert(text.includes(`>${name}</text>`), `${name} is not in the legend`);
    }
  }
  assertEquals(new Set(maps).size, 4, "maps are the same");
  assert(maps[0].includes("the trained encoder") && maps[3].includes("the untrained encoder"), "titles");
  const plain = await evaluated({ run, out, probeEpochs: 100, map: true });
  const [pixels, ...encoders] = rows.map(({ linear }) => JSON.stringify(linear));
  assertEquals(pixels, JSON.stringify(plain.rows[0].linear), "raw pixels have crops");
  encoders.forEach((linear, i) =>
    assert(linear !== JSON.stringify(plain.rows[i + 1].linear), "there are no crops")
  );
  assertEquals(await Deno.readTextFile(paths[2]), maps[1], "two maps of the same features differ");
});

Deno.test(
  "evaluate: an encoder of elsewhere on a run's images is not taken for the run's own",
  onGpu,
  async () => {
    await knnOfRun();
    const { tensors, metadata } = await readSafetensors(join(run, "encoder.safetensors"));
    const encoder = join(folder, "elsewhere.safetensors");
    await writeSafetensors(encoder, { tensors, metadata: { ...metadata, fingerprint: "other images" } });
    const own = await openEncoder({}, await openRun(run));
    const opened = await openEncoder({ encoder }, await openRun(run));
    assert(own.decodeSize > own.size && own.fingerprint !== null, "the run's own are as it has them");
    assertEquals([opened.decodeSize, opened.fingerprint], [own.decodeSize, own.fingerprint]);
    const large = join(folder, "large.safetensors");
    await writeSafetensors(large, { tensors, metadata: { ...metadata, size: "96" } });
    const { decodeSize, size } = await openEncoder({ encoder: large }, await openRun(run));
    assertEquals([decodeSize, size], [96, 96], "images would be shrunk below the views");
    const { rows } = await evaluated({
      run,
      encoder,
      out: join(folder, "of elsewhere"),
      k: [40, 5],
      probeViews: "none",
    });
    const votes = rows[2].confusion!.reduce((sum, row, k) => sum + row[k], 0);
    assertEquals(
      votes / 40,
      rows[2].knn[5],
      "the confusion is that of the fewest neighbours, as its title says",
    );
  },
);

const refused: [string, () => EvaluateOptions | Promise<EvaluateOptions>, RegExp][] = [
  ["no encoder", () => ({}), /without an encoder: add --run/],
  ["a folder without a run", () => ({ run: folder }), /config\.json must tell what it is/],
  [
    "an encoder without data",
    () => ({ encoder: join(run, "encoder.safetensors") }),
    /without --train .*--run DIR/,
  ],
  ["data to learn from alone", () => ({ run, train: "shapes:40" }), /without --test as/],
  [
    "more neighbours than there are",
    () => ({ run, k: [5, 121] }),
    /121 neighbours .* there are 120\. Lower --k/,
  ],
  ["a value out of range", () => ({ run, labels: 0 }), /labels = 0 as it must be a number above 0/],
  [
    "other classes",
    async () => ({ run, test: await images(["cat", "dog"]) }),
    /its classes must be .* found cat, dog/,
  ],
  [
    "one class",
    async () => ({ run, train: await images(["cat"]), test: "shapes:8" }),
    /at least two .* only cat/,
  ],
  [
    "images without labels",
    async () => ({ run, train: await images([""]), test: await images([""]) }),
    /at least two classes: found no labels/,
  ],
  [
    "data that are no longer the run's",
    () => ({ run: withOtherData() }),
    /held out as shapes has changed: expected the images that it learnt from/,
  ],
  [
    "data that are no longer the run's, for an encoder of elsewhere",
    () => ({ run: withOtherData(), encoder: join(run, "encoder.safetensors") }),
    /held out as shapes has changed: expected the images that it learnt from/,
  ],
];

/** A copy of the run whose data have changed. */
function withOtherData(): string {
  const copy = Deno.makeTempDirSync({ dir: folder });
  for (const name of ["encoder.safetensors", "recipe.json"]) {
    Deno.copyFileSync(join(run, name), join(copy, name));
  }
  const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
  Deno.writeTextFileSync(join(copy, "config.json"), JSON.stringify({ ...config, data: "shapes:200" }));
  return copy;
}

/** A folder with a few images of each class. */
async function images(classes: string[]): Promise<string> {
  const source = await openIndexed("shapes:8"), data = await Deno.makeTempDir({ dir: folder });
  for (const name of classes) {
    await Deno.mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 4; i++) {
      await Deno.writeFile(join(data, name, `${i}.jpg`), (await source.read(i)).bytes);
    }
  }
  return data;
}

for (const [what, given, message] of refused) {
  Deno.test(`evaluate: ${what}: refused, and nothing is written`, onGpu, async () => {
    const out = join(folder, "refused");
    await knnOfRun();
    await assertThrows(async () => await evaluated({ out, ...await given() }), UserError, message);
    assertEquals(await Deno.stat(out).catch(() => null), null);
  });
}
