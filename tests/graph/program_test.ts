import { assert, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { MachineError } from "../../src/base/errors.ts";
import { ELEMENT_BYTES, type ElementType } from "../../src/gpu/kernel.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import type { ChoosingProfile } from "../../src/graph/kernel_choice.ts";
import { regionOf, sizeOf, tensorIn } from "../../src/graph/tensor.ts";
import { addInto } from "../../src/ops/add.ts";
import { byolLoss } from "../../src/ops/byol_loss.ts";
import { cast } from "../../src/ops/cast.ts";
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

/** Six layers whose weights lie in one store, copied to textures of at most `maxTexture` rows: the result, and the copies. */
async function copiedWeights(
  target: ChoosingProfile,
  { maxTexture, type }: { maxTexture: number; type: ElementType },
) {
  const gpu = await sharedGpu();
  using memory = new Memory({ ...gpu, limits: { ...gpu.limits, maxTexture } });
  const tape = newTape(target), x = input("x", [18, WIDTH]), size = WIDTH * WIDTH * ELEMENT_BYTES[type];
  const store: Store = { name: "weights", category: "parameters", bytes: LAYERS * size };
  let y = x.tensor;
  if (type === "f16") cast(tape, { x: x.tensor, y: y = tape.tensor("x in float16", [18, WIDTH], type) });
  for (let i = 0; i < LAYERS; i++) {
    const part = tensorIn(store, { shape: [1, 1, WIDTH, WIDTH], offset: i * size, type });
    const w = type === "f16" ? { ...input("w", [1, 1, WIDTH, WIDTH]).tensor, half: part } : part;
    y = linear(tape, { x: y, w, name: `layer ${i}` });
  }
  using program = new Program(memory, { dispatches: tape.dispatches, keep: [y] });
  memory.write(x.store, x.values);
  const weights = hashSigned("weights", LAYERS * WIDTH * WIDTH);
  memory.write(store, new Uint8Array(type === "f16" ? new Float16Array(weights).buffer : weights.buffer));
  program.run();
  const from = program.plan.dispatches.flatMap(({ copies }) => copies.map(({ from }) => from));
  return {
    y: await memory.read(regionOf(y)),
    copies: from.filter((region) => region.store === store).length,
  };
}

const LAYERS = 6, WIDTH = 64;

for (const type of ["f32", "f16"] as const) {
  Deno.test(
    `Program: weights in ${type} that no texture holds together give the same bits copied one by one`,
    onGpu,
    async () => {
      const { limits, halfPrecision } = await sharedGpu();
      if (type === "f16" && !halfPrecision) return console.log("Skipped: the adapter has no float16.");
      for (const target of await targets()) {
        const whole = await copiedWeights(target, { maxTexture: limits.maxTexture, type });
        const apart = await copiedWeights(target, { maxTexture: LAYERS / 2, type });
        assertEquals(apart.y, whole.y);
        const reads = target.family.startsWith("subgroup8");
        assertEquals([whole.copies, apart.copies], reads ? [1, LAYERS] : [0, 0], target.family);
      }
    },
  );
}
