/** Groups of near-duplicates against a naive search of all pairs. */
import { join } from "node:path";
import { keyedRandom } from "../../src/base/random.ts";
import { UserError } from "../../src/base/errors.ts";
import { findDuplicates, groupsIn } from "../../src/export/duplicates.ts";
import type { EmbeddingsTable } from "../../src/export/embeddings_table.ts";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import { Groups } from "../../src/export/groups.ts";
import { PairFinder } from "../../src/export/pair_finder.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { duplicatesTable } from "../../src/export/tables.ts";
import { withFolder } from "../data/fixtures.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { rowsOf } from "./embedding_rows.ts";

/** A table in memory. */
function tableOf(vectors: Float32Array, dims: number): EmbeddingsTable {
  const rows = vectors.length / dims;
  return {
    path: "vectors",
    rows,
    dims,
    keys: Array.from({ length: rows }, (_, i) => `image ${i}`),
    metadata: {},
    read: (first, count) => Promise.resolve(vectors.slice(first * dims, (first + count) * dims)),
  };
}

/** Vectors of any length; each row in `copies` is another one with some noise. */
function vectorsOf(
  rows: number,
  dims: number,
  copies: Record<number, [of: number, noise: number]>,
): Float32Array {
  const vectors = new Float32Array(rows * dims);
  for (let i = 0; i < rows; i++) {
    const random = keyedRandom(5, i), scale = 10 ** (i % 5 - 2), [of, noise] = copies[i] ?? [-1, 1];
    for (let d = 0; d < dims; d++) {
      vectors[i * dims + d] = (of < 0 ? 0 : vectors[of * dims + d]) + scale * noise * random.normal();
    }
  }
  return vectors;
}

/** The groups by the definition, in double precision. */
function naive(table: EmbeddingsTable, vectors: Float32Array, threshold: number): Map<number, number>[] {
  const { rows, dims } = table;
  const cosine = (i: number, j: number) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let d = 0; d < dims; d++) {
      const a = vectors[i * dims + d], b = vectors[j * dims + d];
      [ab, aa, bb] = [ab + a * b, aa + a * a, bb + b * b];
    }
    return ab / Math.sqrt(aa * bb);
  };
  const first = Array.from({ length: rows }, (_, i) => i);
  for (let changed = true; changed;) {
    changed = false;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < i; j++) {
        if (first[i] !== first[j] && cosine(i, j) >= threshold) {
          const [low, high] = [Math.min(first[i], first[j]), Math.max(first[i], first[j])];
          for (let k = 0; k < rows; k++) if (first[k] === high) first[k] = low;
          changed = true;
        }
      }
    }
  }
  const groups = new Map<number, Map<number, number>>();
  first.forEach((f, i) =>
    (groups.get(f) ?? groups.set(f, new Map()).get(f)!).set(i, f === i ? 1 : cosine(f, i))
  );
  return [...groups.values()].filter(({ size }) => size > 1);
}

for (
  const { rows, dims, blockRows, tile } of [
    { rows: 2, dims: 3, blockRows: undefined, tile: undefined },
    { rows: 150, dims: 10, blockRows: undefined, tile: { rows: 16, columns: 64, capacity: 70 } },
    { rows: 150, dims: 12, blockRows: 47, tile: { rows: 8, columns: 20, capacity: 20 } },
    { rows: 131, dims: 7, blockRows: 64, tile: { rows: 64, columns: 128, capacity: 4000 } },
  ]
) {
  Deno.test(
    `groupsIn() finds the groups by the definition: ${rows} rows of ${dims}, blocks of ${blockRows ?? "all"}`,
    onGpu,
    async () => {
      const gpu = await sharedGpu(), threshold = 0.98;
      // A pair, a chain whose ends are no duplicates, one of a large group, and one across all.
      const copies: Record<number, [number, number]> = {
        1: [0, 0.001],
        9: [5, 0.01],
        40: [9, 0.01],
        149: [2, 0.0001],
      };
      for (let i = 60; i < 100; i++) copies[i] = [3, 0.001];
      const vectors = vectorsOf(rows, dims, copies), table = tableOf(vectors, dims);
      using finder = new PairFinder(gpu, { D: Math.ceil(dims / 4) * 4, threshold, tile });
      let last = 0;
      const found = await groupsIn(table, {
        finder,
        blockRows,
        onProgress: (done, total) => last = done / total,
      });
      const expected = naive(table, vectors, threshold);
      assertEquals(
        found.map((group) => group.map(({ row }) => row)),
        expected.map((group) => [...group.keys()]),
      );
      assertEquals(found.flat().every(({ row, key }) => key === `image ${row}`), true);
      const cosines = found.flat().map(({ cosine }) => cosine);
      assertClose("cosines", cosines, expected.flatMap((group) => [...group.values()]), { absolute: 1e-6 });
      assert(expected.length >= 1 && last === 1);
      if (rows === 150) assert(expected.some(({ size }) => size > 40), "no large group");
    },
  );
}

Deno.test("groupsIn() decides by the exact cosine next to the threshold", onGpu, async () => {
  // Angles whose cosines lie closer to the threshold than float32 products tell.
  const threshold = 0.97, angle = Math.acos(threshold);
  for (const [offset, together] of [[-3e-7, true], [3e-7, false]] as const) {
    const [x, y] = [Math.cos(angle + offset), Math.sin(angle + offset)];
    const vectors = Float32Array.from([1, 0, 0, 0, x, y, 0, 0]);
    using finder = new PairFinder(await sharedGpu(), { D: 4, threshold });
    const groups = await groupsIn(tableOf(vectors, 4), { finder });
    assertEquals(groups.length, together ? 1 : 0);
  }
});

Deno.test(
  "groupsIn() puts equal vectors together at a threshold of 1, and none of zeros",
  onGpu,
  async () => {
    const vectors = vectorsOf(20, 8, { 3: [1, 0], 11: [1, 0] });
    vectors.fill(0, 4 * 8, 6 * 8);
    using finder = new PairFinder(await sharedGpu(), { D: 8, threshold: 1 });
    const groups = await groupsIn(tableOf(vectors, 8), { finder });
    assertEquals(groups.map((group) => group.map(({ row }) => row)), [[1, 3, 11]]);
  },
);

Deno.test("groupsIn() names an image whose vector is not finite", onGpu, async () => {
  const vectors = vectorsOf(10, 8, {});
  vectors[7 * 8 + 3] = NaN;
  using finder = new PairFinder(await sharedGpu(), { D: 8, threshold: 0.9 });
  await assertThrows(
    () => groupsIn(tableOf(vectors, 8), { finder }),
    UserError,
    /the vector of "image 7" has numbers/,
  );
});

Deno.test("Groups are known by their first rows, in whichever order they are joined", () => {
  const pairs = [[7, 3], [3, 9], [1, 2], [9, 4], [8, 8]] as const;
  for (const order of [pairs, [...pairs].reverse(), pairs.map(([a, b]) => [b, a] as const)]) {
    const groups = new Groups(10);
    for (const [a, b] of order) groups.join(a, b);
    assertEquals([...groups.slice(0, 10)], [0, 1, 1, 3, 3, 5, 6, 3, 8, 3]);
    assertEquals([...groups.slice(2, 3)], [1, 3, 3]);
  }
});

Deno.test(
  "findDuplicates() warns of a group with much of the images",
  onGpu,
  () =>
    withFolder({}, async (folder) => {
      const embeddings = join(folder, "x.npy"), lines: string[] = [];
      const writer = await EmbeddingsWriter.open({
        out: [embeddings],
        dims: 8,
        half: false,
        metadata: {},
        identity: {},
      });
      assert(writer instanceof EmbeddingsWriter);
      using _ = writer;
      const rows = rowsOf(0, 90, 8), { normal } = keyedRandom(6);
      rows.vectors.forEach((_, i) => rows.vectors[i] = normal()); // no two are near
      for (let i = 40; i < 70; i++) rows.vectors.copyWithin(i * 8, 0, 8);
      await writer.write(rows, { epoch: 0, offset: 90 });
      await writer.finish();
      const groups = await findDuplicates({
        embeddings,
        threshold: 0.9999,
        kernels: "default",
        log: (line) => lines.push(line),
      });
      assertEquals(groups.map(({ length }) => length), [31]);
      assert(/^Comparing 90 vectors of 8 numbers/.test(lines[0]), lines[0]);
      assert(/^Warning: one group has 31 of the images: .* Raise --threshold\.$/.test(lines[1]), lines[1]);
      await assertThrows(
        () => findDuplicates({ embeddings, threshold: 2, log() {} }),
        UserError,
        /a number from 0\.1 to 1/,
      );
    }),
);

Deno.test("duplicatesTable() writes a line for each member", async () => {
  const groups = [[{ row: 0, key: "a", cosine: 1 }, { row: 7, key: 'b,"', cosine: 0.98765432109 }], [
    { row: 2, key: "c", cosine: 1 },
    { row: 3, key: "d", cosine: 0.99 },
  ]];
  const bytes = await new Response(
    new Blob([...duplicatesTable("x.csv")(groups)] as Uint8Array<ArrayBuffer>[]),
  ).text();
  assertEquals(bytes, 'group,key,cosine,row\n1,a,1,0\n1,"b,""",0.9876543,7\n2,c,1,2\n2,d,0.99,3\n');
  await assertThrows(() => duplicatesTable("x.json"), UserError, /must be \.csv/);
});
