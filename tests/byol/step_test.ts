/**
 * The whole training step against PyTorch: ten steps from the same weights and views. The tolerance comes from PyTorch, whose
 * float32 was measured against its float64 on the same steps.
 */
import { assert, assertNone, relativeError } from "../assert.ts";
import { readGolden, type StepMetadata } from "../golden/read.ts";
import { assertGroups } from "./torch_groups.ts";
import { FAMILIES, onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import type { ChoosingProfile } from "../../src/graph/kernel_choice.ts";
import { gradientDifference, replay } from "../../src/inspect/doctor/torch_replay.ts";

const nets = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] },
  bottleneck: { block: "bottleneck", layers: [1, 1], widths: [16, 32] },
  convnext: { block: "convnext", layers: [1, 1], widths: [16, 32] },
} as const;

/** Takes the steps of the golden file step_<net>_<name>; `name` is an optimizer or an objective. */
async function tenSteps(
  net: keyof typeof nets,
  name: "sgd" | "lars" | "simclr" | "mixed",
  target: ChoosingProfile,
) {
  const golden = await readGolden<StepMetadata>(`step_${net}_${name}`);
  const { losses, losses_float32 } = golden.metadata;
  const { predictor = true, target: hasTarget = true, beta = 0, temperature = 0.1 } = golden.metadata;
  const steps = replay({
    metadata: golden.metadata,
    architecture: { backbone: nets[net], stem: "cifar", hidden: 48, projection: 24 },
    objective: { predictor, target: hasTarget ? "ema" : "shared", negatives: beta, temperature },
    optimizer: name === "lars" ? "lars" : "sgd",
    target,
  });
  const { losses: ours, gradients, groups } = await steps.run(await sharedGpu(), 10);
  // The first gradients do not depend on the optimizer: they are in the files of SGD.
  if (name !== "lars") assertNone(gradientDifference(gradients, golden));

  const firstError = Math.abs(ours[0] - losses[0]) / losses[0];
  assert(firstError < 1e-5, `first loss ${ours[0]}, expected ${losses[0]}`);
  // The ten losses are taken as one vector, like the other groups.
  const [error, allowed] = [relativeError(ours, losses), 3 * relativeError(losses_float32, losses)];
  assert(error <= allowed, `losses ${ours} are off by ${error}, allowed are ${allowed}; expected ${losses}`);

  assertGroups(groups, golden);
}

/**
 * With the tiled convolutions, the defaults on a discrete GPU: unsplit, and split into partial sums. They need no bound of
 * their own: of three times PyTorch's float32 error, the unsplit ones use at most 1.33 / 3, the split ones 1.71 / 3
 * (lavapipe, all cases). With them come the sums over rows of a hardware adapter.
 */
const FAMILIES_OF_A_STEP = [...FAMILIES, "tiled-128x128", "tiled-64x64", "tiled-64x64 split"];

for (const net of ["resnet8", "bottleneck", "convnext"] as const) {
  for (const rule of ["sgd", "lars"] as const) {
    Deno.test(`replay() of ten steps of ${net} with ${rule} agrees with PyTorch`, onGpu, async () => {
      for (const target of await targets(FAMILIES_OF_A_STEP)) {
        await tenSteps(net, rule, target);
      }
    });
  }
}

for (const objective of ["simclr", "mixed"] as const) {
  Deno.test(
    `replay() of ten steps of resnet8 with the ${objective} loss agrees with PyTorch`,
    onGpu,
    async () => {
      for (const target of await targets(FAMILIES_OF_A_STEP)) await tenSteps("resnet8", objective, target);
    },
  );
}
