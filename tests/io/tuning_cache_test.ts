import { assertEquals } from "../assert.ts";
import type { Decision } from "../../src/graph/tuner.ts";
import { openTuningCache as open } from "../../src/io/tuning_cache.ts";
import { temporaryFolder } from "./temporary_folder.ts";

const openTuningCache = open<Decision>;
const decision = (way: string): Decision => ({
  choice: "product",
  variant: way,
  milliseconds: { [way]: 1.5 },
});
const read = async (folder: string) => JSON.parse(await Deno.readTextFile(`${folder}/kernels.json`));

Deno.test("openTuningCache() has the entries that another run found", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const user = `${folder}/cache`, run = `${folder}/run`;
  await Deno.mkdir(run);
  const first = await openTuningCache({ user });
  assertEquals(first.get("a"), undefined);
  first.set("a", decision("tiled"));
  await first.save(run);
  const second = await openTuningCache({ user });
  assertEquals(second.get("a"), decision("tiled"));
  assertEquals(await read(run), { a: decision("tiled") });
});

Deno.test("openTuningCache() prefers the entries in the folder of a resumed run", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const user = `${folder}/cache`, run = `${folder}/run`;
  await Deno.mkdir(run);
  const first = await openTuningCache({ user });
  first.set("a", decision("tiled"));
  first.set("b", decision("tiled"));
  await first.save(run);
  await Deno.writeTextFile(
    `${user}/kernels.json`,
    JSON.stringify({ a: decision("blocked"), c: decision("x") }),
  );
  const resumed = await openTuningCache({ user, run });
  assertEquals(resumed.get("a")?.variant, "tiled");
  assertEquals(resumed.get("c")?.variant, "x");
  await resumed.save(run);
  assertEquals(Object.keys(await read(run)).sort(), ["a", "b", "c"]);
  // Entries of other runs stay in the user's file.
  const other = await openTuningCache({ user });
  other.set("d", decision("y"));
  await other.save();
  assertEquals(Object.keys(await read(user)).sort(), ["a", "c", "d"]);
});

Deno.test("openTuningCache() keeps provisional entries for the run alone", async () => {
  await using temporary = await temporaryFolder();
  const user = `${temporary.path}/cache`, run = temporary.path;
  const first = await openTuningCache({ user });
  first.set("a", { ...decision("tiled"), provisional: true });
  assertEquals(first.get("a")?.variant, "tiled");
  await first.save(run);
  assertEquals((await openTuningCache({ user })).get("a"), undefined);
  assertEquals((await openTuningCache({ user, run })).get("a")?.variant, "tiled");
});

Deno.test("openTuningCache() ignores a damaged file and a folder it cannot write", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  for (const text of ["", "[1", "null", '{"a": 1}', '{"a": {"variant": 3, "milliseconds": {}}}']) {
    await Deno.writeTextFile(`${folder}/kernels.json`, text);
    assertEquals((await openTuningCache({ user: folder })).get("a"), undefined);
  }
  await Deno.writeTextFile(`${folder}/file`, "");
  const cache = await openTuningCache({ user: `${folder}/file/below` });
  cache.set("a", decision("tiled"));
  await cache.save();
  assertEquals((await openTuningCache({ user: null })).get("a"), undefined);
});
