/**
 * What an exchange costs: `mpirun --bind-to none -n 2 deno run -A bench/exchange.ts [BACKBONE] [BATCH] [GBIT]`. Rank 0 prints.
 *
 * A step of ranks, where its time goes, beside what the model of `--plan --ranks` predicts from a step of one process: the ranks of
 * a machine are taken to share its cores. Then the parts alone: reading, summing, writing, in one piece or in several whose
 * copies and sums overlap. Then a step whose gradients are read in pieces while the backward pass goes on, beside one that is
 * read at its end: the piece read first is what the last layers leave.
 */
import { createOptimizer } from "../src/optim/optimizer.ts";
import { traceStep } from "../src/byol/step.ts";
import { createNetworks } from "../src/byol/networks.ts";
import { Trainer } from "../src/byol/trainer.ts";
import { openWorld } from "../src/distributed/open_world.ts";
import { type World, worldOfOne } from "../src/distributed/world.ts";
import { OrderedSum } from "../src/distributed/ordered_sum.ts";
import { openGpu } from "../src/gpu/device.ts";
import { Memory, type Store } from "../src/gpu/memory.ts";
import { deviceProfileOf } from "../src/graph/kernel_choice.ts";
import { Program } from "../src/graph/program.ts";
import { planRanks, stepCosts } from "../src/inspect/rank_plan.ts";
import { type BackboneName, backbones } from "../src/nn/backbones.ts";

const [name = "resnet18", batchText = "4", networkText = "25"] = Deno.args;
const batch = Number(batchText), NETWORK = Number(networkText), SIZE = 32, REPEATS = 5;
const world = await openWorld(), gpu = await openGpu();
const print = (line: string) => world.rank === 0 && console.log(line);
const architecture = {
  backbone: backbones[name as BackboneName],
  stem: "cifar",
  hidden: 4096,
  projection: 256,
} as const;
const options = { architecture, batch, size: SIZE, optimizer: "lars" } as const;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
const views = new Float32Array(2 * batch * SIZE * SIZE * 4).map((_, i) => Math.sin(i));
const ms = (value: number) => `${value.toFixed(0)} ms`;

/** The median milliseconds of `work`, which ranks begin together. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    await world.meet(`repeat ${i}`);
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return median(times);
}

/** Takes steps of `batches` of each rank of `among`, and times them. */
class TimedSteps implements Disposable {
  readonly times: number[] = [];
  readonly trainer: Trainer;
  #step = 0;

  constructor(readonly among: World, readonly batches: number) {
    this.trainer = new Trainer(gpu, { ...options, accumulate: among.size * batches, world: among });
    this.trainer.initialize({ seed: 0, targetInit: "copy" });
  }

  async take(): Promise<void> {
    const { trainer, among: { size } } = this, begin = performance.now();
    const scalars = { lr: 0.1, momentum: 0.9, weightDecay: 0, tau: 0.99, step: this.#step++ };
    for (let part = 0; part < size * this.batches; part += size) {
      trainer.step(views, { ...scalars, part });
      await trainer.join();
    }
    await trainer.settled();
    if (scalars.step === 0) trainer.takeExchangeTimes(); // kernels are compiled
    else this.times.push(performance.now() - begin);
  }

  [Symbol.dispose](): void {
    this.trainer[Symbol.dispose]();
  }
}

{
  const { size: ranks, hosts } = world;
  using alone = new TimedSteps(worldOfOne, 1);
  using together = new DisposableStack();
  const all = (ranks > 1 ? [1, 3] : []).map((batches) => together.use(new TimedSteps(world, batches)));
  for (const { trainer } of all) await trainer.share();
  // In turn, as other work on the machine comes and goes.
  for (let i = 0; i < REPEATS + 1; i++) {
    await world.first("a step alone", () => alone.take());
    for (const steps of all) await steps.take();
  }
  const costs = stepCosts(options, deviceProfileOf(gpu));
  const stepAlone = await world.first("its time", () => Promise.resolve(median(alone.times)));
  const gigaflops = costs.flops / stepAlone / 1e6;
  print(
    `${name}, ${batch} images, ${gpu.description}: a step of one process takes ${ms(stepAlone)}, ` +
      `${gigaflops.toFixed(1)} Gflop/s`,
  );
  const sharing = hosts.filter((host) => host === hosts[0]).length;
  for (const { batches, times, trainer } of all) {
    const { compute, exchange, write, steps } = trainer.takeExchangeTimes()!, step = median(times);
    const speeds = { network: NETWORK, gigaflops: gigaflops / sharing };
    const predicted = 1000 * planRanks(costs, { ...speeds, ranks, batches }).step;
    print(
      `${ranks} ranks, ${batches} batches of each, ${(trainer.exchangedBytes / 1e6).toFixed(1)} MB: ` +
        `a step takes ${ms(step)}`,
    );
    print(
      `  of these computing and reading ${ms(compute / steps)}, meeting and summing ${
        ms(exchange / steps)
      }, ` +
        `writing ${ms(write / steps)}`,
    );
    print(
      `  predicted with --network ${NETWORK} --tflops ${(speeds.gigaflops / 1000).toPrecision(2)}: ` +
        `${ms(predicted)}, measured / predicted ${(step / predicted).toFixed(2)}`,
    );
  }
}

const memory = new Memory(gpu);
const bytes = createNetworks(architecture).online.network.parameters.store.bytes;
const store: Store = { name: "gradients", category: "gradients", bytes };
const buffer = memory.buffer(store);
/** Reads bytes of the store. */
async function read(staging: GPUBuffer, offset: number, size: number): Promise<Float32Array<ArrayBuffer>> {
  const encoder = gpu.device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  gpu.device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange());
}

for (const pieces of [1, 2, 4, 8]) {
  const size = Math.ceil(bytes / 4 / pieces / world.size) * world.size * 4, count = Math.ceil(bytes / size);
  const parts = Array.from({ length: count }, (_, i) => {
    const length = Math.min(size, bytes - i * size), sum = new OrderedSum(world, length / 4);
    const staging = gpu.device.createBuffer({
      size: sum.padded * 4,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    return { offset: i * size, length, sum, staging, total: new Float32Array(sum.padded) };
  });
  const parted = { read: 0, sum: 0, write: 0 };
  const whole = await time(async () => {
    const begin = performance.now();
    let pending = Promise.resolve();
    for (const { offset, length, sum, staging, total } of parts) {
      const mapped = await read(staging, offset, length);
      const before = pending;
      pending = (async () => {
        await before;
        await sum.add(mapped);
        staging.unmap();
        await sum.take(total);
        const begin = performance.now();
        memory.write(store, total.subarray(0, length / 4), offset);
        parted.write += performance.now() - begin;
      })();
    }
    parted.read += performance.now() - begin;
    await pending;
    parted.sum += performance.now() - begin;
  });
  const of = (value: number) => ms(value / REPEATS);
  print(
    `${(bytes / 1e6).toFixed(1)} MB in ${count} pieces: ${ms(whole)}; read after ${
      of(parted.read)
    }, summed after ` +
      `${of(parted.sum)} of these; writing ${of(parted.write)}`,
  );
  parts.forEach(({ staging }) => staging.destroy());
}

{
  // The same dispatches as a step of one rank, in segments: a piece of the gradients is read after each.
  const networks = createNetworks(architecture), profile = deviceProfileOf(gpu);
  const { parameters, gradients } = networks.online.network;
  const optimizer = createOptimizer(
    { online: { parameters, gradients }, target: networks.target.network },
    { name: "lars", maxBinding: profile.maxBinding },
  );
  const step = traceStep(networks, { ...options, optimizer, profile });
  using program = new Program(memory, { dispatches: step.dispatches });
  const end = program.plan.dispatches.length - step.tail.update;
  for (const pieces of [1, 2, 4]) {
    const size = Math.ceil(bytes / 4 / pieces / world.size) * world.size * 4;
    const sums = Array.from({ length: pieces }, () => new OrderedSum(world, size / 4));
    const stagings = sums.map(({ padded }) =>
      gpu.device.createBuffer({ size: padded * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
    );
    const total = new Float32Array(sums[0].padded);
    // The first gradients are final after about 55 % of the dispatches.
    const cuts = Array.from(
      { length: pieces },
      (_, i) => pieces === 1 ? end : Math.round(end * (0.55 + 0.45 * i / (pieces - 1))),
    );
    const whole = await time(async () => {
      let pending = Promise.resolve();
      for (const [i, cut] of cuts.entries()) {
        program.run({ begin: i === 0 ? 0 : cuts[i - 1], end: cut });
        const mapped = await read(stagings[i], 0, Math.min(size, bytes)), before = pending;
        // The next segment is submitted before this piece is exchanged.
        pending = (async () => {
          await before;
          await sums[i].add(mapped);
          stagings[i].unmap();
          await sums[i].take(total);
        })();
      }
      await pending;
    });
    print(`a step without its update, gradients read in ${pieces} pieces: ${ms(whole)}`);
    stagings.forEach((staging) => staging.destroy());
  }
}
memory[Symbol.dispose]();
await world.meet("the end");
await world.end();
Deno.exit(0);
