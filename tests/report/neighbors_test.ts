import { decodeImage } from "../../data/decode.ts";
import { drawNeighborStrips } from "../../src/report/neighbor_strips.ts";
import { neighborStrips } from "../../src/report/neighbors.ts";
import { assert, assertClose, assertEquals } from "../assert.ts";

/** Directions at these angles in degrees, of different lengths. */
const ANGLES = [0, 90, 10, 170, 30, 95], LENGTHS = [1, 0.01, 50, 2, 3, 4];
const features = Float32Array.from(
  ANGLES.flatMap((angle, i) => [Math.cos, Math.sin].map((f) => LENGTHS[i] * f(angle * Math.PI / 180))),
);

Deno.test("neighborStrips() orders other rows by angle, whatever their lengths", () => {
  const found = neighborStrips({ features, dims: 2 }, { images: 3, count: 2 });
  assertEquals(found.map(({ image, nearest }) => [image, ...nearest]), [[1, 5, 4], [3, 5, 1], [5, 1, 4]]);
  const expected = [5, 60, 75, 80, 5, 65].map((angle) => Math.cos(angle * Math.PI / 180));
  assertClose("cosines", found.flatMap(({ cosines }) => cosines), expected, { absolute: 1e-6 });
});

Deno.test("neighborStrips() takes the first of equal rows, and 0 as the cosine of zeros", () => {
  const zeros = new Float32Array(4 * 3), all = neighborStrips({ features: zeros, dims: 3 });
  assertEquals(all.map(({ nearest }) => nearest), [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]);
  assertEquals(all[0].cosines, [0, 0, 0]);
  assertEquals(neighborStrips({ features: zeros.subarray(0, 3), dims: 3 }), [{
    image: 0,
    nearest: [],
    cosines: [],
  }]);
});

Deno.test("drawNeighborStrips() draws each image before its nearest", async () => {
  const side = 40, colors = ANGLES.map((_, i) => [40 * i, 255 - 40 * i, 7]);
  const images = colors.map((color, i) => {
    const pixels = Uint8Array.from({ length: side * side * 3 }, (_, at) => color[at % 3]);
    return { index: i, key: `${i}`, thumbnail: { side, pixels } };
  });
  const heldOut = { features, dims: 2, labels: new Int32Array(6).fill(-1) };
  const { width, height, data } = await decodeImage(drawNeighborStrips({ step: 7, heldOut, images }));
  // The middle of each row of pixels, without neighbors of the same color and the white between.
  const rows = new Set<string>();
  for (let y = 0; y < height; y++) {
    const seen: number[] = [];
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4,
        color = colors.findIndex((color) => color.every((c, i) => data[at + i] === c));
      if (color >= 0 && color !== seen.at(-1)) seen.push(color);
    }
    if (seen.length > 0) rows.add(seen.join(" "));
  }
  const expected = neighborStrips(heldOut).map(({ image, nearest }) => [image, ...nearest].join(" "));
  assertEquals([...rows], expected);
  assert(expected.length === 6 && expected[0] === "0 2 4 1 5 3", expected.join());
});
