import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu, targets } from "../gpu/shared.ts";
import { dispatchOf, runPlan, runTrace, tensorOf } from "./simulate.ts";
import { traceTraining } from "../../src/byol/trace_training.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { livePeak, livesOf } from "../../src/graph/lifetimes.ts";
import { planMemory } from "../../src/graph/plan.ts";
import { Program } from "../../src/graph/program.ts";
import { rematerialize } from "../../src/graph/rematerialize.ts";
import type { Dispatch } from "../../src/graph/dispatch_list.ts";
import { originOf, slice, type Tensor, tensorIn } from "../../src/graph/tensor.ts";
import { type BackboneConfig, backbones } from "../../src/nn/backbones.ts";
import { drawWeights } from "../../src/nn/weights.ts";
import { packStep } from "../../src/optim/optimizer.ts";
import { keyedRandom } from "../../src/base/random.ts";

const peakOf = (dispatches: readonly Dispatch[], keep: Tensor[] = []) =>
  livePeak(livesOf(dispatches, keep).values()).bytes;

/** The names of the kernels, with their tensors: the made-up ones have their number as a name. */
const wordsOf = (dispatches: readonly Dispatch[]) => dispatches.map(({ kernel }) => kernel.name);

/** A parameter [1, 64] in a store of two. */
function parameters(): [Tensor, Tensor] {
  const store: Store = { name: "parameters", category: "parameters", bytes: 512 };
  return [0, 256].map((offset) => tensorIn(store, { name: `p${offset}`, shape: [1, 64], offset })) as [
    Tensor,
    Tensor,
  ];
}

/**
 * A pass forward and one backward: x is made and stays, y is made of it and of a parameter, is used, waits while a large
 * tensor comes and goes, and is used again. `change` may replace each of the dispatches, by its kernel's name, by others.
 */
function waiting(change: (tensors: Record<string, Tensor>) => Record<string, Dispatch[]> = () => ({})) {
  const [x, y, z, big, dy, dx] = ["x", "y", "z", "big", "dy", "dx"].map((name, i) =>
    tensorOf(name, [4, 4, 1, 9, 4, 4][i])
  );
  const [gamma, other] = parameters();
  const base: Record<string, Dispatch[]> = {
    "make x": [dispatchOf("make x", { writes: [x] })],
    "make y": [dispatchOf("make y", { reads: [x, gamma], writes: [y], repeatable: true })],
    "use y": [dispatchOf("use y", { reads: [y], writes: [z] })],
    "large": [dispatchOf("large", { reads: [z], writes: [big] })],
    "last of large": [dispatchOf("last of large", { reads: [big], writes: [dy] })],
    "use y again": [dispatchOf("use y again", { reads: [y, dy], writes: [dx] })],
    "use x again": [dispatchOf("use x again", { reads: [x], writes: [dx] })],
  };
  const all = { ...base, ...change({ x, y, z, big, dy, dx, gamma, other }) };
  return { dispatches: Object.values(all).flat(), y, dx };
}

Deno.test("rematerialize() recomputes a waiting tensor right before its next use", () => {
  const { dispatches, y, dx } = waiting();
  const list = rematerialize(dispatches, { budget: 0, keep: [dx] });
  assertEquals(wordsOf(list), [
    "make x",
    "make y",
    "use y",
    "large",
    "last of large",
    "make y",
    "use y again",
    "use x again",
  ]);
  const [copy] = list[6].tensors;
  assert(copy !== y && list[5].tensors[2] === copy && list[5].tensors[0] === dispatches[0].tensors[0]);
  assert(list[2].tensors[0] === y && dispatches.length === 7, "the trace itself was changed");
  assertEquals([peakOf(dispatches), peakOf(list)], [4 + 4 + 9 + 4, 4 + 9 + 4].map((n) => n * 256));
});

Deno.test("rematerialize() changes nothing within the budget", () => {
  const { dispatches } = waiting();
  assertEquals(rematerialize(dispatches, { budget: 21 * 256 }).length, 7);
  assertEquals(rematerialize(dispatches, { budget: 21 * 256 - 1 }).length, 8);
});

const kept: Record<string, Parameters<typeof waiting>[0]> = {
  "its input is changed in between": ({ x, z, big }) => ({
    "large": [dispatchOf("large", { reads: [z], writes: [big] }), dispatchOf("change x", { writes: [x] })],
  }),
  "a slice of its input is changed in between": ({ x, z, big }) => ({
    "large": [
      dispatchOf("large", { reads: [z], writes: [big] }),
      dispatchOf("change x", { writes: [slice(x, { begin: 3, end: 4 })] }),
    ],
  }),
  "a parameter is changed in between": ({ gamma, z, big }) => ({
    "large": [
      dispatchOf("large", { reads: [z], writes: [big] }),
      dispatchOf("change p", { writes: [gamma] }),
    ],
  }),
  "it was changed after it was made": ({ y, z }) => ({
    "use y": [dispatchOf("use y", { reads: [y], writes: [z] }), dispatchOf("change y", { writes: [y] })],
  }),
  "it is changed later": ({ y, dy }) => ({
    "use y again": [dispatchOf("change y", { reads: [dy], writes: [y] })],
  }),
  "it is made of something else later": ({ y, dy, dx, gamma }) => ({
    "use y again": [
      dispatchOf("use y again", { reads: [y, dy], writes: [dx] }),
      dispatchOf("make y anew", { reads: [gamma], writes: [y], repeatable: true }),
      dispatchOf("use y anew", { reads: [y, dy], writes: [dx] }),
    ],
  }),
  "what makes it is not repeatable": ({ x, y, gamma }) => ({
    "make y": [dispatchOf("make y", { reads: [x, gamma], writes: [y] })],
  }),
  "what makes it makes something else too": ({ x, y, other }) => ({
    "make y": [dispatchOf("make y", { reads: [x], writes: [y, other], repeatable: true })],
  }),
  "its input is gone": ({ dx }) => ({ "use x again": [dispatchOf("use", { writes: [dx] })] }),
  "what it is made of would take more than is saved": ({ gamma, y, big, dx }) => {
    const [x, dy] = [tensorOf("x", 12), tensorOf("dy", 10)];
    return {
      "make x": [dispatchOf("make x", { reads: [gamma], writes: [x], repeatable: true })],
      "make y": [dispatchOf("make y", { reads: [x], writes: [y], repeatable: true })],
      "last of large": [dispatchOf("last of large", { reads: [big], writes: [dy] })],
      "use y again": [dispatchOf("use y again", { reads: [y, dy], writes: [dx] })],
      "use x again": [],
    };
  },
  "it never waits where most is alive": ({ y, z, big }) => ({
    "large": [dispatchOf("large", { reads: [z, y], writes: [big] })],
    "last of large": [],
  }),
};
for (const [why, change] of Object.entries(kept)) {
  Deno.test(`rematerialize() keeps a tensor if ${why}`, () => {
    const { dispatches } = waiting(change);
    assert(rematerialize(dispatches, { budget: 0 }) === dispatches);
  });
}

Deno.test("rematerialize() keeps tensors that must outlive the step", () => {
  const { dispatches, y } = waiting();
  assert(rematerialize(dispatches, { budget: 0, keep: [y] }) === dispatches);
});

Deno.test("rematerialize() ignores writes to other parts of a store", () => {
  const { dispatches } = waiting(({ other, z, big }) => ({
    "large": [
      dispatchOf("large", { reads: [z], writes: [big] }),
      dispatchOf("change p", { writes: [other] }),
    ],
  }));
  assertEquals(rematerialize(dispatches, { budget: 0 }).length, dispatches.length + 1);
});

Deno.test("rematerialize() recomputes inputs that are gone", () => {
  const { dispatches } = waiting(({ x, dx, gamma }) => ({
    "make x": [dispatchOf("make x", { reads: [gamma], writes: [x], repeatable: true })],
    "use x again": [dispatchOf("use", { writes: [dx] })],
  }));
  const list = rematerialize(dispatches, { budget: 0 });
  assertEquals(wordsOf(list).slice(5, 8), ["make x", "make y", "use y again"]);
  assertEquals(list[5].tensors[1], list[6].tensors[0]);
  assert(list[5].tensors[1] !== list[0].tensors[1]);
});

Deno.test("rematerialize() recomputes tensors written in slices, and slices the copy", () => {
  const halves = (
    tensor: Tensor,
  ) => [slice(tensor, { begin: 0, end: 2 }), slice(tensor, { begin: 2, end: 4 })];
  const { dispatches, y } = waiting(({ x, y, dy, dx }) => ({
    "make y": [0, 1].map((i) =>
      dispatchOf("make y", { reads: [halves(x)[i]], writes: [halves(y)[i]], repeatable: true })
    ),
    "use y again": [dispatchOf("use y again", { reads: [halves(y)[1], dy], writes: [dx] })],
  }));
  const list = rematerialize(dispatches, { budget: 0 });
  assertEquals(wordsOf(list).slice(6, 9), ["make y", "make y", "use y again"]);
  const [first, second, used] = [list[6].tensors[1], list[7].tensors[1], list[8].tensors[0]];
  assert(originOf(first) === originOf(second) && originOf(used) === originOf(first) && originOf(used) !== y);
  assertEquals([first.offset, second.offset, used.offset, used.shape], [0, 512, 512, [2, 64]]);
});

Deno.test("rematerialize() recomputes chains of residual sums to the same numbers", () => {
  // y_i = f(x_i, y_i−1), kept for the way back; x_i is kept in any case.
  const build = () => {
    const n = 6, of = (name: string) => Array.from({ length: n }, (_, i) => tensorOf(`${name}${i}`, 4));
    const [x, y, dx] = [of("x"), of("y"), of("dx")], dispatches: Dispatch[] = [];
    for (let i = 0; i < n; i++) {
      const before = i > 0 ? [y[i - 1]] : [];
      dispatches.push(dispatchOf(`make x${i}`, { reads: before, writes: [x[i]] }));
      dispatches.push(
        dispatchOf(`make y${i}`, { reads: [x[i], ...before], writes: [y[i]], repeatable: true }),
      );
    }
    for (let i = n; i-- > 0;) {
      const before = i < n - 1 ? [dx[i + 1]] : [];
      dispatches.push(dispatchOf(`back ${i}`, { reads: [x[i], y[i], ...before], writes: [dx[i]] }));
    }
    return { dispatches, keep: [dx[0]] };
  };
  const { dispatches, keep } = build();
  const expected = runTrace(dispatches);
  const list = rematerialize(dispatches, { budget: 0, keep });
  assert(
    peakOf(list, keep) < 0.75 * peakOf(dispatches, keep),
    `${peakOf(list)} of ${peakOf(dispatches)} bytes`,
  );
  // A copy may be made again in turn, but once.
  const times = [...Map.groupBy(wordsOf(list), (name) => name).values()].map(({ length }) => length);
  assertEquals(Math.max(...times), 3);
  assertEquals(list.length, dispatches.length + 8);
  const found = runPlan(planMemory(dispatches, keep, { budget: 0 }));
  assertEquals([...expected].filter(([key, value]) => found.get(key) !== value), []);
});

const networks = {
  resnet8: backbones.resnet8,
  convnext: { block: "convnext", layers: [2, 1], widths: [8, 16] },
} as const;
for (const [name, backbone] of Object.entries(networks)) {
  Deno.test(`rematerialize() keeps the bits of ${name}'s steps`, onGpu, () => keepsBits(backbone));
}

async function keepsBits(backbone: BackboneConfig): Promise<void> {
  const gpu = await sharedGpu();
  for (const target of await targets()) {
    const results: string[][] = [], live: number[] = [], lengths: number[] = [];
    for (const budget of [Infinity, 0]) {
      const { networks, optimizer, step } = traceTraining({
        architecture: { backbone, stem: "cifar", hidden: 64, projection: 32 },
        batch: 5,
        size: 12,
        optimizer: "lars",
      }, target);
      using memory = new Memory(gpu);
      using program = new Program(memory, { dispatches: step.dispatches, budget });
      const online = networks.online.network, follower = networks.target!.network;
      const state = [online.parameters, online.statistics, follower.parameters, follower.statistics];
      state.forEach((flat, i) => memory.write(flat.store, drawWeights(flat, { seed: i })));
      optimizer.prepare(memory);
      for (let k = 0; k < 4; k++) {
        memory.write(step.views, new Float32Array(step.views.bytes / 4).map(keyedRandom(k).normal));
        memory.write(
          step.scalars,
          packStep({ lr: 0.5, momentum: 0.9, weightDecay: 1e-3, tau: 0.9, slot: k }),
        );
        program.run();
      }
      const stores = [step.ring, optimizer.velocity, ...state.map(({ store }) => store)];
      const read = stores.map((store) => memory.read({ store, offset: 0, bytes: store.bytes }));
      const bits = (await Promise.all(read)).map((values) => new Uint32Array(values.buffer).join());
      assert(
        new Float32Array(await read[0]).subarray(0, 8).every((value) => value > 0),
        "losses are not positive",
      );
      results.push(bits);
      live.push(program.plan.live.activations);
      lengths.push(program.plan.dispatches.length);
    }
    assert(lengths[1] > lengths[0] + 4 && live[1] < 0.9 * live[0], `${lengths} dispatches, ${live} bytes`);
    results[0].forEach((bits, i) => assert(bits === results[1][i], `store ${i} differs, ${target.family}`));
  }
}
