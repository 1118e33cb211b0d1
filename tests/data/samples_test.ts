import { extremes, percentileRange, type Samples, toBytes } from "../../data/formats/samples.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { assertClose, assertEquals, assertThrows } from "../assert.ts";

/** The percentile by sorting. */
function sorted(values: number[], share: number): number {
  const order = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const position = share * (order.length - 1), rank = Math.floor(position);
  return order[rank] + (position - rank) * ((order[rank + 1] ?? order[rank]) - order[rank]);
}

const random = keyedRandom(3);
const gray = { channels: 1, colors: 1 };

Deno.test("percentileRange() equals sorting for samples of all kinds", () => {
  for (const count of [1, 2, 3, 100, 101, 5000]) {
    const wild = () => (random.between(0, 2) - 1) * 10 ** random.integer(30);
    const kinds: Samples[] = [
      Uint8Array.from({ length: count }, () => random.integer(256)),
      Uint16Array.from({ length: count }, () => random.integer(65536)),
      Uint32Array.from({ length: count }, () => random.integer(2 ** 32)),
      Int32Array.from({ length: count }, () => random.integer(2 ** 32) - 2 ** 31),
      Float32Array.from({ length: count }, wild),
      Float32Array.from({ length: count }, () => random.integer(3) - 1), // 0 and ties
    ];
    for (const samples of kinds) {
      const { low, high } = percentileRange(samples, gray), values = [...samples];
      assertEquals(
        [low, high],
        [sorted(values, .01), sorted(values, .99)],
        `${count} of ${samples.constructor.name}`,
      );
    }
  }
});

Deno.test("percentileRange() leaves out NaN, alpha and transparent pixels", () => {
  const samples = Float32Array.of(NaN, 5, 9, 1, -3, 0, 7, .5);
  assertEquals(percentileRange(samples, { channels: 2, colors: 1 }), { low: 7.02, high: 8.98 });
  assertEquals(percentileRange(Int32Array.of(4, -4, 4, -4, 4, 0), { channels: 3, colors: 3 }), {
    low: -4,
    high: 4,
  });
  assertThrows(() => percentileRange(Float32Array.of(NaN, NaN), gray), Error, /not numbers/);
});

Deno.test("extremes() and toBytes() take the color samples alone", () => {
  const samples = Float32Array.of(-1, 100, 3, -100, NaN, 0, 1, 7), pixel = { channels: 2, colors: 1 };
  assertEquals(extremes(samples, pixel), { low: -1, high: 3 });
  const out = new Uint8Array(12).fill(9);
  toBytes(samples, pixel, { low: -1, high: 3, out, outChannels: 3 });
  assertClose("bytes", out, Uint8Array.of(0, 9, 9, 255, 9, 9, 0, 9, 9, 128, 9, 9), {});
  toBytes(samples, pixel, { low: 1, high: 1, out, outChannels: 3 });
  assertClose("an empty range", out, Uint8Array.of(0, 9, 9, 255, 9, 9, 0, 9, 9, 0, 9, 9), {});
});
