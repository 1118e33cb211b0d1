import { assert, assertEquals } from "../assert.ts";
import { halfTest, onGpu, sharedGpu } from "../gpu/shared.ts";
import { Memory, type Store } from "../../src/gpu/memory.ts";
import { HALF_NOISE_LENGTH, Noise, NOISE_LENGTH } from "../../src/graph/noise.ts";

Deno.test(
  "Noise.fill() fills every element of each store, differently by name, equally each time",
  onGpu,
  async () => {
    const gpu = await sharedGpu();
    using memory = new Memory(gpu), noise = new Noise(gpu);
    const contents: Float32Array[] = [];
    for (const n of [1, 1021, NOISE_LENGTH, 2 * NOISE_LENGTH + 7]) {
      const store: Store = { name: `store of ${n}`, category: "input", bytes: 4 * n };
      memory.write(store, new Float32Array(n).fill(NaN));
      noise.fill(memory, [store]);
      const values = await memory.read({ store, offset: 0, bytes: 4 * n });
      assert(values.every((value) => Number.isFinite(value) && value !== 0), `of ${n}`);
      const read = noise.readerOf(store);
      assertEquals(values.findIndex((value, i) => value !== read(i)), -1);
      memory.write(store, new Float32Array(n).fill(NaN));
      noise.fill(memory, [store]);
      assertEquals(await memory.read({ store, offset: 0, bytes: 4 * n }), values);
      contents.push(values);
    }
    const [, , one, two] = contents;
    const mean = one.reduce((sum, x) => sum + x) / one.length;
    const variance = one.reduce((sum, x) => sum + x * x) / one.length;
    assert(Math.abs(mean) < .01 && Math.abs(variance - 1) < .01, `mean ${mean}, variance ${variance}`);
    assert(one[0] !== two[0] && one[0] !== contents[1][0], "they begin alike");
    assertEquals(two.subarray(0, 9), two.subarray(NOISE_LENGTH, NOISE_LENGTH + 9));
  },
);

halfTest("Noise.fill() fills stores of float16 with float16", async () => {
  using memory = new Memory(await sharedGpu()), noise = new Noise(await sharedGpu());
  const begins: number[] = [];
  for (const n of [2, 1022, HALF_NOISE_LENGTH, 2 * HALF_NOISE_LENGTH + 6]) {
    const store: Store = { name: `halves ${n}`, category: "input", bytes: 2 * n, type: "f16" };
    memory.write(store, new Uint32Array(n / 2).fill(0xffffffff));
    noise.fill(memory, [store]);
    const words = await memory.read({ store, offset: 0, bytes: 2 * n }),
      values = new Float16Array(words.buffer);
    assertEquals(values.length, n);
    const read = noise.readerOf(store);
    assertEquals(values.findIndex((value, i) => !Number.isFinite(value) || value !== read(i)), -1, `of ${n}`);
    begins.push(values[0]);
    if (n < HALF_NOISE_LENGTH) continue;
    const mean = values.reduce((sum, x) => sum + x) / n,
      variance = values.reduce((sum, x) => sum + x * x) / n;
    assert(Math.abs(mean) < .01 && Math.abs(variance - 1) < .01, `mean ${mean}, variance ${variance}`);
  }
  assertEquals(new Set(begins).size, 4, `they begin alike: ${begins}`);
});
