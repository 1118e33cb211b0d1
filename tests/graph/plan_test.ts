import { assert, assertEquals } from "../assert.ts";
import { newTape, placed } from "../ops/harness.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { planMemory } from "../../src/graph/plan.ts";
import type { Dispatch } from "../../src/graph/tape.ts";
import { originOf, sizeOf, type Tensor } from "../../src/graph/tensor.ts";
import { keyedRandom, type Random } from "../../src/random.ts";

const tape = newTape({ subgroupSize: 0, maxGrid: 7 });

function dispatch(...tensors: Tensor[]): Dispatch {
  const kernel: Kernel = { name: "any", code: "", bindings: {}, params: {} };
  return { kernel, constants: {}, tensors, params: {}, grid: [1, 1, 1] };
}

/** x → t0 → t1 → … */
function chain(sizes: number[]): { dispatches: Dispatch[]; tensors: Tensor[] } {
  const tensors = sizes.map((n, i) => tape.tensor(`t${i}`, [n]));
  const dispatches = tensors.map((tensor, i) => dispatch(i > 0 ? tensors[i - 1] : placed("x", [4]), tensor));
  return { dispatches, tensors };
}

/** Dispatches that bind up to four tensors, old ones under other shapes too, and each a new one. */
function randomTrace(random: Random): { dispatches: Dispatch[]; keep: Tensor[] } {
  const known: Tensor[] = [placed("x", [16])], dispatches: Dispatch[] = [];
  for (let i = 0; i < 40; i++) {
    const inputs = Array.from({ length: 1 + random.integer(3) }, () => {
      // Rather young ones, so that others die.
      const tensor = known[Math.max(0, known.length - 1 - random.integer(random.chance(0.2) ? 40 : 4))];
      return random.chance(0.3) ? tape.reshape(tensor, [sizeOf(tensor.shape), 1]) : tensor;
    });
    const output = tape.tensor(`t${i}`, [4 * (1 + random.integer(20))]);
    known.push(output);
    dispatches.push(dispatch(...inputs, output));
  }
  return { dispatches, keep: known.filter(() => random.chance(0.1)) };
}

Deno.test("planMemory: tensors that are alive at the same time never share a slot", () => {
  let shared = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { dispatches, keep } = randomTrace(keyedRandom(seed));
    const plan = planMemory(dispatches, keep);
    const lives = new Map<Tensor, { first: number; last: number }>();
    dispatches.forEach(({ tensors }, i) => {
      for (const tensor of tensors.map(originOf)) {
        lives.set(tensor, {
          first: lives.get(tensor)?.first ?? i,
          last: keep.includes(tensor) ? Infinity : i,
        });
      }
    });
    const placedTensors = [...lives].filter(([tensor]) => tensor.name !== "x");
    for (const [a, lifeOfA] of placedTensors) {
      const { store, offset, bytes } = a.region!;
      assert(
        bytes === sizeOf(a.shape) * 4 && offset + bytes <= store.bytes,
        `${a.name} does not fit its slot`,
      );
      for (const [b, lifeOfB] of placedTensors) {
        if (a === b || b.region!.store !== store) continue;
        shared++;
        const apart = lifeOfA.last < lifeOfB.first || lifeOfB.last < lifeOfA.first;
        assert(apart, `seed ${seed}: ${a.name} and ${b.name} share ${store.name} and live together`);
      }
    }
    const total = new Set([...lives.keys()].map(({ region }) => region!.store));
    assertEquals(plan.total, [...total].reduce((sum, store) => sum + store.bytes, 0), "the total");
    assertEquals(new Set(plan.stores).size, total.size);
    assertEquals(planMemory(dispatches, keep).total, plan.total, "a second plan differs");
  }
  assert(shared > 1000, "hardly anything is shared");
});

Deno.test("planMemory: a chain takes turns in two slots", () => {
  const { dispatches, tensors } = chain(Array(50).fill(64));
  const plan = planMemory(dispatches);
  assertEquals(plan.bytes.get("activations"), 2 * 256);
  assertEquals(new Set(tensors.map(({ region }) => region!.store)).size, 2);
  assertEquals(plan.total, 2 * 256 + 16); // and x
});

Deno.test("planMemory: the tightest slot is taken, a too small one grows", () => {
  // 400 and 100 are free when 96 comes: it must not take 400. Then 400 and 96's are free, and 500 grows the larger.
  const [a, b, c, d, e] = [400, 100, 4, 96, 500].map((n, i) => tape.tensor(`t${i}`, [n]));
  const plan = planMemory([dispatch(a, b, c), dispatch(c, d), dispatch(d, c), dispatch(c, e)]);
  assert(d.region!.store === b.region!.store && e.region!.store === a.region!.store);
  assertEquals(plan.total, 4 * (500 + 100 + 4));
  assertEquals(plan.largest, { bytes: 2000, name: "t4" });
});

Deno.test("planMemory: kept tensors share with nobody who comes later", () => {
  const { dispatches, tensors } = chain(Array(10).fill(64));
  const kept = tensors[3];
  planMemory(dispatches, [tape.reshape(kept, [8, 8])]);
  const tenants = tensors.filter(({ region }) => region!.store === kept.region!.store);
  assert(tenants.at(-1) === kept, `${tenants.map(({ name }) => name)}`);
});

Deno.test("planMemory: a reshaped tensor lies where its origin lies, and keeps it alive", () => {
  const a = tape.tensor("a", [64]), view = tape.reshape(tape.reshape(a, [8, 8]), [4, 16]);
  const [b, c] = ["b", "c"].map((name) => tape.tensor(name, [64]));
  planMemory([dispatch(a), dispatch(b), dispatch(view, b, c)]);
  assert(originOf(view) === a && view.region === null);
  assertEquals(new Set([a, b, c].map(({ region }) => region!.store)).size, 3);
});

Deno.test("planMemory: stores that were given keep their place and count once, by category", () => {
  const x = placed("x", [6]), y = tape.tensor("y", [64]);
  const region = x.region;
  const plan = planMemory([dispatch(x, y), dispatch(x, y)]);
  assert(x.region === region);
  assertEquals([...plan.bytes], [["input", 24], ["activations", 256]]);
});
