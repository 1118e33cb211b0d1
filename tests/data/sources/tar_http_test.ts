/** Tar archives on a server: labels, splits, compression, and what is counted while they are read. */
import { openSource } from "../../../data/sources/open.ts";
import { assert, assertEquals } from "../../assert.ts";
import { tar, tarEntry } from "../fixtures.ts";
import { serving } from "../server.ts";
import { take } from "../streaming.ts";

const golden = new URL("../../golden/", import.meta.url);
const entries = (...all: [string, string][]) => tar(all.map(([name, body]) => tarEntry(name, body)));

Deno.test("labels beside their images are read over HTTP, other labels are counted once", async () => {
  const files = {
    "a.tar": entries(
      ["1.jpg", "x"],
      ["1.json", '{"Label": 205}'],
      ["cat.0.jpg", "x"],
      ["cat.0.cls", "11"],
      ["3.left.jpg", "x"],
      ["3.right.jpg", "x"],
      ["3.cls", "-1"],
      ["4.jpg", "x"],
      ["1.txt", "a caption"],
      ["4.cls", "7"],
      ["5.cls", "8"],
      ["6.cls", "9"],
    ),
  };
  await serving(files, {}, async (base) => {
    const source = await openSource(`${base}/a.tar`), { survey } = source;
    assert(source.kind === "streamed" && survey !== undefined);
    assertEquals(survey.count, 0);
    for (let epoch = 0; epoch < 2; epoch++) {
      const samples = await take(source, { seed: null });
      assertEquals(samples.map(({ key, label }) => [key, label]), [
        ["a.tar/1.jpg", 205],
        ["a.tar/cat.0.jpg", 11],
        ["a.tar/3.left.jpg", null],
        ["a.tar/4.jpg", 7],
      ]);
      assertEquals(survey.groups.map(({ kind, reason, count }) => [kind, reason, count]), [
        ["label", "its image is not beside it: sort the archive by name", 2],
        ["image", "a further image of a sample", 1],
        [".txt", null, 1],
      ]);
    }
    assertEquals(survey.names.map(({ name }) => name).sort(), [
      "a.tar/1.txt",
      "a.tar/3.right.jpg",
      "a.tar/5.cls",
      "a.tar/6.cls",
    ]);
  });
});

Deno.test("of shards on a server those of one split are read", async () => {
  const files = Object.fromEntries(
    ["x-train-0", "x-train-1", "x-val-0"].map((name) => [`${name}.tar`, entries([`${name}.jpg`, "x"])]),
  );
  await serving(files, {}, async (base) => {
    const spec = `${base}/x-{train-0,train-1,val-0}.tar`;
    const read = async (split?: "validation") => {
      const source = await openSource(spec, { split });
      return [(await take(source, { seed: null })).map(({ key }) => key), source.survey!.split];
    };
    assertEquals(await read(), [["x-train-0.tar/x-train-0.jpg", "x-train-1.tar/x-train-1.jpg"], "train"]);
    assertEquals(await read("validation"), [["x-val-0.tar/x-val-0.jpg"], "validation"]);
  });
});

Deno.test("archives of xz and bzip2 on a server are unpacked, also in two streams at once", async () => {
  const names = ["two.tar.xz", "two.tar.bz2"];
  const files = Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, await Deno.readFile(new URL(`archive_${name}`, golden))]),
    ),
  );
  await serving(files, {}, async (base) => {
    for (const name of names) {
      const source = await openSource([`${base}/${name}`, `${base}/${name}`]);
      assert(source.kind === "streamed");
      const [first, second] = source.shards.map((shard) => shard.open({ from: 0 })[Symbol.asyncIterator]());
      for (let i = 0; i < 120; i++) {
        const images = [await first.next(), await second.next()];
        for (const { value } of images) {
          assertEquals([value.number, value.bytes.length], [i, 3000 + 10 * (i % 17)]);
        }
      }
      assertEquals([(await first.next()).done, (await second.next()).done], [true, true]);
    }
  });
});
