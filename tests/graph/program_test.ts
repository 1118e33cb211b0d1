import { assert, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { MachineError } from "../../src/base/errors.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import { regionOf, sizeOf, tensorIn } from "../../src/graph/tensor.ts";
import { addInto } from "../../src/ops/add.ts";
import { byolLoss } from "../../src/ops/byol_loss.ts";
import { linear } from "../../src/ops/linear.ts";

function input(name: string, shape: number[]) {
  const bytes = sizeOf(shape) * 4;
  const store: Store = { name, category: "input", bytes };
  const gradient = tensorIn({ name: `d${name}`, category: "gradients", bytes }, { shape });
  return {
    store,
    tensor: tensorIn(store, { shape, gradient }),
    values: hashSigned(name, sizeOf(shape)) as Float32Array<ArrayBuffer>,
  };
}

Deno.test("Program.run() replays to the same bits, and to others for other inputs", onGpu, async () => {
  const gpu = await sharedGpu();
  for (const target of await targets()) {
    using memory = new Memory(gpu);
    const tape = newTape(target), N = 9, D = 20;
    const [x, z, w] = [input("x", [2 * N, D]), input("z", [2 * N, D]), input("w", [1, 1, D, D])];
    let q = x.tensor;
    for (let i = 0; i < 5; i++) q = linear(tape, { x: q, w: w.tensor, name: `layer ${i}` });
    const losses = byolLoss(tape, { q, target: z.tensor });
    tape.backward();
    using program = new Program(memory, { dispatches: tape.dispatches, keep: [losses] });
    for (const { store, values } of [x, z, w]) memory.write(store, values);
    const run = async () => {
      program.run();
      const results = [losses, w.tensor.gradient!].map(({ region }) => memory.read(region!));
      return (await Promise.all(results)).map((values) => values.join());
    };
    const first = await run();
    program.run();
    program.run();
    assertEquals(await run(), first);
    for (const { store, values } of [x, z, w]) {
      memory.write(store, values.toReversed());
      const other = await run();
      assert(first.every((values, i) => values !== other[i]), `${store.name} is read once only`);
      memory.write(store, values);
    }
    assertEquals(await run(), first);
  }
});

Deno.test(
  "Program: many times over in one submission is as often in turn, and the GPU's clock counts it",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    for (const target of await targets()) {
      using memory = new Memory(gpu);
      const tape = newTape(target);
      // Each run adds x · w to what there was; with subgroups of 8, x is copied to a texture each time.
      const x = input("x", [8, 8]), w = input("w", [1, 1, 8, 8]), sum = input("sum", [8, 8]);
      const y = linear(tape, { x: x.tensor, w: w.tensor, name: "layer" });
      addInto(tape, { into: sum.tensor, from: y });
      using program = new Program(memory, tape);
      const after = async (run: () => unknown) => {
        for (const { store, values } of [x, w, sum]) memory.write(store, values);
        await run();
        return await memory.read({ store: sum.store, offset: 0, bytes: sum.store.bytes });
      };
      const expected = await after(() => Array.from({ length: 5 }, () => program.run()));
      assertEquals(await after(() => program.run({ times: 5 })), expected);
      assert(expected.every((value, i) => value !== sum.values[i]), "nothing was added");
      if (!gpu.timestamps) continue;
      assertEquals(await after(async () => assert(await program.ticks(5) > 0, "no time passed")), expected);
    }
  },
);

Deno.test(
  "Program: a tensor larger than a binding is refused before anything is allocated",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    using memory = new Memory({ ...gpu, limits: { ...gpu.limits, maxBinding: 1024 } });
    const tape = newTape({ maxGrid: 7 });
    const x = input("x", [16, 4]), w = input("w", [1, 1, 4, 20]);
    linear(tape, { x: x.tensor, w: w.tensor, name: "wide" });
    await assertThrows(
      () => new Program(memory, tape),
      MachineError,
      /^Cannot run on this GPU: "wide.y" takes 1280 bytes, and a binding has at most 1024\.$/,
    );
  },
);

Deno.test(
  "Program: weights that no texture holds together give the same bits copied one by one",
  onGpu,
  async () => {
    const gpu = await sharedGpu(), C = 64, layers = 6;
    for (const target of await targets()) {
      const outcome = async (maxTexture: number) => {
        using memory = new Memory({ ...gpu, limits: { ...gpu.limits, maxTexture } });
        const tape = newTape(target), x = input("x", [18, C]);
        const store: Store = { name: "weights", category: "parameters", bytes: layers * C * C * 4 };
        let y = x.tensor;
        for (let i = 0; i < layers; i++) {
          const w = tensorIn(store, { shape: [1, 1, C, C], offset: i * C * C * 4 });
          y = linear(tape, { x: y, w, name: `layer ${i}` });
        }
        using program = new Program(memory, { dispatches: tape.dispatches, keep: [y] });
        memory.write(x.store, x.values);
        memory.write(store, hashSigned("weights", layers * C * C) as Float32Array<ArrayBuffer>);
        program.run();
        const from = program.plan.dispatches.flatMap(({ copies }) => copies.map(({ from }) => from));
        return {
          y: await memory.read(regionOf(y)),
          copies: from.filter((region) => region.store === store).length,
        };
      };
      const whole = await outcome(gpu.limits.maxTexture), apart = await outcome(layers / 2);
      assertEquals(apart.y, whole.y);
      const reads = target.family.startsWith("subgroup8");
      assertEquals([whole.copies, apart.copies], reads ? [1, layers] : [0, 0], target.family);
    }
  },
);
