/** The update of all parameters, with and without the target network's moving average. */
import { createNetworks } from "../src/byol/networks.ts";
import { traceStep } from "../src/byol/step.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Memory, type Store } from "../src/gpu/memory.ts";
import { deviceProfileOf } from "../src/graph/kernel_choice.ts";
import { tensorIn } from "../src/graph/tensor.ts";
import { backboneByName } from "../src/nn/backbones.ts";
import { drawWeights } from "../src/nn/weights.ts";
import { createOptimizer, type OptimizerName, packStep, STEP_BYTES } from "../src/optim/optimizer.ts";
import { copyTrace } from "../src/inspect/peaks.ts";
import { keyedRandom } from "../src/base/random.ts";
import { newTape, secondsOf, timeInTurns } from "../src/inspect/timing.ts";
import { percent, printTable } from "./table.ts";

const ARCHITECTURE = {
  backbone: backboneByName("resnet18"),
  stem: "cifar",
  hidden: 4096,
  projection: 256,
} as const;
const SCALARS = { lr: 0.01, momentum: 0.9, weightDecay: 1e-6, tau: 0.99, slot: 0 };
/** Samples in turns: what is asked for is the difference of two similar times. */
const TURNS = 15;
/** The steps that the average is part of. */
const BATCHES = [4, 16], SIZE = 32;

const networks = () => createNetworks(ARCHITECTURE);
type Networks = ReturnType<typeof networks>;

/** The optimizer of `networks`, and its tables in `memory`. */
function optimizerOf(memory: Memory, networks: Networks, options: { name: OptimizerName; ema: boolean }) {
  const { online: { network: online }, target: { network: target } } = networks;
  const { maxBinding } = memory.gpu.limits;
  const optimizer = createOptimizer({ online, target }, { ...options, maxBinding });
  optimizer.prepare(memory);
  return optimizer;
}

function fillParameters(memory: Memory, { online, target }: Networks): void {
  for (const { network: { parameters, statistics } } of [online, target]) {
    memory.write(parameters.store, drawWeights(parameters, { seed: 0 }));
    memory.write(statistics.store, drawWeights(statistics, { seed: 0 }));
  }
}

/** Times the optimizers by themselves and a step around them. */
export async function benchOptimizer(gpu: Gpu): Promise<void> {
  await benchUpdates(gpu);
  console.log();
  for (const batch of BATCHES) await benchSteps(gpu, batch);
}

async function benchUpdates(gpu: Gpu): Promise<void> {
  using memory = new Memory(gpu);
  const pair = networks(), { online, target } = pair;
  fillParameters(memory, pair);
  const store: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
  memory.write(store, packStep(SCALARS));
  const step = tensorIn(store, { shape: [STEP_BYTES / 4] });
  const n = online.network.parameters.store.bytes / 4;
  memory.write(online.network.gradients!, new Float32Array(n).map(keyedRandom(0).normal));

  const variants = (["lars", "sgd"] as const).flatMap((name) => [true, false].map((ema) => ({ name, ema })));
  const traces = variants.map((options) => {
    const tape = newTape(gpu);
    optimizerOf(memory, pair, options).record(tape, step);
    return tape.dispatches;
  });
  const [[copy], ...times] = await timeInTurns(memory, [copyTrace(gpu), ...traces], TURNS);
  const copyRate = copy.bytes / copy.seconds;

  const paired = target.network.parameters.store.bytes / 4;
  console.log(
    `Optimizer: ${(n / 1e6).toFixed(1)} million parameters (resnet18, heads 4096 → 256), ${
      (paired / 1e6).toFixed(1)
    } million followed by a ` +
      `target; median of ${TURNS} by the GPU's clock, in turns. The update's bytes are g, θ, v, v' and θ', with the average ξ ` +
      `and ξ' too; probe_copy reaches ${(copyRate / 1e9).toFixed(1)} GB/s\n`,
  );
  const row = printTable(["rule", "moving average", "dispatches", "ms", "update, ms", "GB/s", "of the copy"]);
  variants.forEach(({ name, ema }, i) => {
    const update = times[i].find(({ name }) => name === "update")!;
    const bytes = 4 * (5 * n + (ema ? 2 * paired : 0));
    const rate = bytes / update.seconds;
    row(
      name,
      ema ? "in the update" : "none",
      traces[i].length,
      (1000 * secondsOf(times[i])).toFixed(2),
      (1000 * update.seconds).toFixed(2),
      (rate / 1e9).toFixed(1),
      percent(rate / copyRate),
    );
  });
  const ratio = (i: number) => (secondsOf(times[i]) / secondsOf(times[i + 1])).toFixed(3);
  const [forLars, forSgd] = [7, 5].map((streams) => (1 + 2 * paired / (streams * n)).toFixed(3));
  console.log(
    `\nWith ÷ without: ${ratio(0)} for LARS, ${
      ratio(2)
    } for SGD. By the bytes it would be ${forLars} for LARS, ` +
      `whose norms read two streams more, and ${forSgd} for SGD`,
  );
}

/** Whole steps with and without the average, in turns: they differ in the update alone. */
async function benchSteps(gpu: Gpu, batch: number): Promise<void> {
  using memory = new Memory(gpu);
  const pair = networks();
  fillParameters(memory, pair);
  const traces = [true, false].map((ema) => {
    const optimizer = optimizerOf(memory, pair, { name: "lars", ema });
    const step = traceStep(pair, { batch, size: SIZE, optimizer, profile: deviceProfileOf(gpu) });
    memory.write(step.views, new Float32Array(step.views.bytes / 4).map(keyedRandom(0).normal));
    memory.write(step.scalars, packStep(SCALARS));
    return step.dispatches;
  });
  const times = await timeInTurns(memory, traces);
  const [fused, none] = times.map((kernels) => {
    const update = secondsOf(kernels.filter(({ name }) => name === "update"));
    return { update, others: secondsOf(kernels) - update };
  });
  const others = (fused.others + none.others) / 2;
  const ms = ({ update }: { update: number }) => `${(1000 * update).toFixed(1)} ms`;
  console.log(
    `A step of resnet18 at batch ${batch}, LARS, with ÷ without: update ${ms(fused)} or ${
      ms(none)
    }, other kernels ` +
      `${(1000 * others).toFixed(0)} ms: ${((others + fused.update) / (others + none.update)).toFixed(3)}`,
  );
}
