/** A few steps of a tiny network, alone or as one of several ranks: for tests of what ranks do together. */
import { assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import type { TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import type { World } from "../../src/distributed/world.ts";
import { OnlineProbe } from "../../src/eval/online_probe.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { backboneByName } from "../../src/nn/backbones.ts";

const STEPS = 3;

/** The network and its batches. */
export const tiny = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 32, projection: 16 },
  batch: 4,
  size: 8,
} as const;

function views(i: number): Float32Array<ArrayBuffer> {
  const { batch, size } = tiny;
  const values = hashSigned(`views ${i}`, 2 * batch * size * size * 4) as Float32Array<ArrayBuffer>;
  return values.map((value, i) => i % 4 === 3 ? 0 : value);
}

/** Trains as one rank of `world` and returns the state and the metrics. */
export async function trainTiny(
  { gpu, world, optimizer, accumulate, precision }:
    & { gpu: Gpu; world: World; accumulate: number }
    & Pick<TrainerOptions, "optimizer" | "precision">,
) {
  using trainer = new Trainer(gpu, {
    ...{ ...tiny, world, optimizer, accumulate, precision },
    auxiliaryHead: (step) => new OnlineProbe({ ...step, dims: 64, classes: 3 }),
  });
  trainer.initialize({ seed: 3 + world.rank, targetInit: "copy" }); // rank 0's counts
  await trainer.share();
  for (let step = 0; step < STEPS; step++) {
    for (let part = world.rank; part < accumulate; part += world.size) {
      const labels = Array.from({ length: tiny.batch }, (_, i) => (i + part + step) % 3);
      const scalars = { lr: 0.3 - 0.1 * step, momentum: 0.9, weightDecay: 0.01, tau: 0.9 };
      const first = part - world.rank; // of the round
      const health = first + world.size >= accumulate;
      trainer.step(views(accumulate * step + part), { ...scalars, step, part: first, health, labels });
      const agreed = await trainer.join(step === 1 && world.rank === world.size - 1 ? 130 : 0);
      assertEquals(agreed?.stop ?? null, health ? (step === 1 ? 130 : 0) : null);
    }
  }
  return { state: await trainer.state(), metrics: await trainer.metrics(0, STEPS) };
}

/** The state and the metrics of {@linkcode trainTiny} as short texts, one for each tensor. */
export async function digestsOf(
  { state, metrics }: Awaited<ReturnType<typeof trainTiny>>,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = { metrics: JSON.stringify(metrics) };
  for (const [name, { data }] of state) {
    const hash = await crypto.subtle.digest("SHA-256", data as Float32Array<ArrayBuffer>);
    digests[name] = new Uint8Array(hash).toHex();
  }
  return digests;
}
