/** How a run divides its data. */
import { partsOf } from "../../src/eval/parts.ts";
import type { DividingOptions } from "../../src/eval/parts.ts";
import { streamedSource } from "../../data/sources/streamed.ts";
import { Survey } from "../../data/sources/survey.ts";
import { UserError } from "../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { memorySource } from "../data/fixtures.ts";

const options: DividingOptions = { limit: null, holdout: null, order: "mixed", batch: 8, steps: 5, seed: 1 };
const images = (n: number) => memorySource(Array(n).fill(new Uint8Array(1)));

Deno.test("partsOf() holds out a tenth of the images, at most 1,000, or what is given", async () => {
  const lengths = async (n: number, given: Partial<DividingOptions> = {}, classes?: string[]) => {
    const source = await images(n);
    const { train, heldOut } = partsOf(classes ? { ...source, classes } : source, { ...options, ...given });
    return [train.length, heldOut?.length ?? 0];
  };
  assertEquals(await lengths(200), [180, 20]);
  assertEquals(await lengths(20_000), [19_000, 1000]);
  assertEquals(await lengths(200, {}, []), [180, 20], "unlabeled images are held out too");
  assertEquals(await lengths(20, { batch: 19 }), [19, 1], "a batch wins over the default");
  assertEquals(await lengths(20, { batch: 20 }), [20, 0]);
  assertEquals(await lengths(200, { holdout: .25 }), [150, 50]);
  assertEquals(await lengths(200, { holdout: 0 }), [200, 0]);
  assertEquals(await lengths(200, { limit: 190 }), [190, 10], "the limit wins over the default");
  assertEquals(await lengths(200, { limit: 50 }), [50, 20]);
  await assertThrows(
    () => lengths(200, { limit: 190, holdout: 20 }),
    UserError,
    /200 images, expected 190 to train on .*and 20 to hold out/,
  );
  await assertThrows(
    () => lengths(10, { holdout: 3 }),
    UserError,
    /10 images, expected a batch of 8 to train on/,
  );
  const survey = new Survey();
  survey.leaveOut({ name: "x.heic", kind: ".heic", reason: "not readable", count: 30 });
  const one = { ...await images(1), survey };
  await assertThrows(
    () => Promise.resolve(partsOf(one, options)),
    UserError,
    /it has 1 image \(30 left out: 30 \.heic \(not readable\)\), expected a batch of 8/,
  );
});

Deno.test("partsOf() tells what a stream of unknown length cannot do, and what it can", async () => {
  const shards = [{ name: "s", length: null, async *open() {} }];
  const source = await streamedSource({ name: "far", shards, classes: ["a", "b"], identity: "" });
  const parts = (given: Partial<DividingOptions>) => partsOf(source, { ...options, ...given });
  assertEquals(parts({}), { train: source, heldOut: null });
  assertEquals(parts({ holdout: .1 }).heldOut?.length, null);
  const refused: [Partial<DividingOptions>, RegExp][] = [
    [{ limit: 5 }, /"far" with --limit 5: it is streamed, .* Name fewer of its shards, or copy/],
    [{ holdout: 5 }, /with --holdout 5: .* Hold a share of the images out, as by --holdout 0\.01/],
    [{ holdout: .1, order: "source" }, /with --holdout in source order: .* Leave out --order source/],
    [{ steps: null }, /with --epochs: .* Use --steps N instead/],
  ];
  for (const [given, message] of refused) await assertThrows(() => parts(given), UserError, message);
});
