import { defaultK, knnAccuracy, knnClassify } from "../../src/eval/knn.ts";
import { rawPixels } from "../../src/eval/features.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";
import { knn } from "../reference/knn.ts";
import { clustered, evaluationGolden } from "./golden.ts";

Deno.test("knnAccuracy() matches the reference, and leaves out samples without a label", onGpu, async () => {
  const gpu = await sharedGpu();
  // 11 dimensions are padded to 12, 601 queries are two blocks, 600 references are no multiple of a tile.
  for (
    const { N, Q, dims, k, T } of [
      { N: 600, Q: 601, dims: 11, k: 20, T: 0.1 },
      { N: 37, Q: 9, dims: 5, k: 200, T: 0.5 },
      { N: 600, Q: 601, dims: 11, k: 1, T: 0.1 },
    ]
  ) {
    const references = clustered("references", { n: N, dims, classes: 4 });
    const queries = clustered("queries", { n: Q, dims, classes: 4 });
    const { predictions } = knn(
      { features: references.features, labels: references.labels, queries: queries.features },
      { N, Q, D: dims, k: Math.min(k, N), T, classes: 4 },
    );
    const expected = queries.labels.filter((label, i) => label === predictions[i]).length / Q;
    assert(k === 200 || expected > 0.3 && expected < 0.95, `the case is too easy or too hard: ${expected}`);
    assertEquals(await knnAccuracy(gpu, { references, queries, k, T }), expected);

    const more = {
      dims,
      features: Float32Array.from([...references.features, ...queries.features.subarray(0, 2 * dims)]),
      labels: Int32Array.from([...references.labels, -1, -1]),
    };
    assertEquals(await knnAccuracy(gpu, { references: more, queries, k, T }), expected);
  }
});

Deno.test(
  "knnClassify() matches PyTorch and scikit-learn for several k at once",
  onGpu,
  async () => {
    const { cases: [{ sizes: { N, Q, D: dims, classes, T, noise }, counts }] } = await evaluationGolden(
      "knn",
    );
    const references = clustered("knn train 6", { n: N, dims, classes, noise });
    const queries = clustered("knn test 6", { n: Q, dims, classes, noise });
    const ks = Object.keys(counts).map(Number);
    const found = await knnClassify(await sharedGpu(), { references, queries, ks, T });
    assertEquals(found.map(({ accuracy }) => accuracy), ks.map((k) => counts[k] / Q));
    found.forEach(({ predictions }, i) => {
      const right = predictions.filter((label, q) => label === queries.labels[q]).length;
      assertEquals([right, predictions.length], [counts[ks[i]], Q], "predictions and accuracy differ");
    });
  },
);

Deno.test("knnAccuracy() joins blocks of references", onGpu, async () => {
  // 2^26 bytes hold 2,048 references of 8,192 dimensions: 2,100 of them take two blocks. Each has a direction of its own.
  const dims = 8192, n = 2100;
  const references = { dims, features: new Float32Array(n * dims), labels: new Int32Array(n) };
  for (let i = 0; i < n; i++) {
    references.features[i * dims + i] = 1;
    references.labels[i] = i;
  }
  const features = new Float32Array(3 * dims);
  [5, 2047, 2099].forEach((i, row) =>
    features.set(references.features.subarray(i * dims, (i + 1) * dims), row * dims)
  );
  const queries = { dims, features, labels: Int32Array.from([5, 2047, 0]) };
  assertEquals(await knnAccuracy(await sharedGpu(), { references, queries, k: 1 }), 2 / 3);
});

Deno.test("knnAccuracy() refuses sets of other dimensions or without labels", onGpu, async () => {
  const set = (dims: number, label: number) => ({
    dims,
    features: new Float32Array(dims),
    labels: Int32Array.of(label),
  });
  const gpu = await sharedGpu();
  await assertThrows(
    () => knnAccuracy(gpu, { references: set(4, 0), queries: set(8, 0), k: 1 }),
    RangeError,
    /dimensions must agree/,
  );
  await assertThrows(
    () => knnAccuracy(gpu, { references: set(4, -1), queries: set(4, 0), k: 1 }),
    RangeError,
    /by 0/,
  );
});

Deno.test("defaultK() is 20 below 5,000 references, else 200", () => {
  assertEquals([defaultK(4999), defaultK(5000)], [20, 200]);
});

Deno.test("rawPixels() drops the fourth channel, and averages squares of large images", () => {
  const small = Float32Array.from({ length: 2 * 4 * 4 }, (_, i) => i);
  assertEquals([...rawPixels(small, { n: 2, size: 2 })].slice(0, 6), [0, 1, 2, 4, 5, 6]);
  // 66 px: squares of 3 px, 22 to a side.
  const large = new Float32Array(66 * 66 * 4);
  for (let y = 0; y < 66; y++) for (let x = 0; x < 66; x++) large.set([x, y, 1, 9], (y * 66 + x) * 4);
  const pixels = rawPixels(large, { n: 1, size: 66 });
  assertEquals(pixels.length, 22 * 22 * 3);
  assert([1, 1, 1].every((value, i) => Math.abs(pixels[i] - value) < 1e-5));
  assert([64, 64, 1].every((value, i) => Math.abs(pixels[pixels.length - 3 + i] - value) < 1e-4));
});
