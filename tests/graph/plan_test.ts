import { assert, assertEquals } from "../assert.ts";
import { newTape, placed } from "../ops/harness.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { allocatedBytes } from "../../src/gpu/memory.ts";
import { planMemory } from "../../src/graph/plan.ts";
import type { Dispatch } from "../../src/graph/tape.ts";
import { originOf, sizeOf, type Tensor } from "../../src/graph/tensor.ts";
import { keyedRandom, type Random } from "../../src/random.ts";

/** Elements of 16 KiB, the unit of what buffers take. */
const UNIT = 4096;

const tape = newTape({ maxGrid: 7 });

function dispatch(...tensors: Tensor[]): Dispatch {
  const kernel: Kernel = { name: "any", code: "", bindings: {}, params: {} };
  return { kernel, constants: {}, tensors, params: {}, grid: [1, 1, 1], flops: 0 };
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
    assertEquals(plan.total, [...total].reduce((sum, store) => sum + allocatedBytes(store), 0), "the total");
    assertEquals(new Set(plan.stores).size, total.size);
    assertEquals(planMemory(dispatches, keep).total, plan.total, "a second plan differs");
  }
  assert(shared > 1000, "hardly anything is shared");
});

Deno.test("planMemory: a chain takes turns in two slots", () => {
  const { dispatches, tensors } = chain(Array(50).fill(2 * UNIT));
  const plan = planMemory(dispatches);
  assertEquals(plan.bytes.get("activations"), 2 * 2 * UNIT * 4);
  assertEquals(new Set(tensors.map(({ region }) => region!.store)).size, 2);
  assertEquals(plan.total, 5 * UNIT * 4); // and x
});

Deno.test("planMemory: the tightest slot is taken, a too small one grows", () => {
  // 40 and 10 are free when 9 comes: it must not take 40. Then 40 and 9's are free, and 50 grows the larger.
  const [a, b, c, d, e] = [40, 10, 1, 9, 50].map((n, i) => tape.tensor(`t${i}`, [n * UNIT]));
  const plan = planMemory([dispatch(a, b, c), dispatch(c, d), dispatch(d, c), dispatch(c, e)]);
  assert(d.region!.store === b.region!.store && e.region!.store === a.region!.store);
  assertEquals(plan.total, 4 * UNIT * (50 + 10 + 1));
  assertEquals(plan.largest, { bytes: 4 * UNIT * 50, name: "t4" });
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
  const x = placed("x", [UNIT]), y = tape.tensor("y", [3 * UNIT]);
  const region = x.region;
  const plan = planMemory([dispatch(x, y), dispatch(x, y)]);
  assert(x.region === region);
  assertEquals([...plan.bytes], [["input", 4 * UNIT], ["activations", 4 * 3 * UNIT]]);
});

Deno.test("planMemory: a store that is read as a texture counts twice, however often it is", () => {
  const x = placed("x", [UNIT]), y = tape.tensor("y", [3 * UNIT]);
  const copying = {
    ...dispatch(x, y),
    kernel: { ...dispatch().kernel, bindings: { x: "texture", y: "read_write" } },
  };
  const plan = planMemory([copying, copying] as Dispatch[]);
  assertEquals(plan.bytes.get("texture copies"), 4 * UNIT);
  assertEquals(plan.total, 4 * 5 * UNIT);
});
