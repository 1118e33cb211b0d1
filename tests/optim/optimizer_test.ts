import { assert, assertClose, assertEquals } from "../assert.ts";
import { wgsl } from "../../src/gpu/wgsl_parts.ts";
import { hashSigned, type OpsMetadata, readGolden } from "../golden/read.ts";
import { halfTest, onGpu, sharedGpu } from "../gpu/shared.ts";
import { newTape } from "../ops/harness.ts";
import { optimizerStep } from "../../src/reference/optimizer.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import type { Tape } from "../../src/graph/tape.ts";
import { sizeOf, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { constant } from "../../src/nn/init.ts";
import { createLossScale } from "../../src/optim/loss_scale.ts";
import { vectorLayout } from "../../src/nn/layout.ts";
import { createNetwork, type FlatStore, Scope } from "../../src/nn/parameters.ts";
import {
  createOptimizer,
  type OptimizerName,
  packStep,
  STEP_BYTES,
  type StepScalars,
} from "../../src/optim/optimizer.ts";

/** The flat stores' content, as bits. */
interface State {
  theta: Uint32Array<ArrayBuffer>;
  xi: Uint32Array<ArrayBuffer>;
  velocity: Uint32Array<ArrayBuffer>;
}

/** Of networks that compute in float16: the copies of their weights, and the loss scale and 1 for a skipped step, by slot. */
interface Mixed {
  thetaCopy: Uint16Array;
  xiCopy: Uint16Array;
  ring: Float32Array;
}

/** A parameter of `shape`, in order of memory. */
function declare(scope: Scope, name: string, shape: number[]): void {
  scope.parameter(name, {
    layout: { ...vectorLayout(sizeOf(shape)), shape, torchShape: shape },
    init: constant(0),
  });
}

/** Values for parameter `i`. Gradients grow along it, so that no part of it has the norms' ratio of the whole. */
function draw(what: string, i: number, n: number): Float32Array {
  const values = hashSigned(`${what} ${i}`, n);
  return what.startsWith("gradient") ? values.map((u, j) => u * (j + 1) / n) : values;
}

interface Options {
  /** Shapes of the online network's parameters; the target has the first `followed`, all if not given. */
  shapes: number[][];
  followed?: number;
  name?: OptimizerName;
  maxBinding?: number;
  maxGrid?: number;
  ema?: boolean;
  trust?: number;
  larsClip?: boolean;
  scalars: Partial<StepScalars>;
  /** For networks that compute in float16: the loss scale, which stays. */
  scale?: number;
  /** Appended to the update. */
  after?: (tape: Tape, stores: { theta: Store; xi: Store; step: Tensor }) => void;
}

/** Values of each parameter of `flat`, padded to blocks with zeros. */
function fill(
  flat: FlatStore,
  valuesOf: (i: number, n: number) => ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const content = new Float32Array(flat.store.bytes / 4);
  flat.variables.forEach(({ tensor }, i) => {
    content.set(valuesOf(i, sizeOf(tensor.shape)), tensor.region!.offset / 4);
  });
  return content;
}

/** Takes two steps from values that `valuesOf` gives to each parameter: of theta, xi, velocity, gradient. */
async function optimize(
  { shapes, followed = shapes.length, name = "sgd", scalars, ema, trust, larsClip, scale, after, ...limits }:
    Options,
  valuesOf: (what: string, i: number, n: number) => ArrayLike<number> = draw,
): Promise<State & { flat: FlatStore; follower: FlatStore; mixed: Mixed | null }> {
  const gpu = await sharedGpu();
  using memory = new Memory(gpu);
  const halves = scale !== undefined, lossScale = halves ? createLossScale({ scale, slots: 2 }) : undefined;
  const online = createNetwork("online", { gradients: true, halves }),
    target = createNetwork("target", { gradients: false, halves });
  shapes.forEach((shape, i) => {
    declare(new Scope(online), `p${i}`, shape);
    if (i < followed) declare(new Scope(target), `p${i}`, shape);
  });
  const maxBinding = limits.maxBinding ?? gpu.limits.maxBinding;
  const optimizer = createOptimizer({ online, target }, {
    name,
    maxBinding,
    ema,
    trust,
    larsClip,
    lossScale,
  });
  const tape = newTape({ maxGrid: limits.maxGrid ?? gpu.limits.maxGrid });
  const scalarStore: Store = { name: "step", category: "input", bytes: STEP_BYTES, uniform: true };
  const step = tensorIn(scalarStore, { shape: [STEP_BYTES / 4] });
  const stores = {
    theta: online.parameters.store,
    xi: target.parameters.store,
    velocity: optimizer.velocity,
  };
  optimizer.record(tape, step);
  const updates = tape.dispatches.filter(({ kernel }) => kernel.name.startsWith("update")).length;
  assert(
    updates === 1 || online.parameters.store.bytes > maxBinding,
    `${updates} updates where one would do`,
  );
  after?.(tape, { ...stores, step });
  using program = new Program(memory, tape);
  assert(program.plan.largest.bytes <= maxBinding, `a binding takes ${program.plan.largest.bytes} bytes`);
  optimizer.prepare(memory);
  for (const [what, store] of Object.entries(stores)) {
    memory.write(
      store,
      fill(what === "xi" ? target.parameters : online.parameters, (i, n) => valuesOf(what, i, n)),
    );
  }
  for (let k = 0; k < 2; k++) {
    memory.write(online.gradients!, fill(online.parameters, (i, n) => valuesOf(`gradient ${k}`, i, n)));
    memory.write(
      scalarStore,
      packStep({ lr: 0.3, momentum: 0.9, weightDecay: 0.05, tau: 0.8, slot: k, ...scalars }),
    );
    program.run();
  }
  const read = async (store: Store) =>
    new Uint32Array((await memory.read({ store, offset: 0, bytes: store.bytes })).buffer);
  const [theta, xi, velocity] = await Promise.all([stores.theta, stores.xi, stores.velocity].map(read));
  let mixed: Mixed | null = null;
  if (lossScale) {
    const [thetaCopy, xiCopy, ring] = await Promise.all(
      [online.halves!, target.halves!, lossScale.ring].map(read),
    );
    mixed = {
      thetaCopy: new Uint16Array(thetaCopy.buffer, 0, theta.length),
      xiCopy: new Uint16Array(xiCopy.buffer, 0, xi.length),
      ring: new Float32Array(ring.buffer),
    };
  }
  return { theta, xi, velocity, flat: online.parameters, follower: target.parameters, mixed };
}

/** The values of parameter `i`. */
function part(bits: Uint32Array<ArrayBuffer>, { variables }: FlatStore, i: number): Float32Array {
  const { offset, bytes } = variables[i].tensor.region!;
  return new Float32Array(bits.buffer, offset, bytes / 4);
}

function assertSameBits<T extends Uint32Array | Uint16Array>(name: string, actual: T, expected: T): void {
  const i = actual.findIndex((bits, i) => bits !== expected[i]);
  assert(
    actual.length === expected.length && i < 0,
    `${name} differs at ${i}: ${actual[i]}, expected ${expected[i]}`,
  );
}

/** The bits of the float16 numbers nearest to some of float32. */
function halfBits(bits: Uint32Array<ArrayBuffer>): Uint16Array {
  return new Uint16Array(Float16Array.from(new Float32Array(bits.buffer)).buffer);
}

/** Around a block of 64, an invocation's 4 and a workgroup's 256 elements; of one axis and of more. */
const shapes = [[1], [3, 1], [63], [8, 8], [65], [5, 13, 1, 1], [255], [16, 16], [257], [2, 131], [64]];

const rules: { name: OptimizerName; trust: number }[] = [{ name: "sgd", trust: 0 }, {
  name: "lars",
  trust: 1e-3,
}];

for (const { name, trust } of rules) {
  Deno.test(
    `optimizer: two steps of ${name} agree with the reference; one axis has no decay`,
    onGpu,
    async () => {
      await checkSteps({ shapes, name, followed: 8, scalars: {} }, trust);
      // The kernels' grids have two dimensions.
      if (name === "sgd") await checkSteps({ shapes, name, followed: 8, scalars: {}, maxGrid: 3 }, trust);
      await checkSteps({ shapes: [[271, 269], [5]], name, followed: 1, scalars: {}, maxGrid: 17 }, trust);
    },
  );
}

Deno.test(
  "createOptimizer() clips LARS where its rate exceeds lr, with another trust coefficient",
  onGpu,
  async () => {
    // Of these parameters some are clipped and some are not.
    const mixed = { shapes, name: "lars", followed: 8, scalars: {} } as const;
    await checkSteps({ ...mixed, trust: 0.17, larsClip: true }, 0.17, true);
    await checkSteps({ ...mixed, trust: 0.02, larsClip: true }, 0.02, true);
    await checkSteps({ ...mixed, trust: 0.02 }, 0.02);
    const ratios = shapes.flatMap((shape, i) => {
      const [theta, g] = ["theta", "gradient 0"].map((what) => draw(what, i, sizeOf(shape)));
      return shape.length > 1 ? [0.17 * Math.hypot(...theta) / Math.hypot(...g) > 0.3] : [];
    });
    assert(ratios.includes(true) && ratios.includes(false), `above lr: ${ratios}`);
  },
);

async function checkSteps(options: Options, trust: number, clip = false): Promise<void> {
  const { flat, follower, ...actual } = await optimize(options);
  options.shapes.forEach((shape, i) => {
    const weights = shape.length > 1;
    const value = (what: string): Float64Array => Float64Array.from(draw(what, i, sizeOf(shape)));
    const settings = {
      lr: 0.3,
      mu: 0.9,
      decay: weights ? 0.05 : 0,
      trust: weights ? trust : 0,
      clip,
      tau: 0.8,
    };
    let state = { theta: value("theta"), xi: value("xi"), momentum: value("velocity") };
    for (let k = 0; k < 2; k++) {
      state = optimizerStep({ ...state, gradient: value(`gradient ${k}`) }, settings);
    }
    assertClose(`theta ${i}`, part(actual.theta, flat, i), state.theta, { absolute: 5e-7 });
    assertClose(`velocity ${i}`, part(actual.velocity, flat, i), state.momentum, { absolute: 5e-7 });
    if (i < options.followed!) {
      assertClose(`xi ${i}`, part(actual.xi, follower, i), state.xi, { absolute: 3e-7 });
    }
  });
}

const { tensors, metadata } = await readGolden<OpsMetadata>("ops");

for (const { name, operands, sizes } of metadata.cases.filter(({ op }) => op === "optimizer")) {
  Deno.test(`createOptimizer() matches PyTorch's ${name}`, onGpu, async () => {
    const { lr, tau, mu: momentum, decay: weightDecay, trust, clip } = sizes;
    const operand: Record<string, string> = {
      theta: "theta",
      xi: "xi",
      "gradient 0": "g1",
      "gradient 1": "g2",
    };
    const { flat, ...actual } = await optimize(
      {
        shapes: [operands.theta],
        name: trust ? "lars" : "sgd",
        ...trust && { trust },
        larsClip: clip,
        scalars: { lr, tau, momentum, weightDecay },
      },
      (what, _, n) => what === "velocity" ? new Float32Array(n) : hashSigned(`${name}.${operand[what]}`, n),
    );
    const expected = (key: string) => tensors.get(`${name}.${key}`)!.data;
    assertClose("theta", part(actual.theta, flat, 0), expected("theta"), { absolute: 5e-7 });
    assertClose("xi", part(actual.xi, flat, 0), expected("xi"), { absolute: 5e-7 });
    assertClose("momentum", part(actual.velocity, flat, 0), expected("momentum"), { absolute: 5e-7 });
  });
}

const average = `
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> theta: array<f32>;
@group(0) @binding(1) var<storage, read_write> xi: array<f32>;
@group(0) @binding(2) var<uniform> step: Step;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) {
    xi[id.x] = step.tau * xi[id.x] + step.one_minus_tau * theta[id.x];
  }
}`;

Deno.test(
  "createOptimizer() has the bits of a separate moving average",
  onGpu,
  async () => {
    for (const { name } of rules) {
      for (const tau of [0, 0.5, 0.99, 0.9999]) {
        const options: Options = { shapes, name, followed: 9, scalars: { tau } };
        const fused = await optimize(options);
        const apart = await optimize({
          ...options,
          ema: false,
          after(tape, { theta, xi, step }) {
            const n = xi.bytes / 4;
            tape.dispatch(
              {
                name: "average",
                files: { ...wgsl.step, "average.wgsl": average },
                bindings: { theta: "read", xi: "read_write", step: "uniform" },
                params: { n: "u32" },
              },
              {
                tensors: { theta: tensorIn(theta, { shape: [n] }), xi: tensorIn(xi, { shape: [n] }), step },
                params: { n },
                grid: [Math.ceil(n / 64), 1, 1],
              },
            );
          },
        });
        for (const key of ["theta", "xi", "velocity"] as const) {
          assertSameBits(
            `${key}, tau ${tau}`,
            fused[key],
            apart[key],
          );
        }
      }
    }
  },
);

Deno.test(
  "createOptimizer() keeps the target's bits with tau = 1, and with ema: false for any tau",
  onGpu,
  async () => {
    const special = Uint32Array.of(
      0x80000000,
      1,
      0x80000001,
      0x007fffff,
      0x7f800000,
      0xff800000,
      0x7f7fffff,
      0x7fc00001,
    );
    const values = (what: string, i: number, n: number) => {
      const plain = hashSigned(`${what} ${i}`, n);
      if (what === "xi") plain.set(new Float32Array(special.buffer).subarray(0, n));
      return plain;
    };
    for (const options of [{ scalars: { tau: 1 } }, { scalars: { tau: 0.5 }, ema: false }]) {
      const { xi, follower, theta } = await optimize({ shapes, ...options }, values);
      const before = new Uint32Array(fill(follower, (i, n) => values("xi", i, n)).buffer);
      assertEquals(
        [...before.subarray(64 * 3, 64 * 3 + 8)],
        [...special],
        "the values lost their bits on the way",
      );
      assertSameBits("xi", xi, before);
      assert(part(theta, follower, 3)[0] !== hashSigned("theta 3", 64)[0], "theta stands still");
    }
  },
);

halfTest(
  "createOptimizer() with copies has the weights of float32, and copies of them rounded, in one part and in more",
  async () => {
    // Of an even number of blocks, so that parts end at the same elements: the norms of LARS are sums of the parts'.
    const large = [[3060], [50, 50], [128], [4096], [70, 80], [100], [9, 9]];
    for (const { name } of rules) {
      for (
        const { scale, ...options } of [
          { shapes, followed: 9, scale: 2 ** 7 },
          { shapes: large, followed: 4, maxBinding: 16384, scale: 2 ** 16 },
        ]
      ) {
        const plain = await optimize({ ...options, name, scalars: {} });
        const scaled = (what: string, i: number, n: number) =>
          what.startsWith("gradient") ? draw(what, i, n).map((value) => value * scale) : draw(what, i, n);
        const { flat, follower, mixed, ...state } = await optimize(
          { ...options, name, scale, scalars: {} },
          scaled,
        );
        options.shapes.forEach((_, i) => {
          const bitsOf = (bits: Uint32Array<ArrayBuffer>, of: FlatStore) =>
            Uint32Array.from(new Uint32Array(part(bits, of, i).slice().buffer));
          for (const key of ["theta", "velocity"] as const) {
            assertSameBits(`${key} ${i}, ${name}`, bitsOf(state[key], flat), bitsOf(plain[key], plain.flat));
          }
          if (i < options.followed) {
            assertSameBits(`xi ${i}, ${name}`, bitsOf(state.xi, follower), bitsOf(plain.xi, plain.follower));
          }
        });
        assertSameBits(`copies of theta, ${name}`, mixed!.thetaCopy, halfBits(state.theta));
        assertSameBits(`copies of xi, ${name}`, mixed!.xiCopy, halfBits(state.xi));
        assertEquals([...mixed!.ring], [scale, 0, scale, 0]);
      }
    }
  },
);

halfTest("createOptimizer() changes nothing in a step whose gradients overflow, wherever it is", async () => {
  const options: Options = {
    shapes: [[3000], [50, 50], [4096], [9, 9]],
    followed: 3,
    maxBinding: 16384,
    scalars: {},
  };
  for (const { name } of rules) {
    for (const [parameter, at, bad] of [[0, 0, Infinity], [3, 80, NaN]]) {
      const spoil = (broken: number[]) => (what: string, i: number, n: number) => {
        const values = draw(what, i, n);
        const [, step] = what.split(" ");
        return i === parameter && what.startsWith("gradient") && broken.includes(Number(step))
          ? values.with(at, bad)
          : values;
      };
      const { flat, follower, mixed, ...state } = await optimize(
        { ...options, name, scale: 1 },
        spoil([0, 1]),
      );
      for (const [what, of] of [["theta", flat], ["velocity", flat], ["xi", follower]] as const) {
        const before = new Uint32Array(fill(of, (i, n) => draw(what, i, n)).buffer);
        assertSameBits(`${what}, ${name}`, state[what], before);
      }
      // The copies were zeros.
      assert(
        mixed!.thetaCopy.every((bits) => bits === 0) && mixed!.xiCopy.every((bits) => bits === 0),
        "the copies moved",
      );
      assertEquals([...mixed!.ring], [1, 1, 1, 1]);
      // The next step is taken from where the skipped one began, with its own gradients.
      const later = await optimize({ ...options, name, scale: 1 }, spoil([0]));
      assertEquals([...later.mixed!.ring], [1, 1, 1, 0]);
      const settings = { lr: 0.3, mu: 0.9, decay: 0, trust: 0, clip: false, tau: 0.8 };
      const value = (what: string) => Float64Array.from(draw(what, 0, 3000));
      const one = optimizerStep(
        {
          theta: value("theta"),
          xi: value("xi"),
          momentum: value("velocity"),
          gradient: value("gradient 1"),
        },
        settings,
      );
      assertClose("theta 0", part(later.theta, later.flat, 0), one.theta, { absolute: 5e-7 });
      assertClose("xi 0", part(later.xi, later.follower, 0), one.xi, { absolute: 3e-7 });
    }
  }
});

Deno.test("packStep() keeps the digits of a tau near 1", () => {
  const [, , , tau, rest] = new Float32Array(
    packStep({ lr: 0, momentum: 0, weightDecay: 0, tau: 0.9999, slot: 0 }).buffer,
  );
  assertEquals([tau, rest], [Math.fround(0.9999), Math.fround(1 - 0.9999)]);
});

Deno.test("createOptimizer() has the same bits for a store updated in parts", onGpu, async () => {
  // 64 blocks of 256 bytes are the smallest part, 16 KiB: 4096 elements. Parameters cross the parts' ends.
  const large = [[3000], [50, 50], [64], [4096], [70, 80], [1], [9, 9]];
  for (const { name } of rules) {
    // The target ends inside the first part, at a part's end, inside the second part, after the last but one.
    for (const followed of [1, 2, 3, 5, 6, 7]) {
      const options: Options = { shapes: large, name, followed, scalars: {} };
      const whole = await optimize(options);
      for (const maxBinding of [16384, 40000]) {
        const parts = await optimize({ ...options, maxBinding });
        for (const key of ["theta", "xi", "velocity"] as const) {
          assertSameBits(`${key}, target of ${followed}, parts of ${maxBinding}`, parts[key], whole[key]);
        }
      }
    }
  }
});

Deno.test("createOptimizer() uses trust ratio 1 for parameters with a zero norm", onGpu, async () => {
  const matrices = [[4, 4], [4, 4], [4, 4], [16]];
  const { theta, flat } = await optimize(
    { shapes: matrices, name: "lars", scalars: { lr: 1, momentum: 0, weightDecay: 0 } },
    (what, i, n) => {
      if (what === "theta") return new Float32Array(n).fill(i === 0 ? 0 : 3);
      if (what === "gradient 0") return new Float32Array(n).fill(i === 1 ? 0 : 2);
      return new Float32Array(n);
    },
  );
  const first = matrices.map((_, i) => part(theta, flat, i)[0]);
  // θ = 0: the gradient counts as it is. g = 0: nothing moves. Both norms: 1e-3 · 3 / 2 of the gradient. One axis: as it is.
  assertClose("theta", first, [-2, 3, 3 - 0.003, 1], { absolute: 3e-7 });
});

Deno.test(
  "createOptimizer() passes NaN to its element, with LARS to its whole parameter",
  onGpu,
  async () => {
    // Of one axis; of one piece; of many, the NaN in the last.
    for (const [i, j] of [[2, 40], [9, 130], [11, 5099]]) {
      const large = [...shapes, [51, 100]];
      for (const options of [{ name: "sgd" }, { name: "lars" }, { name: "lars", larsClip: true }] as const) {
        const { flat, follower, ...actual } = await optimize(
          { shapes: large, ...options, scalars: {} },
          (what, k, n) => {
            const values = draw(what, k, n);
            if (what === "gradient 0" && k === i) values[j] = NaN;
            return values;
          },
        );
        const whole = options.name === "lars" && large[i].length > 1;
        large.forEach((shape, k) => {
          const expected = Array.from({ length: sizeOf(shape) }, (_, l) => k === i && (whole || l === j));
          for (const [key, store] of [["theta", flat], ["velocity", flat], ["xi", follower]] as const) {
            const found = Array.from(part(actual[key], store, k), Number.isNaN);
            assertEquals(found, expected, `${key} ${k}, NaN in ${i} at ${j}, ${JSON.stringify(options)}`);
          }
        });
      }
    }
  },
);
