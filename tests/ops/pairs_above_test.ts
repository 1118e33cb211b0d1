/** pairsAbove() against its reference. */
import type { Memory } from "../../src/gpu/memory.ts";
import { Memory as GpuMemory, type Store } from "../../src/gpu/memory.ts";
import { deviceProfileOf } from "../../src/graph/kernel_choice.ts";
import { DispatchList } from "../../src/graph/dispatch_list.ts";
import { Program } from "../../src/graph/program.ts";
import { tensorIn } from "../../src/graph/tensor.ts";
import { pairsAbove } from "../../src/ops/pairs_above.ts";
import { hashSigned } from "../../src/reference/hash.ts";
import { pairsAbove as reference } from "../../src/reference/pairs_above.ts";
import { assert, assertEquals } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

/** The words of `found` after one run. */
async function run(
  memory: Memory,
  { cosines, rows, columns, threshold, capacity, maxGrid }: {
    cosines: Float32Array<ArrayBuffer>;
    rows: Uint32Array<ArrayBuffer>;
    columns: Uint32Array<ArrayBuffer>;
    threshold: number;
    capacity: number;
    maxGrid?: number;
  },
): Promise<Uint32Array> {
  const store = (name: string, words: number): Store => ({ name, category: "input", bytes: 4 * words });
  const [M, N] = [rows.length, columns.length];
  const stores = {
    cosines: store("cosines", M * N),
    rows: store("rows", M),
    columns: store("columns", N),
    found: store("found", 1 + 3 * capacity),
  };
  const list = new DispatchList({ ...deviceProfileOf(memory.gpu), ...maxGrid && { maxGrid } });
  pairsAbove(list, {
    cosines: tensorIn(stores.cosines, { shape: [M, N] }),
    rows: tensorIn(stores.rows, { shape: [M] }),
    columns: tensorIn(stores.columns, { shape: [N] }),
    found: tensorIn(stores.found, { shape: [1 + 3 * capacity] }),
    threshold,
  });
  using program = new Program(memory, { dispatches: list.dispatches });
  memory.write(stores.cosines, cosines);
  memory.write(stores.rows, rows);
  memory.write(stores.columns, columns);
  memory.write(stores.found, new Uint32Array(1));
  program.run();
  return new Uint32Array(
    (await memory.read({ store: stores.found, offset: 0, bytes: stores.found.bytes })).buffer,
  );
}

for (const [M, N, maxGrid] of [[1, 4], [37, 52], [64, 64], [129, 260], [61, 1028, 50]]) {
  Deno.test(`pairsAbove() finds what its reference finds, [${M}, ${N}]`, onGpu, async () => {
    using memory = new GpuMemory(await sharedGpu());
    const cosines = hashSigned(`pairs ${M}`, M * N), threshold = 0.9, capacity = M * N;
    cosines[0] = threshold; // equal counts
    cosines[M * N - 1] = 1;
    const rows = Uint32Array.from({ length: M }, (_, m) => m % 5);
    const columns = Uint32Array.from({ length: N }, (_, n) => 7 + n % 3 * 100);
    columns[N >> 1] = 3; // the group of some rows
    const options = { rows, columns, threshold: Math.fround(threshold) };
    const words = await run(memory, { cosines, ...options, capacity, maxGrid });
    const values = new Float32Array(words.buffer), expected = reference(cosines, options);
    const pairs = Array.from(
      { length: words[0] },
      (_, i) => [words[1 + 3 * i], words[2 + 3 * i], values[3 + 3 * i]],
    );
    pairs.sort(([a, b], [c, d]) => a - c || b - d);
    assertEquals(pairs, expected);
    assert(expected.length >= 2, "nothing was found");
  });
}

Deno.test(
  "pairsAbove() counts pairs beyond its capacity, and reports no NaN and no pair of one group",
  onGpu,
  async () => {
    using memory = new GpuMemory(await sharedGpu());
    const M = 40, N = 44, cosines = new Float32Array(M * N).fill(1);
    cosines[5] = NaN;
    const rows = new Uint32Array(M).fill(2), columns = new Uint32Array(N).fill(9);
    columns[43] = 2;
    const words = await run(memory, { cosines, rows, columns, threshold: 0.5, capacity: 100 });
    assertEquals(words[0], M * (N - 1) - 1);
    const found = Array.from({ length: 100 }, (_, i) => words[1 + 3 * i] * N + words[2 + 3 * i]);
    assertEquals(new Set(found).size, 100);
    assert(found.every((at) => at !== 5 && at % N !== 43));
  },
);
