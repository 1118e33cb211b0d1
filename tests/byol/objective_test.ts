/** The members of the family against each other, on whole steps. */
import { assert, assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { BYOL, type Objective } from "../../src/byol/objective.ts";
import { traceTraining } from "../../src/byol/trace_training.ts";
import { type StepMetrics, Trainer } from "../../src/byol/trainer.ts";
import { planMemory } from "../../src/graph/plan.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { backboneByName } from "../../src/nn/backbones.ts";
import type { TorchTensor } from "../../src/nn/weights.ts";

const BATCH = 6, SIZE = 8, STEPS = 4;
const options = {
  architecture: { backbone: backboneByName("resnet8"), stem: "cifar", hidden: 48, projection: 24 },
  batch: BATCH,
  size: SIZE,
  optimizer: "sgd",
} as const;

/** Some steps with the loss of `objective`: their figures, and the state at the end. */
async function train(
  objective: Partial<Objective>,
  tau: number,
): Promise<{ figures: StepMetrics[]; state: Map<string, TorchTensor> }> {
  using trainer = new Trainer(await sharedGpu(), { ...options, objective: { ...BYOL, ...objective } });
  trainer.initialize({ seed: 3, targetInit: "copy" });
  for (let step = 0; step < STEPS; step++) {
    const views = hashSigned(`views ${step}`, 2 * BATCH * SIZE * SIZE * 4) as Float32Array<ArrayBuffer>;
    trainer.step(views, { step, lr: 0.05, momentum: 0.9, weightDecay: 1e-4, tau });
  }
  const expected = [...trainer.stateShapes().keys()];
  const state = await trainer.state();
  assertEquals([...state.keys()], expected);
  return { figures: await trainer.metrics(0, STEPS), state };
}

function assertSameState(actual: Map<string, TorchTensor>, expected: Map<string, TorchTensor>): void {
  for (const [name, { data }] of actual) {
    const other = expected.get(name)?.data;
    assert(other && data.every((value, i) => value === other[i]), `${name} differs`);
  }
}

for (const negatives of [0, 0.5]) {
  Deno.test(
    `traceTraining() with target none has the bits of ema with τ = 0, β = ${negatives}`,
    onGpu,
    async () => {
      for (const predictor of [true, false]) {
        const follower = await train({ predictor, negatives }, 0);
        const none = await train({ predictor, negatives, target: "none" }, 0);
        const shared = await train({ predictor, negatives, target: "shared" }, 0);
        assertEquals(none.figures.map(({ loss }) => loss), follower.figures.map(({ loss }) => loss));
        assertSameState(none.state, follower.state);
        assert(shared.figures[0].loss === none.figures[0].loss, "the first loss depends on gradients");
        assert(
          shared.figures[STEPS - 1].loss !== none.figures[STEPS - 1].loss,
          "shared has no gradient of ψ",
        );
        for (const { state } of [none, shared]) {
          const parts = new Set([...state.keys()].map((name) => name.split(".").slice(0, 2).join(".")));
          assertEquals([...parts], [
            ...["backbone", "projector", ...predictor ? ["predictor"] : []].map((part) => `online.${part}`),
            // running statistics are online's too
            ...["backbone", "projector", ...predictor ? ["predictor"] : []].map((part) => `momentum.${part}`),
          ]);
        }
      }
    },
  );
}

Deno.test("traceTraining() with a fixed target has the bits of ema with τ = 1", onGpu, async () => {
  for (const negatives of [0, 1]) {
    const one = await train({ negatives }, 1), fixed = await train({ negatives, target: "fixed" }, 0.3);
    assertEquals(fixed.figures.map(({ loss }) => loss), one.figures.map(({ loss }) => loss));
    assertEquals([...fixed.state.keys()], [...one.state.keys()]);
    assertSameState(fixed.state, one.state);
  }
});

Deno.test("traceTraining() without a target network plans and runs none", () => {
  const trace = (objective: Partial<Objective>) => {
    const { step } = traceTraining(
      { ...options, objective: { ...BYOL, ...objective } },
      deviceProfileOf(null),
    );
    const plan = planMemory(step.dispatches);
    const convolutions = step.dispatches.filter(({ kernel }) => kernel.name.startsWith("conv2d"));
    return { ...plan, convolutions: convolutions.length, stores: plan.stores.map(({ name }) => name) };
  };
  const byol = trace({});
  assert(byol.stores.some((name) => name.startsWith("target")), `${byol.stores}`);
  for (const target of ["none", "shared"] as const) {
    const { stores, convolutions, bytes } = trace({ target });
    assert(stores.every((name) => !name.startsWith("target")), `${stores}`);
    assert(convolutions < byol.convolutions, `${convolutions} convolutions`);
    assert(
      bytes.get("parameters")! < 0.6 * byol.bytes.get("parameters")!,
      `${bytes.get("parameters")} bytes`,
    );
  }
  assert(trace({ predictor: false }).convolutions < byol.convolutions, "the predictor is there");
});
