/** The explorer: what is computed, what is written, and what is refused. */
import { join } from "node:path";
import { decode } from "npm:@jsquash/jpeg@1.6.0";
import { parseExploreOptions } from "../../src/cli/explore.ts";
import { UserError } from "../../src/base/errors.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { EmbeddingsWriter } from "../../src/export/embeddings_writer.ts";
import { findDuplicates } from "../../src/export/duplicates.ts";
import { findSimilar } from "../../src/export/similar.ts";
import { openEmbeddings } from "../../src/export/open_embeddings.ts";
import { chooseRows } from "../../src/explore/chosen_rows.ts";
import { clustersOf } from "../../src/explore/clusters.ts";
import { explore } from "../../src/explore/explore.ts";
import { duplicatesAmong, neighborhoodsOf, outlierScores } from "../../src/explore/neighborhoods.ts";
import type { PageData } from "../../src/explore/page/page_data.ts";
import { placeOf, thumbnailsOf } from "../../src/explore/thumbnails.ts";
import { assert, assertClose, assertEquals, assertThrows } from "../assert.ts";
import { withFolder } from "../data/fixtures.ts";
import { rowsOf } from "../export/embedding_rows.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { blobs, dataOf, grayImages, writeRows } from "./embeddings.ts";

const log = () => {};
const floats = (text: string) => new Float32Array(Uint8Array.fromBase64(text).buffer);
const integers = (text: string) => new Uint32Array(Uint8Array.fromBase64(text).buffer);

Deno.test("openEmbeddings() reads the labels that embed writes", () =>
  withFolder({}, async (folder) => {
    const out = ["x.parquet", "x.npy", "x.csv", "x.safetensors"].map((name) => join(folder, name));
    const writer = await EmbeddingsWriter.open({ out, dims: 3, half: false, metadata: {}, identity: {} });
    assert(writer instanceof EmbeddingsWriter);
    using _ = writer;
    await writer.write(rowsOf(0, 40, 3), { epoch: 0, offset: 40 });
    await writer.finish();
    const { names } = rowsOf(0, 40, 3);
    for (const path of out) {
      const { labels } = await openEmbeddings(path);
      assertEquals(labels, path.endsWith(".npy") ? undefined : [...names], path);
    }
  }));

Deno.test(
  "the explorer's neighbors, scores and duplicates are those of similar and duplicates",
  onGpu,
  () =>
    withFolder({}, async (folder) => {
      const path = join(folder, "x.npy"), random = keyedRandom(5, 1), dims = 6, rows = 1100;
      // More rows than are compared at once, with pairs and a group of three.
      const vectors = Float32Array.from({ length: rows * dims }, () => random.normal());
      for (const [copy, of] of [[1099, 3], [40, 41], [1024, 41], [500, 501]]) {
        for (let d = 0; d < dims; d++) vectors[copy * dims + d] = 2 * vectors[of * dims + d] + 1e-3 * d;
      }
      await writeRows(path, { vectors, dims });
      const gpu = await sharedGpu(), table = await chooseRows(await openEmbeddings(path), { seed: 0 });
      const near = await neighborhoodsOf(gpu, { table }),
        query = [3, 41, 700, 1099].map((row) => table.keys[row]);
      const expected = await findSimilar({ embeddings: path, query, k: near.k, log });
      for (const [q, row] of [3, 41, 700, 1099].entries()) {
        const { neighbors } = expected[q], at = row * near.k;
        assertEquals(
          [...near.neighbors.subarray(at, at + near.k)],
          neighbors.map((each) => each.row),
          query[q],
        );
        const cosines = near.cosines.subarray(at, at + near.k), scores = outlierScores(near);
        assertEquals([...cosines], neighbors.map(({ cosine }) => Math.fround(cosine)));
        const mean = neighbors.reduce((sum, { cosine }) => sum + (1 - cosine) / near.k, 0);
        assertClose("scores", [scores[row]], [mean], { absolute: 1e-6 });
      }
      // At the low threshold a row has more duplicates than neighbors.
      for (const threshold of [0.999, 0.5]) {
        const groups = await duplicatesAmong(gpu, { table, near, threshold });
        assertEquals(groups, await findDuplicates({ embeddings: path, threshold, log }), `${threshold}`);
      }
    }),
);

Deno.test("chooseRows() draws different rows in order, the same for a seed", async () => {
  const dims = 2, rows = 9000, keys = Array.from({ length: rows }, (_, i) => `${i}`);
  const table = {
    ...{ path: "x", rows, dims, keys, labels: keys, metadata: {} },
    read: (first: number, count: number) =>
      Promise.resolve(Float32Array.from({ length: count * dims }, (_, i) => first + Math.floor(i / dims))),
  };
  const chosen = await chooseRows(table, { sample: 300, seed: 4 }), { numbers } = chosen;
  assert(numbers !== null && new Set(numbers).size === 300 && numbers[299] < rows);
  assertEquals([...numbers], [...numbers].sort((a, b) => a - b));
  assertEquals(chosen.keys, [...numbers].map(String));
  assertEquals(chosen.labels, chosen.keys);
  assertEquals([...chosen.vectors], [...numbers].flatMap((row) => [row, row]));
  assertEquals([...(await chooseRows(table, { sample: 300, seed: 4 })).numbers!], [...numbers]);
  assert(`${(await chooseRows(table, { sample: 300, seed: 5 })).numbers}` !== `${numbers}`);
});

Deno.test("clustersOf() finds clusters that are far apart, the largest first", async () => {
  const sizes = [20, 90, 40], rows = sizes.flatMap((size, c) => Array.from({ length: size }, () => c));
  const random = keyedRandom(2, 1);
  const scores = Float64Array.from(
    rows.flatMap((c) => [10 * c, c % 2, 0].map((at) => at + random.normal() / 9)),
  );
  const found = await clustersOf(scores, { dims: 3, clusters: 3, seed: 1 });
  assertEquals([...found], rows.map((c) => [2, 0, 1][c]));
});

Deno.test("thumbnailsOf() puts each image at its place, whatever the order of the source", async () => {
  const keys = Array.from({ length: 260 }, (_, i) => `${i % 26}-${i}`);
  const source = await grayImages(keys);
  const wanted = [...keys].reverse().map((key, i) => i === 7 ? "missing" : key);
  const found = await thumbnailsOf(source, { keys: wanted, side: 16, workers: 1, onBad: () => {} });
  assertEquals([found.count, found.sheets.length, found.has[7], found.has[8]], [259, 2, 0, 1]);
  for (const row of [0, 7, 100, 255, 256, 259]) {
    const sheet = await decode(found.sheets[Math.floor(row / 256)].buffer), { left, top } = placeOf(row, 16);
    const value = sheet.data[((top + 8) * sheet.width + left + 8) * 4];
    const expected = row === 7 ? 128 : 8 * ((259 - row) % 26);
    assert(Math.abs(value - expected) <= 3, `row ${row} is ${value}, not ${expected}`);
  }
});

Deno.test(
  "explore() writes the same page twice, with the data of the embeddings",
  onGpu,
  () =>
    withFolder({}, async (folder) => {
      const path = join(folder, "x.parquet"), { vectors, dims, names } = blobs(60);
      await writeRows(path, { vectors, dims, names });
      const options = {
        embeddings: path,
        clusters: 3,
        threshold: 0.9999,
        seed: 3,
        log,
        out: join(folder, "a.html"),
      };
      const page = await explore(options);
      assertEquals(page, {
        ...{ path: options.out, bytes: (await Deno.stat(options.out)).size, sheets: null },
        ...{ images: 60, thumbnails: 0, maps: ["UMAP", "PCA"], groups: 0 },
      });
      const bytes = await Deno.readFile(options.out);
      await explore({ ...options, out: join(folder, "b.html") });
      assertEquals(await Deno.readFile(join(folder, "b.html")), bytes);
      const data: PageData = await dataOf(options.out);
      assertEquals(data.labels?.names, ["a", "b", "c"]);
      const clusters = Uint8Array.fromBase64(data.clusters), of = integers(data.labels!.of);
      // Three groups that are far apart: clusters, labels and both maps agree on them.
      for (let i = 3; i < 60; i++) assertEquals([clusters[i], of[i]], [clusters[i % 3], of[i % 3]]);
      for (const { name, points: text } of data.maps) {
        const points = floats(text);
        assert(points.every((value) => value >= -1 && value <= 1), name);
        const distance = (i: number, j: number) =>
          Math.hypot(points[2 * i] - points[2 * j], points[2 * i + 1] - points[2 * j + 1]);
        for (let i = 3; i < 60; i++) {
          assert(distance(i, i % 3) < distance(i, (i + 1) % 3), `${name}, row ${i}`);
        }
      }
      assertEquals(integers(data.near.neighbors).length, 60 * 15);
    }),
);

Deno.test("explore() says what it cannot use", onGpu, () =>
  withFolder({}, async (folder) => {
    const path = join(folder, "x.npy"), few = join(folder, "few.npy");
    const { vectors, dims } = blobs(9), out = join(folder, "x.html");
    await writeRows(path, { vectors, dims });
    await writeRows(few, { vectors: vectors.slice(0, 2 * dims), dims });
    const refused = (options: Record<string, unknown>, pattern: RegExp) =>
      assertThrows(() => explore({ embeddings: path, out, log, ...options }), UserError, pattern);
    await refused({ out: join(folder, "x.htm") }, /its extension must be \.html/);
    await refused({ out: join(folder, "no", "x.html") }, /there is no folder ".*no"\. Make it first/);
    await refused({ embeddings: few }, /has 2 vectors, a map needs 3/);
    await refused({ embeddings: join(folder, "no.npy") }, /there is no such file/);
    await refused({ data: "shapes:5" }, /none has a key of the embeddings, such as "row-0"/);
    await refused({ clusters: 1 }, /clusters/);
    await refused({ colour: "label" }, /colour/);
    const lines: string[] = [];
    await explore({ embeddings: path, out, log: (line) => lines.push(line) });
    assert(
      /Without images: ".*x\.npy" does not say which they are\. Add --data/.test(lines.join("\n")),
      `${lines}`,
    );
    await assertThrows(
      () => parseExploreOptions([]),
      UserError,
      /without embeddings\. Add --embeddings FILE/,
    );
    const parsed = parseExploreOptions(
      "--embeddings a.npy --map pca --clusters 7 --data a --data b".split(" "),
    );
    assertEquals({ ...parsed }, { embeddings: "a.npy", map: "pca", clusters: 7, data: ["a", "b"] });
  }));
