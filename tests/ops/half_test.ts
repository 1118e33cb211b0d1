/** The ops between float32 and float16, sums in float16, and the loss scale: each has one right answer, to the bit. */
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { halfTest, targets } from "../gpu/shared.ts";
import { roundedToHalf } from "../../src/inspect/doctor/check.ts";
import { addInto } from "../../src/ops/add.ts";
import { cast, toFloat32 } from "../../src/ops/cast.ts";
import { sumChannels } from "../../src/ops/channel_totals.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { adjustLossScale, initialLossScale, LOSS_SCALE_WORDS, unscale } from "../../src/ops/loss_scale.ts";
import { sumParts } from "../../src/ops/sum_parts.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { type Call, newTape, placed, runOp, sumError, type Values } from "./harness.ts";

/** 1, workgroup ± 1 and a grid of two dimensions at 7 workgroups per dimension, in elements. */
const sizes = [4, 252, 256, 260, 11 * 256 - 8];

/** Ties and their neighbors, the least numbers and the largest of float16, and what is none. */
const special = [
  ...[0, -0, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, -1 - 2 ** -11],
  ...[2 ** -14, 2 ** -15, 2 ** -24, 2 ** -25, 1.5 * 2 ** -25, 2 ** -26, 1023.5 * 2 ** -24],
  ...[65504, 65519.99, 65520, -65520, 1e30, Infinity, -Infinity, NaN],
  ...[1 / 3, Math.PI, -1e-4],
];

/** Without regard to the bits of NaN: they are the driver's. */
function assertSame(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const wrong = Array.from(expected).findIndex((value, i) => !Object.is(value, actual[i]));
  assert(
    wrong < 0 && actual.length === expected.length,
    `${name}[${wrong}] is ${actual[wrong]}, expected ${expected[wrong]}`,
  );
}

halfTest("cast() rounds to the nearest float16, to the even one of two, and widens exactly", async () => {
  for (const target of await targets()) {
    for (const n of sizes) {
      const x = hashSigned(`cast ${n}`, n);
      if (n >= special.length) x.set(special);
      for (const limits of [{ maxGrid: 7 }, { maxBinding: 512 }]) {
        const run = async (values: Float32Array, halves: string[]) => {
          const call: Call = {
            shapes: { x: [n / 4, 4], y: [n / 4, 4] },
            halves,
            op: (tape, { x, y }) => cast(tape, { x, y }),
          };
          return (await runOp(call, { values: { x: values }, target: { ...target, ...limits } })).y;
        };
        assertSame(`${n} narrowed`, await run(x, ["y"]), roundedToHalf(x));
        assertSame(`${n} widened`, await run(x, ["x"]), roundedToHalf(x));
      }
    }
  }
});

halfTest("toFloat32() widens x, and multiplies its gradient by the loss scale", async () => {
  const call = (scaled: boolean): Call => ({
    shapes: { x: [13, 20], state: [LOSS_SCALE_WORDS] },
    halves: ["x"],
    op: (tape, { x, state }) => toFloat32(tape, x, scaled ? state : undefined),
  });
  const x = hashSigned("x", 260), dy = hashSigned("dy", 260).map((u) => u * 1e-4);
  // 2¹⁶ times as much is infinite: an overflow, which the update must see.
  dy[37] = 1;
  const values = { x, state: initialLossScale(2 ** 16) };
  for (const target of await targets()) {
    const { y, dx } = await runOp(call(true), { values, dy, target });
    assertSame("y", y, roundedToHalf(x));
    assertSame("dx", dx, roundedToHalf(dy.map((value) => value * 2 ** 16)));
    assert(dx[37] === Infinity && dx[36] !== 0, `dx is ${dx[37]}`);
    assert(!("dx" in await runOp(call(false), { values, dy, target })), "a gradient without a scale");
  }
});

halfTest("addInto() and sumParts() in float16 round once", async () => {
  for (const target of await targets()) {
    for (const [i, n] of sizes.entries()) {
      const given = {
        into: roundedToHalf(hashSigned(`into ${n}`, n)),
        from: roundedToHalf(hashSigned(`from ${n}`, n)),
      };
      for (const limits of [{ maxGrid: 7 }, { maxBinding: 256 }]) {
        const { into } = await runOp(
          {
            shapes: { into: [n], from: [n] },
            halves: ["into", "from"],
            op: addInto as (...args: unknown[]) => void,
          },
          { values: given, target: { ...target, ...limits } },
        );
        assertSame(`into, ${n}`, into, roundedToHalf(given.into.map((value, i) => value + given.from[i])));
      }
      const count = [1, 2, 5, 17][i % 4], parts = hashSigned(`parts ${n}`, count * n);
      // The parts of a product that is split are float32, its result is not; of a bias's gradient it is the other way round.
      for (const halves of [["total"], ["parts"], ["parts", "total"]]) {
        const values: Values = { parts: halves.includes("parts") ? roundedToHalf(parts) : parts };
        const sums = new Float32Array(n);
        for (let part = 0; part < count; part++) {
          for (let j = 0; j < n; j++) sums[j] += values.parts[part * n + j];
        }
        const { total } = await runOp(
          { shapes: { parts: [count, n], total: [n] }, halves, op: sumParts as (...args: unknown[]) => void },
          { values, target: { ...target, maxGrid: 7 } },
        );
        assertSame(`total of ${halves}, ${n}`, total, halves.includes("total") ? roundedToHalf(sums) : sums);
      }
    }
  }
});

halfTest("sumChannels() sums float16 in float32", async () => {
  const C = 12;
  for (const rows of [1, 67, 300]) {
    const [dy, x] = ["dy", "x"].map((what) => roundedToHalf(hashSigned(`${what} ${rows}`, rows * C)));
    const first = new Float64Array(C), second = new Float64Array(C);
    dy.forEach((value, i) => {
      first[i % C] += value;
      second[i % C] += value * x[i];
    });
    const call: Call = {
      shapes: { dy: [rows, C], x: [rows, C], first: [C], second: [C] },
      halves: ["dy", "x"],
      op: (tape, { dy, x, first, second }) => sumChannels(tape, { dy, x, first, second, name: "sums" }),
    };
    for (const target of await targets()) {
      const actual = await runOp(call, { values: { dy, x }, target: { ...target, maxBinding: 256 * C } });
      assertClose(`first of ${rows}`, actual.first, first, { absolute: sumError(rows) });
      assertClose(`second of ${rows}`, actual.second, second, { absolute: sumError(rows) });
    }
  }
});

/** The words of a state, and the last, the flag, as an integer. */
function stateOf(
  words: Float32Array,
): { scale: number; inverse: number; good: number; skipped: number; flag: number } {
  const [scale, inverse, good, skipped] = words;
  return { scale, inverse, good, skipped, flag: new Uint32Array(words.buffer, words.byteOffset)[4] };
}

halfTest("unscale() divides exactly, and tells of the one element that is not finite", async () => {
  const state = initialLossScale(2 ** 10);
  for (const target of await targets()) {
    for (const n of [64, 192, 256, 320, 11 * 256]) {
      const call: Call = {
        shapes: { gradient: [n], lossScale: [LOSS_SCALE_WORDS] },
        op: (tape, { gradient, lossScale }) => unscale(tape, { gradient, lossScale }),
      };
      const run = (gradient: Float32Array) =>
        runOp(call, { values: { gradient, lossScale: state }, target: { ...target, maxGrid: 7 } });
      // Up to the largest number, of which none is an overflow, and down to 0.
      const good = hashSigned(`gradient ${n}`, n).map((u, i) =>
        i === 9 ? 3.4e38 : i === 10 ? 0 : u * 10 ** (i % 30 - 20)
      );
      const { gradient, lossScale } = await run(good);
      assertSame(`of ${n}`, gradient, good.map((value) => value / 1024));
      assertEquals(stateOf(lossScale), { scale: 1024, inverse: 1 / 1024, good: 0, skipped: 0, flag: 0 });
      for (const bad of [Infinity, -Infinity, NaN, -NaN]) {
        for (const at of [0, n - 1, n - 62]) {
          const { lossScale } = await run(good.with(at, bad));
          assertEquals(stateOf(lossScale).flag, 1, `${bad} at ${at} of ${n}`);
        }
      }
    }
  }
});

/** Takes steps that overflow or not from a state; returns the slots of the ring, and the state at last. */
async function steps(
  overflows: readonly boolean[],
  { scale, growth, good = 0 }: { scale: number; growth: number | null; good?: number },
) {
  const [target] = await targets();
  let state = initialLossScale(scale), ring = new Float32Array(2 * overflows.length);
  state[2] = good;
  for (const [slot, overflow] of overflows.entries()) {
    new Uint32Array(state.buffer)[4] = Number(overflow);
    const call: Call = {
      shapes: { lossScale: [LOSS_SCALE_WORDS], ring: [overflows.length, 2], step: [8] },
      uniform: "step",
      op: (tape, { lossScale, ring, step }) => adjustLossScale(tape, { lossScale, ring, step }, { growth }),
    };
    const step = new Float32Array(packStep({ lr: 0, momentum: 0, weightDecay: 0, tau: 1, slot }).buffer);
    const after = await runOp(call, { values: { lossScale: state, ring, step }, target });
    state = Float32Array.from(after.lossScale);
    ring = Float32Array.from(after.ring);
  }
  const slots = Array.from(overflows, (_, i) => [ring[2 * i], ring[2 * i + 1]]);
  return { slots, ...stateOf(state) };
}

halfTest(
  "adjustLossScale() halves after an overflow, doubles after enough steps without, within its limits",
  async () => {
    assertEquals(await steps([false, true, true, false, false, false, false], { scale: 1024, growth: 3 }), {
      slots: [[1024, 0], [1024, 1], [512, 1], [256, 0], [256, 0], [256, 0], [512, 0]],
      ...{ scale: 512, inverse: 1 / 512, good: 1, skipped: 2, flag: 0 },
    });
    // An overflow begins the count again.
    const again = await steps([false, false, true, false, false], { scale: 8, growth: 3 });
    assertEquals([again.scale, again.good], [4, 2]);
    // Neither below 1 nor above 2²⁴.
    const least = await steps([true, true], { scale: 2, growth: 3 });
    assertEquals([least.slots, least.scale, least.inverse, least.skipped], [[[2, 1], [1, 1]], 1, 1, 2]);
    const most = await steps([false, false], { scale: 2 ** 23, growth: 1 });
    assertEquals([most.scale, most.inverse], [2 ** 24, 2 ** -24]);
    assertEquals((await steps([false], { scale: 2 ** 24, growth: 1 })).scale, 2 ** 24);
    // PyTorch's growth.
    assertEquals((await steps([false], { scale: 4, growth: 2000, good: 1998 })).scale, 4);
    assertEquals((await steps([false], { scale: 4, growth: 2000, good: 1999 })).scale, 8);
  },
);

halfTest("adjustLossScale() without growth keeps the scale, and counts what was skipped", async () => {
  assertEquals(await steps([true, false, true], { scale: 64, growth: null }), {
    slots: [[64, 1], [64, 0], [64, 1]],
    ...{ scale: 64, inverse: 1 / 64, good: 0, skipped: 2, flag: 0 },
  });
});

halfTest(
  "ops refuse operands of different types, and products of float16 by weights without a copy",
  async () => {
    const x = { ...placed("x", [2, 4, 4, 4]), type: "f16" } as const;
    await assertThrows(
      () => addInto(newTape({}), { into: x, from: placed("dx", x.shape) }),
      TypeError,
      /^Cannot run "add": addend and into have elements of different types$/,
    );
    await assertThrows(
      () => conv2d(newTape({}), { x, w: placed("w", [1, 1, 4, 4]), stride: 1, pad: 0, name: "conv" }),
      TypeError,
      /^Cannot multiply "x" by "w": it has no copy in float16$/,
    );
    await assertThrows(
      () => unscale(newTape({}), { gradient: x, lossScale: placed("state", [8]) }),
      TypeError,
      /^Cannot run "unscale": gradient must be float32$/,
    );
  },
);
