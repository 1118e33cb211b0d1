/** Similar images against a naive search. */
import { join } from "node:path";
import { similarTable } from "../../src/export/tables.ts";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import { nearestRows } from "../../src/export/nearest_rows.ts";
import { openEmbeddings } from "../../src/export/open_embeddings.ts";
import { findSimilar } from "../../src/export/similar.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { withFolder } from "../data/fixtures.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { rowsOf } from "./embedding_rows.ts";

const log = () => {};

/** Writes `count` rows of `dims` numbers to files of all formats in `folder`; the first of them is Parquet. */
async function write(folder: string, count: number, dims: number): Promise<string[]> {
  const out = ["x.parquet", "x.npy", "x.csv", "x.safetensors"].map((name) => join(folder, name));
  const writer = await EmbeddingsWriter.open({ out, dims, half: false, metadata: {}, identity: {} });
  assert(writer instanceof EmbeddingsWriter);
  using _ = writer;
  await writer.write(rowsOf(0, count, dims), { epoch: 0, offset: count });
  await writer.finish();
  return out;
}

/** The k nearest rows to row `query` in double precision, itself left out. */
function naive(vectors: Float32Array, dims: number, { query, k }: { query: number; k: number }) {
  const row = (i: number) => [...vectors.subarray(i * dims, (i + 1) * dims)];
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, d) => sum + value * b[d], 0);
  const cosine = (a: number[], b: number[]) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const all = Array.from(
    { length: vectors.length / dims },
    (_, i) => ({ row: i, cosine: cosine(row(query), row(i)) }),
  );
  return all.filter((found) => found.row !== query).sort((a, b) => b.cosine - a.cosine || a.row - b.row)
    .slice(0, k);
}

Deno.test(
  "findSimilar() names the nearest of each key, from all formats",
  onGpu,
  () =>
    withFolder({}, async (folder) => {
      const count = 90, dims = 11, k = 7;
      const [parquet, ...others] = await write(folder, count, dims),
        { vectors, keys } = rowsOf(0, count, dims);
      const query = [keys[40], keys[1], keys[89]];
      const found = await findSimilar({ embeddings: parquet, query, k, log });
      assertEquals(found.map((each) => each.query), query);
      for (const [q, row] of [40, 1, 89].entries()) {
        const expected = naive(vectors, dims, { query: row, k });
        assertEquals(found[q].neighbors.map((near) => near.row), expected.map((near) => near.row));
        assertEquals(found[q].neighbors.map((near) => near.key), expected.map((near) => keys[near.row]));
        assertClose(
          "cosines",
          found[q].neighbors.map((near) => near.cosine),
          expected.map((near) => near.cosine),
          {
            absolute: 1e-6,
          },
        );
      }
      for (const embeddings of others.filter((path) => !path.endsWith("safetensors"))) {
        assertEquals(await findSimilar({ embeddings, query, k, log }), found, embeddings);
      }
      const [few] = await findSimilar({ embeddings: parquet, query: keys[3], k: 500, log });
      assertEquals(few.neighbors.length, 89);
    }),
);

Deno.test("nearestRows() keeps the first of equal rows, and goes through blocks", onGpu, async () => {
  // More rows than a block of 64 MB has.
  const dims = 4000, rows = 4300, vectors = new Float32Array(rows * dims);
  for (let i = 0; i < rows; i++) {
    vectors[i * dims + i % 50] = 2;
    vectors[i * dims + 60] = i % 7 / 10;
  }
  const table = {
    path: "vectors",
    rows,
    dims,
    keys: [],
    metadata: {},
    read: (first: number, count: number) =>
      Promise.resolve(vectors.slice(first * dims, (first + count) * dims)),
  };
  const asked = vectors.slice(4299 * dims, 4300 * dims);
  const [near] = await nearestRows(await sharedGpu(), { table, vectors: asked, k: 4, exclude: [4299] });
  // 4299 is 49 modulo 50 and 1 modulo 7: equal rows come every 350.
  assertEquals(near.map(({ row }) => row), [99, 449, 799, 1149]);
});

Deno.test(
  "findSimilar() says which keys there are, and which encoder is needed",
  onGpu,
  () =>
    withFolder({ "a.txt": "no image" }, async (folder) => {
      const [embeddings] = await write(folder, 20, 8);
      await assertThrows(
        () => findSimilar({ embeddings, query: "none.jpg", folder, log }),
        UserError,
        /it is neither a key of ".*x\.parquet", such as "a\/1\.jpg", nor a file at .*none\.jpg\. Give one/,
      );
      await assertThrows(
        () => findSimilar({ embeddings, query: "a.txt", folder, log }),
        UserError,
        /does not say which encoder made its vectors\. Add --run DIR or --encoder FILE/,
      );
      await assertThrows(
        () => findSimilar({ embeddings, query: [], log }),
        UserError,
        /without a query|query/,
      );
      await assertThrows(
        () => openEmbeddings(join(folder, "y.parquet")),
        UserError,
        /there is no such file\. \.\/run embed/,
      );
      await Deno.writeTextFile(join(folder, "z.csv"), "name,value\na,1\n");
      await assertThrows(
        () => openEmbeddings(join(folder, "z.csv")),
        UserError,
        /must have the columns key, e0, e1/,
      );
      await Deno.writeTextFile(join(folder, "s.csv"), "key,e0,e1\na,1,2\nb,3\n");
      await assertThrows(
        () => openEmbeddings(join(folder, "s.csv")),
        UserError,
        /row 2 has a vector with fewer numbers/,
      );
      await Deno.copyFile(join(folder, "x.npy"), join(folder, "k.npy"));
      await assertThrows(
        () => openEmbeddings(join(folder, "k.npy")),
        UserError,
        /Cannot read the keys of ".*k\.npy"/,
      );
    }),
);

Deno.test("similarTable() writes CSV and JSON, and refuses other names", async () => {
  const found = [{ query: "a", neighbors: [{ row: 3, key: 'b,"c"', cosine: 0.12345678901 }] }];
  assertEquals(similarTable("x.csv")(found), 'query,rank,key,cosine,row\na,1,"b,""c""",0.1234568,3\n');
  assertEquals(JSON.parse(similarTable("x.json")(found)), found);
  await assertThrows(() => similarTable("x.txt"), UserError, /must be \.csv or \.json/);
});
