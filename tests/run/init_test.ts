/** Runs that start from weights instead of drawn ones. */
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { createNetworks } from "../../src/byol/networks.ts";
import { evaluate } from "../../src/eval/protocol.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { backbones } from "../../src/nn/backbones.ts";
import { initialValues } from "../../src/run/initial_weights.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { settingsOf } from "../../src/run/resumed_run.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointOf, inFolder, quiet, tiny } from "./tiny_runs.ts";

const short = { ...tiny, ...quiet, steps: 2 } as const;
const { backbone: _, ...others } = short;

Deno.test("pretrain() starts from a run's encoder, and evaluate() compares with it", onGpu, async () => {
  await inFolder(async (folder) => {
    const [first, second] = ["first", "second"].map((name) => join(folder, name));
    const before = await pretrain({ ...short, out: first });
    const lines: string[] = [];
    // The backbone is that of the weights, not the default one of other data. With a rate of almost 0 they stay.
    const after = await pretrain({
      ...others,
      init: first,
      lr: 1e-12,
      out: second,
      log: (line) => void lines.push(line),
    });
    assertEquals(after.summary!.knn!.untrained, before.summary!.knn!.trained);
    assert(lines.some((line) => /^kNN before training: .*, initial /.test(line)), lines.join("\n"));
    const read = async (path: string) => (await readSafetensors(path)).tensors;
    const given = await read(join(first, "encoder.safetensors"));
    const kept = await read(join(second, "initial.safetensors"));
    const trained = await read(join(second, "encoder.safetensors"));
    assertEquals([...kept.keys()], [...given.keys()]);
    for (const [name, { data }] of given) {
      assertClose(name, kept.get(name)!.data, data, {});
      if (!name.includes("running")) assertClose(name, trained.get(name)!.data, data, { absolute: 1e-6 });
    }
    // The target began as a copy.
    const { tensors } = await loadCheckpoint(checkpointOf(second, 2));
    assertClose(
      "target",
      tensors.get("target.backbone.conv1.weight")!.data,
      given.get("conv1.weight")!.data,
      {
        absolute: 1e-6,
      },
    );
    const crops = { run: second, probeViews: "crop", probeEpochs: 1, k: 5, ...quiet } as const;
    const { rows } = await evaluate(crops);
    assertEquals(rows.map(({ name }) => name), ["raw pixels", "untrained", "initial", "trained"]);
    const encoder = join(first, "encoder.safetensors"),
      alone = { encoder, baselines: false, out: join(folder, "alone") };
    assertEquals(
      (await evaluate({ ...crops, ...alone })).rows[0].linear,
      rows[2].linear,
      "crops of other weights",
    );
    assert(rows[2].knn[5] !== rows[1].knn[5] || rows[2].rankme !== rows[1].rankme);
  });
});

Deno.test(
  "pretrain() normalizes images as the weights had them, unless the recipe is the user's own",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const out = join(folder, "a"), file = join(folder, "encoder.safetensors");
      await pretrain({ ...short, steps: 1, out });
      const { tensors, metadata } = await readSafetensors(join(out, "encoder.safetensors"));
      const mean = "[0.4,0.5,0.6]", std = "[0.1,0.2,0.3]";
      await writeSafetensors(file, { tensors, metadata: { ...metadata, mean, std } });
      const recipeOf = async (name: string) =>
        JSON.parse(await Deno.readTextFile(join(folder, name, "recipe.json")));
      await pretrain({ ...others, steps: 1, init: file, out: join(folder, "b") });
      const own = await recipeOf("b");
      assertEquals([own.mean, own.std], [[.4, .5, .6], [.1, .2, .3]]);
      const recipe = { ...own, name: "mine", mean: [.5, .5, .5] };
      await pretrain({ ...others, steps: 1, init: file, recipe, out: join(folder, "c") });
      assertEquals((await recipeOf("c")).mean, [.5, .5, .5]);
    });
  },
);

Deno.test(
  "pretrain() refuses weights of another backbone or stem, and tells which they are",
  onGpu,
  async () => {
    await inFolder(async (folder) => {
      const out = join(folder, "a");
      await pretrain({ ...short, steps: 1, out });
      const init = join(out, "encoder.safetensors"), no = join(folder, "no");
      for (const other of [{ backbone: "resnet20" }, { stem: "imagenet" }] as const) {
        await assertThrows(
          () => pretrain({ ...others, ...other, init, out: no }),
          UserError,
          /Give --backbone resnet8 --stem cifar/,
        );
      }
      await assertThrows(
        () => pretrain({ ...others, init: join(folder, "gone"), out: no }),
        UserError,
        /gone/,
      );
    });
  },
);

Deno.test("settingsOf() names weights by their path, or by their address without what is secret", async () => {
  const init = async (init: string) => (await settingsOf({ init })).init;
  assertEquals(await init("w.pth"), join(Deno.cwd(), "w.pth"));
  assertEquals(await init("https://me:pw@h.org:81/w.pth?X-Amz-Signature=1"), "https://h.org:81/w.pth");
  assertEquals(await init("hf://me/net@v1/w.pth"), "hf://me/net@v1/w.pth");
});

Deno.test("initialValues() takes heads that fit, and leaves others to be drawn", () => {
  const architecture = { backbone: backbones.resnet8, stem: "cifar", hidden: 8, projection: 4 } as const;
  const { network } = createNetworks(architecture).online;
  const variables = [...network.parameters.variables, ...network.statistics.variables];
  const heads = new Map(
    variables.filter(({ name }) => /^(projector|predictor)/.test(name)).map(({ name, layout }) => {
      const shape = layout.torchShape, data = new Float32Array(shape.reduce((a, b) => a * b)).fill(2);
      return [name, { shape, data }];
    }),
  );
  const conv1 = { shape: [16, 3, 3, 3], data: new Float32Array(432).fill(1) };
  heads.set("predictor.3.weight", { shape: [4, 7], data: new Float32Array(28) });
  const values = initialValues({ tensors: new Map([["conv1.weight", conv1]]), heads }, network);
  assertEquals(values.get("backbone.conv1.weight"), conv1);
  assertEquals(values.get("projector.0.weight")?.data[0], 2);
  assertEquals(values.get("projector.1.running_var")?.data[0], 2);
  assertEquals([...values.keys()].filter((name) => name.startsWith("predictor")), []);
});
