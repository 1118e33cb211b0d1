/** What a program brings of its own: images, a recipe, a backbone, callbacks. */
import { join } from "node:path";
import type { IndexedSource } from "../../data/sources/types.ts";
import { recipes } from "../../data/views/recipe.ts";
import { UserError } from "../../src/base/errors.ts";
import type { EvaluationRecord, StepRecord } from "../../src/config/callbacks.ts";
import { evaluate } from "../../src/eval/protocol.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { openIndexed } from "../data/fixtures.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointOf, digestOf, evaluationLines, inFolder, quiet, tiny } from "./tiny_runs.ts";
import { records } from "./whole_runs.ts";

const short = { ...tiny, ...quiet, steps: 6 } as const;

/** A source of a program that notes whether it was closed. */
async function ownSource(): Promise<IndexedSource & { closed: number }> {
  const shapes = await openIndexed("shapes:120");
  const source = {
    kind: "indexed" as const,
    name: "my figures",
    classes: shapes.classes,
    fingerprint: "my figures 1",
    length: 120,
    closed: 0,
    key: (index: number) => `figure ${index}`,
    label: (index: number) => shapes.label(index),
    read: (index: number) => shapes.read(index),
    close: () => void source.closed++,
    [Symbol.asyncIterator]: () => shapes[Symbol.asyncIterator](),
  };
  return source;
}

Deno.test(
  "pretrain() trains on a program's source as on the same images by name, and leaves it open",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const [own, named] = [join(folder, "own"), join(folder, "named")], data = await ownSource();
      // The defaults of shapes, which other data does not get.
      const given = { ...short, recipe: "shapes", optimizer: "sgd", lr: 0.3, tau: 0.95 } as const;
      await pretrain({ ...given, out: named });
      const stop = new AbortController();
      const { step } = await pretrain({
        ...given,
        data,
        out: own,
        signal: stop.signal,
        onStep: () => stop.abort(),
      });
      assert(step >= 2 && step < 6, `stopped after step ${step}`);
      assertEquals(JSON.parse(await Deno.readTextFile(join(own, "config.json"))).data, null);
      await assertThrows(
        () => resume(own, quiet),
        UserError,
        /a source of a program.*resume\(folder, \{ data \}\)/,
      );
      const { summary } = await resume(own, { ...quiet, data });
      assert(summary?.knn, "there is no kNN figure");
      assertEquals(data.closed, 0);
      assertEquals(await records(own), await records(named));
      const [mine, theirs] = await Promise.all(
        [own, named].map(async (out) => (await loadCheckpoint(checkpointOf(out, 6))).tensors),
      );
      for (const [name, { data }] of theirs) assertEquals([...mine.get(name)!.data], [...data], name);
      const changed = { ...data, fingerprint: "my figures 2" };
      await Deno.remove(join(own, "summary.json"));
      await assertThrows(
        () => resume(own, { ...quiet, data: changed }),
        UserError,
        /my figures have changed/,
      );
    });
  },
);

Deno.test("pretrain() draws views by a recipe object, which the run keeps", onGpu, async () => {
  await inFolder(async (folder) => {
    const recipe = { ...recipes.shapes, name: "mine", views: [{ flip: 0.5 }, { grayscale: 1 }] } as const;
    const file = join(folder, "mine.json"), [byObject, byFile] = [join(folder, "a"), join(folder, "b")];
    await Deno.writeTextFile(file, JSON.stringify(recipe));
    await pretrain({ ...short, recipe, out: byObject });
    await pretrain({ ...short, recipe: file, out: byFile });
    assertEquals(await records(byObject), await records(byFile));
    for (const name of ["config.json", "recipe.json"]) {
      const content = JSON.parse(await Deno.readTextFile(join(byObject, name)));
      assertEquals((name === "config.json" ? content.recipe : content).views, recipe.views);
    }
    const { metadata } = await loadCheckpoint(checkpointOf(byObject, 6));
    assertEquals(metadata.recipe, JSON.parse(JSON.stringify(recipe)));
    assert((await resume(byObject, { ...quiet, recipe })).summary);
    await assertThrows(
      () => resume(byObject, { ...quiet, recipe: { ...recipe, views: [{}, {}] } }),
      UserError,
      /with the recipe "mine": it began with another one/,
    );
    const wrong = { ...recipe, views: [{ flip: 2 }, {}] } as const;
    await assertThrows(() => pretrain({ ...short, recipe: wrong }), UserError, /views\[0\]\.flip/);
  });
});

Deno.test(
  "pretrain() builds a backbone object, which evaluate() and resume() find in the files",
  onGpu,
  async () => {
    await inFolder(async (out) => {
      const backbone = { block: "bottleneck", layers: [1, 2], widths: [8, 12] } as const;
      const stop = new AbortController(), onStep = () => stop.abort();
      await pretrain({ ...short, backbone, stem: "imagenet", size: 16, out, onStep, signal: stop.signal });
      assertEquals(JSON.parse(await Deno.readTextFile(join(out, "config.json"))).backbone, backbone);
      await assertThrows(
        () => resume(out, { ...quiet, backbone: { ...backbone, widths: [8, 16] } }),
        UserError,
        /backbone = \{.*16\]\}: it began with \{.*12\]\}/,
      );
      assert((await resume(out, { ...quiet, backbone })).summary);
      const { tensors, metadata } = await readSafetensors(join(out, "encoder.safetensors"));
      assertEquals([metadata.backbone, metadata.stem], [JSON.stringify(backbone), "imagenet"]);
      assertEquals(tensors.get("conv1.weight")?.shape, [8, 3, 7, 7]);
      assertEquals(tensors.get("layer2.1.conv3.weight")?.shape, [48, 12, 1, 1]);
      const { rows } = await evaluate({
        run: out,
        k: 3,
        probeViews: "none",
        baselines: false,
        kernels: "default",
      });
      assert(rows[0].knn["3"] >= 0 && rows[0].knn["3"] <= 1);
      await Deno.remove(join(out, "encoder.safetensors"));
      const again = await evaluate({
        run: out,
        k: 3,
        probeViews: "none",
        baselines: false,
        kernels: "default",
      });
      assertEquals(again.rows[0].knn, rows[0].knn, "of the last checkpoint");
    });
  },
);

Deno.test("pretrain() calls back with the records that the files have", onGpu, async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "run"), plain = join(folder, "plain");
    const steps: StepRecord[] = [], evaluations: EvaluationRecord[] = [];
    await pretrain({
      ...short,
      evalEvery: 1,
      out,
      onStep: (record) => steps.push(record),
      onEvaluation: (record) => evaluations.push(record),
    });
    const text = await Deno.readTextFile(join(out, "metrics.jsonl"));
    assertEquals(steps.map(({ step }) => step), [2, 4, 6]);
    assertEquals(
      text.trimEnd().split("\n").map((line) => JSON.parse(line)),
      steps.map(({ imagesPerSecond, dataWait, zStd, gradNorm, targetCosine, ...same }) => ({
        ...same,
        images_per_second: imagesPerSecond,
        data_wait: dataWait,
        z_std: zStd,
        grad_norm: gradNorm,
        target_cosine: targetCosine,
      })),
    );
    assertEquals(
      (await evaluationLines(out)).map((line) => JSON.parse(line)),
      evaluations.map(({ rankmeProjections, zStd, neighborStability, verdictSince, ...same }) => ({
        ...same,
        rankme_projections: rankmeProjections,
        z_std: zStd,
        neighbor_stability: neighborStability,
        verdict_since: verdictSince,
      })),
    );
    await pretrain({ ...short, evalEvery: 1, out: plain });
    assertEquals(await digestOf(checkpointOf(out, 6)), await digestOf(checkpointOf(plain, 6)));
  });
});
