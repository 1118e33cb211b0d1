import { neighborsWithin } from "../../src/eval/neighbors.ts";
import { assertEquals } from "../assert.ts";
import { hashSigned } from "../golden/read.ts";
import { onGpu, sharedGpu } from "../gpu/shared.ts";

Deno.test(
  "neighborsWithin() gives the nearest others, nearest first, also of equal features",
  onGpu,
  async () => {
    const n = 13, dims = 6, features = Float32Array.from(hashSigned("neighbors", n * dims));
    features.copyWithin(2 * dims, 7 * dims, 8 * dims); // 2 and 7 are equal
    const rows = Array.from({ length: n }, (_, i) => features.subarray(i * dims, (i + 1) * dims));
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, d) => sum + x * b[d], 0);
    const cosine = (a: number, b: number) =>
      dot(rows[a], rows[b]) / Math.sqrt(dot(rows[a], rows[a]) * dot(rows[b], rows[b]));
    const expected = rows.map((_, i) =>
      [...rows.keys()].filter((j) => j !== i).sort((a, b) => cosine(i, b) - cosine(i, a) || a - b).slice(0, 4)
    );
    const found = await neighborsWithin(await sharedGpu(), { features: { features, dims }, k: 4 });
    assertEquals(found.map((row) => row.toSorted()), expected.map((row) => row.toSorted()));
    assertEquals([found[2][0], found[7][0]], [7, 2]);
    const all = await neighborsWithin(await sharedGpu(), { features: { features, dims }, k: 40 });
    assertEquals(all.map((row) => row.length), Array(n).fill(n - 1));
  },
);
