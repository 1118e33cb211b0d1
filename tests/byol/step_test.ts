/**
 * The whole training step against PyTorch: ten steps from the same weights and views. What float32 may lose is taken
 * from PyTorch itself, whose float32 was measured against its float64 on the same steps.
 */
import { assert, assertEquals, relativeError } from "../assert.ts";
import { goldenViews, initialParameter, readGolden, type StepMetadata } from "../golden/read.ts";
import { FAMILIES, onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { createNetworks } from "../../src/byol/networks.ts";
import type { Objective } from "../../src/byol/objective.ts";
import { RING_FIGURES, traceStep } from "../../src/byol/step.ts";
import { Memory } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import type { Target } from "../../src/graph/target.ts";
import { tensorIn } from "../../src/graph/tensor.ts";
import type { FlatStore } from "../../src/nn/parameters.ts";
import { packWeights, unpackWeights } from "../../src/nn/weights.ts";
import { createOptimizer, packStep } from "../../src/optim/optimizer.ts";

const nets = {
  resnet8: { block: "basic", layers: [1, 1, 1], widths: [16, 32, 64] },
  bottleneck: { block: "bottleneck", layers: [1, 1], widths: [16, 32] },
} as const;

/** [2, N, S, S, 3] with a fourth channel of zeros. */
function padChannels(views: Float32Array): Float32Array<ArrayBuffer> {
  const padded = new Float32Array(views.length / 3 * 4);
  for (let i = 0; i < views.length / 3; i++) padded.set(views.subarray(3 * i, 3 * i + 3), 4 * i);
  return padded;
}

/** Takes the steps of the golden file step_<net>_<name>, whose name is that of the optimizer or of an objective. */
async function tenSteps(
  net: keyof typeof nets,
  name: "sgd" | "lars" | "simclr" | "mixed",
  target: Target,
) {
  const golden = await readGolden<StepMetadata>(`step_${net}_${name}`);
  const { batch, size, lr, tau, mu, decay, losses, losses_float32, errors } = golden.metadata;
  const { predictor = true, target: hasTarget = true, beta = 0, temperature = 0.1 } = golden.metadata;
  const objective: Objective = {
    predictor,
    target: hasTarget ? "ema" : "shared",
    negatives: beta,
    temperature,
  };
  const gpu = await sharedGpu();
  using memory = new Memory(gpu);
  const networks = createNetworks(
    { backbone: nets[net], stem: "cifar", hidden: 48, projection: 24 },
    objective,
  );
  const online = networks.online.network, follower = networks.target?.network ?? null;
  const optimizer = createOptimizer({ online, target: follower }, {
    name: name === "lars" ? "lars" : "sgd",
    maxBinding: gpu.limits.maxBinding,
  });
  const step = traceStep(networks, { batch, size, optimizer, target, objective });
  using program = new Program(memory, step);

  for (const { parameters, statistics } of follower ? [online, follower] : [online]) {
    const initial = (flat: FlatStore) =>
      packWeights(flat, (name, i) => initialParameter(name, flat.variables[i].layout.torchShape));
    memory.write(parameters.store, initial(parameters));
    memory.write(
      statistics.store,
      packWeights(statistics, (name, i) => {
        return new Float32Array(statistics.variables[i].layout.shape[0]).fill(name.endsWith("var") ? 1 : 0);
      }),
    );
  }
  optimizer.prepare(memory);

  const read = async (flat: FlatStore, prefix: string, store = flat.store) =>
    unpackWeights(flat, {
      content: await memory.read(tensorIn(store, { shape: [store.bytes / 4] }).region!),
      prefix,
    });

  for (let k = 0; k < 10; k++) {
    memory.write(step.views, padChannels(goldenViews({ ...golden.metadata }, k)));
    memory.write(
      step.scalars,
      packStep({ lr: lr[k], momentum: mu, weightDecay: decay, tau: tau[k], slot: k }),
    );
    program.run();
    // The first gradients do not depend on the optimizer: they are in the files of SGD.
    if (k === 0 && name !== "lars") {
      const gradients = await read(online.parameters, "grad1.", online.gradients!);
      for (const [name, { data }] of gradients) {
        const expected = golden.tensors.get(name);
        assert(expected, `the golden file has no ${name}`);
        const norm = Math.hypot(...expected.data);
        let difference = 0;
        data.forEach((value, i) => difference += (value - expected.data[i]) ** 2);
        // What a batch norm takes out again, such as the bias before it, has gradient 0 and each side its own rounding.
        const allowed = 1e-4 * norm + 1e-6;
        assert(
          Math.sqrt(difference) <= allowed,
          `${name} is off by ${Math.sqrt(difference)}, its norm is ${norm}`,
        );
      }
    }
  }

  const ring = await memory.read(tensorIn(step.ring, { shape: [10, RING_FIGURES] }).region!);
  const ours = losses.map((_, k) => ring[RING_FIGURES * k]);
  const firstError = Math.abs(ours[0] - losses[0]) / losses[0];
  assert(firstError < 1e-5, `first loss ${ours[0]}, expected ${losses[0]}`);
  // The ten losses are taken as one vector, like the other groups.
  const [error, allowed] = [relativeError(ours, losses), 3 * relativeError(losses_float32, losses)];
  assert(error <= allowed, `losses ${ours} are off by ${error}, allowed are ${allowed}; expected ${losses}`);

  const groups = {
    theta: await read(online.parameters, "online."),
    momentum: await read(online.parameters, "momentum.", optimizer.velocity),
    running_online: await read(online.statistics, "online."),
    ...follower && {
      xi: await read(follower.parameters, "target."),
      running_target: await read(follower.statistics, "target."),
    },
  };
  const known = [...golden.tensors.keys()].filter((name) => !name.startsWith("grad1."));
  assertEquals(
    Object.values(groups).flatMap((tensors) => [...tensors.keys()]).sort(),
    known.sort(),
    "other tensors than PyTorch's",
  );
  for (const [group, tensors] of Object.entries(groups)) {
    const [actual, expected]: number[][] = [[], []];
    for (const [name, { shape, data }] of tensors) {
      const reference = golden.tensors.get(name);
      assert(reference, `the golden file has no ${name}`);
      assert(reference.shape.join() === shape.join(), `${name} is [${shape}], expected [${reference.shape}]`);
      actual.push(...data);
      expected.push(...reference.data);
    }
    const error = relativeError(actual, expected);
    const allowed = 3 * errors[group as keyof typeof groups];
    assert(error <= allowed, `${group} after ten steps is off by ${error}, allowed are ${allowed}`);
  }
}

/**
 * Of the tiled kernels those that sum in parts. One accumulator for a whole sum, term after term, rounds twice as
 * coarsely as the other families, whose chains of additions are a quarter as long; for ten steps three times PyTorch's
 * error does not always cover that. tests/ops/conv2d_test.ts holds all of them to what float32 may lose. With them come the
 * sums over rows of a hardware adapter.
 */
const FAMILIES_OF_A_STEP = [...FAMILIES, "tiled-64x64 split"];

for (const net of ["resnet8", "bottleneck"] as const) {
  for (const rule of ["sgd", "lars"] as const) {
    Deno.test(`step: ten steps of ${net} with ${rule} agree with PyTorch`, onGpu, async () => {
      for (const target of await targets(FAMILIES_OF_A_STEP)) {
        await tenSteps(net, rule, target);
      }
    });
  }
}

for (const objective of ["simclr", "mixed"] as const) {
  Deno.test(
    `step: ten steps of resnet8 with the loss of ${objective} agree with PyTorch`,
    onGpu,
    async () => {
      for (const target of await targets(FAMILIES_OF_A_STEP)) await tenSteps("resnet8", objective, target);
    },
  );
}
