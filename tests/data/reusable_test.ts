import { reusable } from "../../data/formats/reusable.ts";
import { MachineError } from "../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("reusable() keeps a decoder until it throws or an image is large, also with concurrent calls", async () => {
  let loaded = 0;
  const use = reusable(() => Promise.resolve(++loaded));
  const fail = () => {
    throw new Error("trap");
  };
  assertEquals([await use(1, (n) => n), await use(1, (n) => n)], [1, 1]);
  assertEquals([await use(1, fail), await use(1, (n) => n)], [null, 2]);
  assertEquals([await use(1e8, (n) => n), await use(1, (n) => n)], [2, 3]);
  // The second call waits while the first damages the decoder, and must not get it.
  assertEquals(await Promise.all([use(1, fail), use(1, (n) => n), use(1, (n) => n)]), [null, 4, 4]);
});

Deno.test("reusable() throws if the decoder cannot be loaded, and tries again on the next call", async () => {
  let loaded = 0;
  const use = reusable(() =>
    ++loaded < 3 ? Promise.reject(new Error("no such package")) : Promise.resolve("good")
  );
  for (let i = 0; i < 2; i++) {
    await assertThrows(
      () => use(1, () => "decoded"),
      MachineError,
      /Cannot load an image decoder: no such package/,
    );
  }
  assertEquals(await use(1, (decoder) => decoder), "good");
});

Deno.test("reusable() loads a decoder for each image if none may be kept, also with concurrent calls", async () => {
  let loaded = 0;
  const use = reusable(() => Promise.resolve(++loaded), { maxPixels: 0 });
  assertEquals([await use(1, (n) => n), await use(1, (n) => n)], [1, 2]);
  assertEquals(new Set(await Promise.all([1, 2, 3].map((i) => use(i, (n) => n)))), new Set([3, 4, 5]));
});
