import { assert, assertEquals, assertThrows } from "../assert.ts";
import { MachineError } from "../../src/base/errors.ts";
import { expectFit, fitOf, largestBatch, type Machine, refusal } from "../../src/byol/fit.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { DEFAULT_LIMITS, type Limits } from "../../src/gpu/device.ts";
import { type ChoosingProfile, deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const options: TrainerOptions = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 64, projection: 32 },
  batch: 64,
  size: 16,
  optimizer: "sgd",
};

/** A machine with other limits than the lowest. */
function machine(limits: Partial<Limits>, target: Partial<ChoosingProfile> = {}): Machine {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const { maxGrid, maxBinding } = all;
  return { limits: all, target: { ...deviceProfileOf(null), maxGrid, maxBinding, ...target } };
}

/** The first convolution's result of one image of two views, in bytes: the largest tensor. */
const IMAGE_BYTES = 2 * 16 * 16 * 16 * 4;

Deno.test("fitOf() has a plan and no obstacle for what fits", () => {
  const { trace, plan, obstacle } = fitOf(options, machine({}));
  assert(trace && plan && plan.total > 0 && obstacle === null);
  expectFit(options, machine({}));
});

Deno.test("largestBatch() fits, and one more does not", () => {
  const cases: [string, number, Machine][] = [
    ["buffers", 21, machine({ maxBuffer: 22 * IMAGE_BYTES - 1 })],
    // A row of a texture is 16 KiB: half an image.
    ["textures", 13, machine({ maxTexture: 27 }, { subgroupSize: 8, software: true })],
  ];
  for (const [what, expected, machine] of cases) {
    assertEquals(largestBatch(options, machine), expected, what);
    assertEquals(fitOf({ ...options, batch: expected }, machine).obstacle, null);
    const { obstacle, plan } = fitOf({ ...options, batch: expected + 1 }, machine);
    assert(obstacle && plan, `${what}: ${expected + 1} fits too`);
  }
});

Deno.test("largestBatch() accounts for grids beyond the limit, which a trace rejects", async () => {
  const small = machine({ maxGrid: 40 });
  const { trace, obstacle } = fitOf({ ...options, batch: 30_000 }, small);
  assert(
    trace === null && /^Cannot run .*, and each dimension has 1 … 40 workgroups/.test(obstacle!),
    `${obstacle}`,
  );
  const batch = largestBatch({ ...options, batch: 30_000 }, small)!;
  assert(batch >= 2 && fitOf({ ...options, batch: batch + 1 }, small).obstacle !== null, `${batch}`);
  await assertThrows(
    () => expectFit({ ...options, batch: 30_000 }, small),
    MachineError,
    new RegExp(`on this device\\. The largest batch that fits is ${batch}\\.$`),
  );
});

Deno.test("refusal() names the largest batch, or says that there is none", async () => {
  const limits = { maxBuffer: 22 * IMAGE_BYTES - 1 };
  await assertThrows(
    () => expectFit(options, machine(limits)),
    MachineError,
    /^Cannot train on this GPU: "buffer of .*" takes \d+ bytes, and a buffer has at most \d+\. The largest batch that fits is 21\.$/,
  );
  const none = machine({ maxBuffer: IMAGE_BYTES });
  assertEquals(largestBatch(options, none), null);
  const error = refusal("It is too large.", options, none);
  assertEquals([error.message, error.problem], ["It is too large. No smaller batch fits either.", "size"]);
});

Deno.test("fitOf() rejects views beyond the largest buffer before tracing", () => {
  const { trace, obstacle } = fitOf({ ...options, batch: 1e9 }, machine({}));
  assert(trace === null && /the views of a batch take \d+ bytes/.test(obstacle!), `${obstacle}`);
});

Deno.test("expectFit() refuses mixed precision without float16 by its own name, whatever the batch", async () => {
  const mixed = { ...options, precision: "mixed" } as const;
  expectFit(mixed, machine({}, { halfPrecision: true }));
  await assertThrows(
    () => expectFit(mixed, machine({}, { halfPrecision: false })),
    MachineError,
    /^Cannot train in mixed precision: this adapter has no float16\.$/,
  );
});
