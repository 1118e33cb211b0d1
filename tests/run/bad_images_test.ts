import { UserError } from "../../src/base/errors.ts";
import { type BadImage, BadImages } from "../../src/run/bad_images.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "./temporary_folder.ts";

const image = (index: number): BadImage => ({ index, key: `${index}.jpg`, reason: "it is empty" });
const line = (index: number) =>
  `{"source":"photos","index":${index},"key":"${index}.jpg","reason":"it is empty"}\n`;

/** An open record, and what it has printed. */
async function open(path: string, { resume = false, most = 100 } = {}) {
  const told: string[] = [];
  const log = (line: string) => told.push(line);
  return { bad: await BadImages.open(path, { resume, most, log, source: "photos", verb: "Skipped" }), told };
}

Deno.test("bad images are named once, in source order, the first few also as they come", async () => {
  await using folder = await temporaryFolder();
  const { bad, told } = await open(folder.path);
  await bad.flush();
  assertEquals(await namesIn(folder.path), []);
  for (const index of [7, 3, 7, 20, 11, 3, 5, 1, 2]) bad.add(image(index));
  assertEquals(bad.count, 7);
  assertEquals(told.length, 5);
  assertEquals(told[0], "Skipped 7.jpg: it is empty.");
  assert(
    /5\.jpg: it is empty\. Further ones are only named in .*bad_images\.jsonl\.$/.test(told[4]),
    told[4],
  );
  await bad.flush();
  const path = `${folder.path}/bad_images.jsonl`;
  assertEquals(await Deno.readTextFile(path), [1, 2, 3, 5, 7, 11, 20].map(line).join(""));

  const resumed = await open(folder.path, { resume: true });
  for (const index of [7, 4]) resumed.bad.add(image(index));
  assertEquals([resumed.bad.count, resumed.told], [8, []], "the first few are of the whole run");
  await resumed.bad.flush();
  assertEquals(await Deno.readTextFile(path), [1, 2, 3, 4, 5, 7, 11, 20].map(line).join(""));
});

Deno.test("one bad image too many ends the run, which names all", async () => {
  await using folder = await temporaryFolder();
  const run = async () => {
    await using bad = (await open(folder.path, { most: 2 })).bad;
    for (const index of [5, 5, 4, 5, 6]) bad.add(image(index));
  };
  await assertThrows(
    run,
    UserError,
    /go on with photos: .*no more than 2 images .*\(--max-bad\): found 3, such as 6\.jpg: it is empty\. .*raise --max-bad/,
  );
  assertEquals(await Deno.readTextFile(`${folder.path}/bad_images.jsonl`), [4, 5, 6].map(line).join(""));
});
