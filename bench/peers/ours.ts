/**
 * This project: ops by way of a tape and a program, the step as {@linkcode Trainer} runs it, with kernels
 * that are chosen by timing them, as `pretrain` does. Nothing is remembered from earlier runs.
 *
 * @module
 */
import { traceTraining, type TrainerOptions } from "../../src/byol/trace_training.ts";
import { Trainer } from "../../src/byol/trainer.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { type ChoosingProfile, deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { tune } from "../../src/graph/tuner.ts";
import { Tape } from "../../src/graph/tape.ts";
import { originOf, sizeOf, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { addInto } from "../../src/ops/add.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { linear } from "../../src/ops/linear.ts";
import { type Contender, moved, type Work } from "./contender.ts";
import {
  architectureOf,
  firstWeights,
  type Problem,
  scalars,
  SIZE,
  type TrainingStep,
  values,
  views,
  WITNESS,
} from "./problems.ts";

/** Opens the GPU. */
export async function open(): Promise<Contender> {
  const gpu = await openGpu();
  return {
    adapter: gpu.name,
    create: (problem) => problem.kind === "step" ? step(gpu, problem) : op(gpu, problem),
  };
}

async function op(gpu: Gpu, problem: Exclude<Problem, TrainingStep>): Promise<Work> {
  const memory = new Memory(gpu);
  const place = (name: string, shape: number[], content?: Float32Array<ArrayBuffer>, gradient?: Tensor) => {
    const store: Store = { name, category: "input", bytes: sizeOf(shape) * 4 };
    if (content) memory.write(store, content);
    return tensorIn(store, { shape, gradient });
  };
  let record: (tape: Tape) => Record<string, Tensor>;
  if (problem.kind === "product") {
    const { size } = problem;
    const x = place("a", [size, size], values(1, size ** 2));
    const w = place("b", [1, 1, size, size], values(2, size ** 2));
    record = (tape) => ({ y: linear(tape, { x, w, name: "product" }) });
  } else {
    const { batch, size, channels, gradients } = problem;
    const shape = [batch, size, size, channels], filter = [3, 3, channels, channels];
    const x = place("x", shape, values(1, sizeOf(shape)));
    const dw = gradients ? place("dw", filter) : undefined;
    const w = place("w", filter, values(2, sizeOf(filter)), dw);
    const dy = gradients ? place("dy", shape, values(3, sizeOf(shape))) : undefined;
    record = (tape): Record<string, Tensor> => {
      const y = conv2d(tape, { x, w, stride: 1, pad: 1, name: "convolution" });
      if (!dw || !dy) return { y };
      tape.accumulate(y, dy);
      tape.backward();
      return { y, dw, dx: tape.gradientOf(x)! };
    };
  }
  const trace = (target: ChoosingProfile) => {
    const tape = new Tape(target, { training: true, views: 1, add: addInto });
    const keep = record(tape);
    return { dispatches: tape.dispatches, keep };
  };
  const chooser = await tune(gpu, trace, { cache: new Map() });
  const { dispatches, keep } = trace(deviceProfileOf(gpu, chooser));
  const program = new Program(memory, { dispatches, keep: Object.values(keep) });
  return {
    async run(count) {
      for (let i = 0; i < count; i++) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
      gpu.check();
    },
    async results() {
      const read = async ([name, tensor]: [string, Tensor]) =>
        [name, await memory.read(originOf(tensor).region!)] as const;
      return Object.fromEntries(await Promise.all(Object.entries(keep).map(read)));
    },
  };
}

function step(gpu: Gpu, { backbone, batch }: TrainingStep): Work {
  const weights = firstWeights(backbone);
  const images = views(batch, { channels: 4 });
  /** Tunes, traces and plans the step and compiles its kernels, as a first run on a machine does. */
  const start = async () => {
    const options: TrainerOptions = {
      architecture: architectureOf(backbone),
      batch,
      size: SIZE,
      optimizer: "sgd",
    };
    const chooser = await tune(gpu, (target) => traceTraining(options, target).step, { cache: new Map() });
    const trainer = new Trainer(gpu, { ...options, chooser });
    const state = [...trainer.stateShapes()].map(([name, shape]) => {
      const weight = name.startsWith("momentum.") ? undefined : weights.get(name.replace(/^\w+\./, ""));
      const data = new Float32Array(sizeOf(shape)).fill(name.endsWith("running_var") ? 1 : 0);
      return [name, weight ?? { shape, data }] as const;
    });
    trainer.restore(new Map(state));
    return trainer;
  };
  let trainer: Trainer;
  let done = 0;
  return {
    async run(count) {
      trainer ??= await start();
      for (let i = 0; i < count; i++) trainer.step(images, { step: done++, ...scalars });
      await trainer.settled();
    },
    async results() {
      const [{ loss }] = await trainer.metrics(done - 1, done);
      const state = await trainer.state();
      const first = weights.get(WITNESS)!.data;
      return {
        loss: Float32Array.of(loss),
        online: moved(state.get(`online.${WITNESS}`)!.data, first),
        target: moved(state.get(`target.${WITNESS}`)!.data, first),
      };
    },
  };
}
