import { assert, assertEquals, assertThrows } from "../assert.ts";
import { halfTest, onGpu, sharedGpu } from "../gpu/shared.ts";
import { newTape, placed } from "../ops/harness.ts";
import { MachineError } from "../../src/base/errors.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { codeOf, type Kernel } from "../../src/gpu/kernel.ts";
import { Memory } from "../../src/gpu/memory.ts";
import { Program } from "../../src/graph/program.ts";
import type { Tape } from "../../src/graph/tape.ts";
import {
  type ChoosingProfile,
  deviceProfileOf,
  type KernelChoice,
  pinned,
  type Variant,
} from "../../src/graph/kernel_choice.ts";
import type { Timer } from "../../src/graph/timer.ts";
import { type Decision, tune } from "../../src/graph/tuner.ts";

/** y[i] = 2 · x[i], after `n` rounds of work that no compiler can leave out. */
const kernel: Kernel = {
  name: "rounds",
  files: {
    "rounds.wgsl": `
    struct Params { n: u32 }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(0) @binding(2) var<uniform> params: Params;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      let i = id.x;
      var z = f32(i);
      for (var i = 0u; i < params.n; i++) { z = fract(z * 1.1 + 0.3); }
      y[i] = x[i] * select(2.0, 3.0, z > 2.0);
    }`,
  },
  bindings: { x: "read", y: "read_write" },
  params: { n: "u32" },
};

/** A kernel with another text; the name tells pipelines apart. */
const changed = (name: string, from: string, to: string): Kernel => {
  assert(codeOf(kernel).includes(from), from);
  return { ...kernel, name, files: { "rounds.wgsl": codeOf(kernel).replace(from, to) } };
};

const variantOf = (
  n: number,
  { skipTuning, of = kernel }: { skipTuning?: boolean; of?: Kernel } = {},
): Variant => ({
  record: (tape, { x, y }) =>
    tape.dispatch(of, { tensors: { x, y }, params: { n }, grid: [GROUPS, 1, 1], flops: n }),
  skipTuning,
});

const GROUPS = 64, ELEMENTS = 64 * GROUPS;

const choiceOf = (variants: Record<string, Variant>, name = "rounds"): KernelChoice => ({
  name,
  tensors: { x: placed("x", [ELEMENTS]), y: placed("y", [ELEMENTS]) },
  result: { name: "y", terms: 1, element: (i, read) => 2 * read("x", i) },
  variants,
});

/** What a trace that makes these choices gets, and what is in the cache then; on a busy machine too. */
async function decide(
  choices: KernelChoice[],
  { seconds = 60, known = new Map(), timer, gpu: given, signal }: {
    seconds?: number;
    known?: Map<string, Decision>;
    timer?: Timer;
    gpu?: Gpu;
    signal?: AbortSignal;
  } = {},
): Promise<{ picked: (string | undefined)[]; known: Map<string, Decision>; lines: string[] }> {
  const lines: string[] = [];
  const trace = (target: ChoosingProfile) => {
    const tape = newTape(target);
    for (const choice of choices) tape.choose(choice);
    return tape;
  };
  const chooser = await tune(given ?? await sharedGpu(), trace, {
    cache: known,
    seconds,
    timer,
    signal,
    report: (line) => lines.push(line),
  });
  return { picked: choices.map(chooser), known, lines };
}

Deno.test("tune() picks the fastest variant in any position, and records the times", onGpu, async () => {
  const { picked, known, lines } = await decide([
    choiceOf({ slow: variantOf(4000), fast: variantOf(100), middle: variantOf(1000) }),
    choiceOf({ quick: variantOf(50), slow: variantOf(3000) }),
  ]);
  assertEquals(picked, ["fast", "quick"]);
  const [first] = [...known.values()].filter(({ variant }) => variant === "fast");
  assertEquals([first.choice, Object.keys(first.milliseconds)], ["rounds", ["slow", "fast", "middle"]]);
  assert(first.milliseconds.slow > 3 * first.milliseconds.fast, JSON.stringify(first));
  assertEquals(lines.length, 1);
});

Deno.test(
  "tune() reuses decisions until a kernel, a size or the variants change",
  onGpu,
  async () => {
    const variants = { slow: variantOf(2000), fast: variantOf(100) };
    const { known } = await decide([choiceOf(variants)], { seconds: 0 });
    const [[key, decision]] = known;
    // No time left: the default, until there is a GPU's time.
    const { software } = await sharedGpu();
    assertEquals(decision, {
      choice: "rounds",
      variant: "slow",
      milliseconds: {},
      ...!software && { provisional: true },
    });
    known.set(key, { ...decision, variant: "fast" });
    assertEquals(
      await decide([choiceOf(variants, "another name")], { known }).then((
        { picked, lines },
      ) => [picked, lines]),
      [
        ["fast"],
        [],
      ],
    );
    for (
      const changed of [
        { slow: variantOf(2001), fast: variantOf(100) } as Record<string, Variant>,
        {
          slow: variantOf(2000, { of: { ...kernel, files: { "rounds.wgsl": `${codeOf(kernel)} ` } } }),
          fast: variantOf(100),
        },
        { slow: variantOf(2000), other: variantOf(100) },
      ]
    ) {
      const { picked, lines } = await decide([choiceOf(changed)], { seconds: 0, known: new Map(known) });
      assertEquals([picked, lines.length], [["slow"], 1]);
    }
  },
);

Deno.test("tune() never runs a variant with skipTuning, and does not time a single one", onGpu, async () => {
  const forbidden: Variant = { ...variantOf(1), skipTuning: true };
  const { picked, known, lines } = await decide([
    choiceOf({ slow: variantOf(500), fast: variantOf(20), forbidden }),
    choiceOf({ only: variantOf(30), forbidden }),
  ]);
  assertEquals([picked, known.size, lines.length], [["fast", undefined], 1, 1]);
  assert(!("forbidden" in [...known.values()][0].milliseconds));
});

/** A clock of our own: a run of n rounds takes n µs, of which the host's clock tells a millisecond too many or too few. */
function fakeTimer(): Timer & { taken: number[] } {
  const taken: number[] = [];
  return {
    enough: .01,
    taken,
    sample(program, times) {
      const { n } = program.plan.dispatches[0].dispatch.params, seconds = n * 1e-6 * times;
      taken.push(n);
      const wall = Math.max(0, seconds + (taken.length % 2 ? .001 : -.001));
      return Promise.resolve({ wall, ticks: seconds / 10e-9 });
    },
  };
}

Deno.test("tune() distinguishes 40 µs from 50 by samples in turns", onGpu, async () => {
  for (const [first, second] of [[50, 40], [40, 50]]) {
    const timer = fakeTimer();
    const { picked, known } = await decide([choiceOf({ a: variantOf(first), b: variantOf(second) })], {
      timer,
    });
    assertEquals(picked, [first < second ? "a" : "b"]);
    assertEquals(timer.taken, timer.taken.map((_, i) => i % 2 ? second : first));
    const [{ milliseconds: { a, b } }] = known.values();
    assert(Math.abs(a / b - first / second) < 1e-6, `${a} and ${b} ms`);
  }
});

const invalid = changed("invalid", "var z = f32(i)", "var z: nonsense = f32(i)");
const faulty = {
  scaled: changed("scaled", "select(2.0", "select(2.001"),
  shortened: changed("shortened", "let i = id.x;", `let i = id.x; if (i == ${ELEMENTS - 1}u) { return; }`),
  shifted: changed("shifted", "y[i] = x[i]", "y[i] = x[i ^ 1u]"),
  spiked: changed("spiked", "y[i] = x[i]", "y[i] = select(x[i], 1e30, i == 2049u)"),
  nan: changed("nan", "y[i] = x[i]", `y[i] = select(x[i], bitcast<f32>(0x7fc00000u + params.n), i == 77u)`),
};

Deno.test(
  "tune() drops variants that are rejected or compute wrong, and reports each once",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    const reasons = {
      refused: /^the driver rejects it: kernels\/rounds\.wgsl:\d+:\d+ \(invalid\): .*nonsense/,
      scaled: /^it computes wrong: its error is [1-5]\.\de-4 of/,
      shortened: /^it computes wrong/,
      shifted: /^it computes wrong/,
      spiked: /^it computes wrong: its error is \d\.\de\+\d\d of/,
      nan: /^it computes values that are not finite$/,
    };
    const bad = {
      refused: variantOf(1, { of: invalid }),
      ...Object.fromEntries(Object.entries(faulty).map(([name, of]) => [name, variantOf(1, { of })])),
    };
    // Enough right variants for most to be right, as the wrong ones would be the fastest.
    const right = {
      "default": variantOf(30),
      fast: variantOf(20),
      a: variantOf(40),
      b: variantOf(50),
      c: variantOf(60),
    };
    const choices = [
      choiceOf({ ...right, ...bad }),
      choiceOf({ ...right, a: variantOf(70), ...bad }, "other rounds"),
    ];
    const known = new Map<string, Decision>();
    const { picked, lines } = await decide(choices, { known, timer: fakeTimer() });
    gpu.check();
    assertEquals(picked, ["fast", "fast"]);
    for (const { excluded, milliseconds, provisional } of known.values()) {
      assertEquals(Object.keys(milliseconds), Object.keys(right));
      assertEquals([Object.keys(excluded!).sort(), provisional], [Object.keys(bad).sort(), undefined]);
      for (const [name, reason] of Object.entries(reasons)) {
        assert(
          reason.test(excluded![name]),
          excluded![name],
        );
      }
    }
    assertEquals(lines.length, 1 + Object.keys(bad).length, lines.join("\n"));
    for (const name of Object.keys(bad)) {
      const naming = lines.filter((line) =>
        line.startsWith(`Dropped ${name} for rounds and 1 more shapes: `)
      );
      assertEquals(naming.length, 1, lines.join("\n"));
    }
    // What is known is neither tried nor named again.
    const timer = fakeTimer(), again = await decide(choices, { known: new Map(known), timer });
    assertEquals([again.picked, again.lines, timer.taken], [["fast", "fast"], [], []]);
  },
);

/** y[i] = 2 · x[i] of quadruples in float32 or float16, and what computes something else. */
const doubling = (name: string, value: string): Kernel => ({
  name,
  files: {
    "doubling.wgsl": `
    struct Params { n: u32 }
    @group(0) @binding(0) var<storage, read> x: array<Stored>;
    @group(0) @binding(1) var<storage, read_write> y: array<Result>;
    @group(0) @binding(2) var<uniform> params: Params;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      let i = id.x;
      let v = vec4f(x[i]);
      ${value}
    }`,
  },
  bindings: { x: "read", y: "read_write" },
  aliases: { Stored: ["x"], Result: ["y"] },
  params: { n: "u32" },
});

halfTest(
  "tune() of float16 accepts what is right but for its rounding, drops what is wrong, and knows it from float32",
  async () => {
    const variant = (n: number, of: Kernel): Variant => ({
      record: (tape, { x, y }) =>
        tape.dispatch(of, { tensors: { x, y }, params: { n }, grid: [GROUPS / 4, 1, 1], flops: n }),
    });
    const last = ELEMENTS / 4 - 1;
    const right = {
      "default": variant(50, doubling("doubling", "y[i] = Result(2.0 * v);")),
      fast: variant(20, doubling("adding", "y[i] = Result(v + v);")),
      // One unit in the last place of float16 more.
      rounded: variant(30, doubling("rounded", "y[i] = Result(2.0 * v * 1.0005);")),
    };
    const wrong = {
      scaled: variant(1, doubling("scaled half", "y[i] = Result(2.004 * v);")),
      shortened: variant(1, doubling("shortened half", `if (i < ${last}u) { y[i] = Result(2.0 * v); }`)),
      shifted: variant(1, doubling("shifted half", "y[i] = Result(2.0 * v.yxwz);")),
      spiked: variant(1, doubling("spiked half", "y[i] = Result(2.0 * select(v, vec4f(3e4), i == 517u));")),
      infinite: variant(1, doubling("infinite half", "y[i] = Result(v * select(2.0, 1e6, i == 5u));")),
    };
    const choice = (type: "f16" | "f32"): KernelChoice => ({
      name: `doubling ${type}`,
      tensors: { x: { ...placed("x", [ELEMENTS]), type }, y: { ...placed("y", [ELEMENTS]), type } },
      result: { name: "y", terms: 1, element: (i, read) => 2 * read("x", i) },
      variants: { ...right, ...wrong },
    });
    const { picked, known, lines } = await decide([choice("f16"), choice("f32")], { timer: fakeTimer() });
    assertEquals(picked, ["fast", "fast"]);
    const [half, full] = ["f16", "f32"].map((type) =>
      [...known.values()].find(({ choice }) => choice === `doubling ${type}`)!
    );
    assertEquals(Object.keys(half.milliseconds), Object.keys(right));
    assertEquals(Object.keys(half.excluded!).sort(), Object.keys(wrong).sort(), lines.join("\n"));
    assert(half.excluded!.infinite.includes("not finite"), half.excluded!.infinite);
    // In float32 that is no rounding.
    assertEquals(Object.keys(full.excluded!).sort(), [...Object.keys(wrong), "rounded"].sort());
  },
);

Deno.test(
  "tune() replaces a default that is rejected or wrong, even if most variants are wrong",
  onGpu,
  async () => {
    for (const broken of [invalid, faulty.shortened, faulty.spiked, faulty.nan]) {
      const { picked, known, lines } = await decide([
        choiceOf({ "default": variantOf(1, { of: broken }), a: variantOf(30), b: variantOf(20) }),
      ], {
        timer: fakeTimer(),
      });
      assertEquals([picked, lines.length], [["b"], 2], lines.join("\n"));
      assertEquals(Object.keys([...known.values()][0].excluded!), ["default"]);
    }
    // Most have the same fault, as variants do that share a kernel.
    const same = {
      "default": variantOf(1, { of: faulty.scaled }),
      split: variantOf(2, { of: faulty.scaled }),
    };
    assertEquals((await decide([choiceOf({ ...same, a: variantOf(30) })], { timer: fakeTimer() })).picked, [
      "a",
    ]);
    // The only variant that is left needs no timing.
    const timer = fakeTimer();
    const { picked } = await decide([
      choiceOf({ "default": variantOf(1, { of: invalid }), a: variantOf(30) }),
    ], { timer });
    assertEquals([picked, timer.taken], [["a"], []]);
  },
);

Deno.test(
  "tune() keeps the default if every variant is rejected, which throws when it is used",
  onGpu,
  async () => {
    using gpu = await openGpu();
    const default_ = variantOf(1, { of: invalid }), other = variantOf(2, { of: invalid });
    const { picked, lines } = await decide([choiceOf({ "default": default_, other })], { gpu });
    assertEquals([picked, lines.length], [["default"], 3]);
    gpu.check();
    using memory = new Memory(gpu);
    const tape = newTape(deviceProfileOf(gpu));
    default_.record(tape, choiceOf({ "default": default_ }).tensors);
    using _program = new Program(memory, tape);
    await gpu.device.queue.onSubmittedWorkDone();
    await assertThrows(() => gpu.check(), MachineError, /nonsense/);
  },
);

Deno.test("tune() ends when its signal is aborted, and keeps what it has decided", onGpu, async () => {
  const stop = new AbortController(), known = new Map<string, Decision>(), { set } = known;
  known.set = (key, decision) => {
    stop.abort();
    return set.call(known, key, decision);
  };
  const choices = [1, 2, 3].map((k) => choiceOf({ slow: variantOf(2000 * k), fast: variantOf(10 * k) }));
  await assertThrows(() => decide(choices, { known, signal: stop.signal }), DOMException, /aborted/);
  assertEquals([...known.values()].map(({ variant }) => variant), ["fast"]);
});

Deno.test("tune() names the running variant if the device is lost", onGpu, async () => {
  using gpu = await openGpu();
  const timer = { ...fakeTimer() };
  const losing: Timer = {
    ...timer,
    async sample(program, times) {
      gpu.device.destroy();
      await gpu.device.lost;
      program.run({ times });
      gpu.check();
      return await timer.sample(program, times);
    },
  };
  await assertThrows(
    () => decide([choiceOf({ slow: variantOf(50), fast: variantOf(20) })], { gpu, timer: losing }),
    MachineError,
    /^Cannot time "slow" for rounds: The GPU was lost /,
  );
});

Deno.test("tune() fills large tensors on the GPU from one upload of a megabyte", onGpu, async () => {
  const gpu = await sharedGpu(), { queue } = gpu.device, write = queue.writeBuffer;
  const MEGABYTE = 2 ** 20, n = 4 * MEGABYTE;
  let bytes = 0;
  queue.writeBuffer = (buffer, offset, data, ...rest) => {
    bytes += data.byteLength;
    write.call(queue, buffer, offset, data, ...rest);
  };
  try {
    const large = (name: string, variants: Record<string, Variant>): KernelChoice => ({
      ...choiceOf(variants, name),
      tensors: { x: placed("x", [n]), y: placed("y", [n]) },
    });
    const choices = [20, 30].map((k) =>
      large(`${k}`, { a: variantOf(k), b: variantOf(k + 1), c: variantOf(k + 2) })
    );
    const { picked } = await decide(choices, { timer: fakeTimer() });
    assertEquals(picked, ["a", "a"]);
  } finally {
    queue.writeBuffer = write;
  }
  assert(bytes > MEGABYTE / 2 && bytes < 1.1 * MEGABYTE, `${bytes} bytes`);
});

Deno.test("Tape.choose() takes the default, a pinned family, and the default for an unknown name", () => {
  const ran: string[] = [];
  const noted = (name: string): Variant => ({ record: (_: Tape) => void ran.push(name) });
  const choice = choiceOf({
    "tiled-8": noted("tiled-8"),
    "tiled-4": noted("tiled-4"),
    blocked: noted("blocked"),
  });
  for (
    const chooser of [
      undefined,
      pinned("tiled"),
      pinned("tiled-4"),
      pinned("block"),
      pinned("none"),
      () => "gone",
    ]
  ) {
    newTape({ chooser }).choose(choice);
  }
  assertEquals(ran, ["tiled-8", "tiled-8", "tiled-4", "blocked", "tiled-8", "tiled-8"]);
  assertEquals(deviceProfileOf(null).subgroupSize, 0);
});
