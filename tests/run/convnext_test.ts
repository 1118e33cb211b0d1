/** Whole runs of a backbone without batch normalization. */
import { join } from "node:path";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { evaluate } from "../../src/eval/protocol.ts";
import { pretrain } from "../../src/run/pretrain.ts";
import { resume } from "../../src/run/resume.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu } from "../gpu/shared.ts";
import { checkpointOf, digestOf, inFolder, quiet, tiny } from "./tiny_runs.ts";

const backbone = { block: "convnext", layers: [1, 1], widths: [8, 16] } as const;
const run = { ...tiny, ...quiet, backbone, size: 16, steps: 6, evalEvery: 1 } as const;

Deno.test("pretrain(), resume() and evaluate() work with a ConvNeXt", onGpu, async () => {
  await inFolder(async (folder) => {
    const [whole, halted] = ["whole", "halted"].map((name) => join(folder, name));
    await pretrain({ ...run, out: whole });
    const stop = new AbortController();
    await pretrain({ ...run, out: halted, onStep: () => stop.abort(), signal: stop.signal });
    assert((await resume(halted, quiet)).summary);
    assertEquals(await digestOf(checkpointOf(halted, 6)), await digestOf(checkpointOf(whole, 6)));

    const { tensors, metadata } = await readSafetensors(join(whole, "encoder.safetensors"));
    assertEquals(metadata.backbone, JSON.stringify(backbone));
    assertEquals(tensors.get("features.3.0.layer_scale")?.shape, [16, 1, 1]);
    assertEquals(tensors.get("classifier.0.weight")?.shape, [16]);
    assert(![...tensors.keys()].some((name) => name.includes("running")), "it has running statistics");
    const state = await loadCheckpoint(checkpointOf(whole, 6));
    assert([...state.tensors.values()].every(({ data }) => data.every(Number.isFinite)));
    const undecayed = state.metadata.undecayed as string[];
    for (const name of ["1.0.layer_scale", "1.0.block.0.bias", "1.0.block.2.weight", "2.1.bias"]) {
      assert(undecayed.includes(`backbone.features.${name}`), `${name} decays`);
    }
    assert(!undecayed.includes("backbone.features.1.0.block.0.weight"), "depthwise weights do not decay");

    const finetuning = { finetune: true, finetuneEpochs: 1, finetuneLr: .1 } as const;
    const { rows, finetuned } = await evaluate({
      run: whole,
      k: 3,
      probeViews: "none",
      kernels: "default",
      ...finetuning,
    });
    for (const { knn } of rows) assert(knn["3"] >= 0 && knn["3"] <= 1);
    assert(finetuned && finetuned.top1 >= 0 && finetuned.epochs === 1);
    const other = {
      run: whole,
      encoder: join(whole, "encoder.safetensors"),
      backbone: "convnext_tiny",
      size: 8,
    } as const;
    await assertThrows(() => evaluate(other), UserError, /on images of 8 pixels: .* Give --size 16 or more/);
  });
});

Deno.test("pretrain() refuses views that are too small for a ConvNeXt", async () => {
  await assertThrows(
    () => pretrain({ ...run, backbone: "convnext_tiny", size: 24, stem: "imagenet" }),
    UserError,
    /^Cannot use the backbone convnext_tiny on images of 24 pixels: with the stem imagenet its last stage has a pixel from 32 on\. Give --size 32 or more, or --stem cifar\.$/,
  );
});
