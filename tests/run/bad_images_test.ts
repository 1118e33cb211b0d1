import { UserError } from "../../src/base/errors.ts";
import { type BadImage, BadImages } from "../../src/run/bad_images.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "../io/temporary_folder.ts";

const image = (index: number): BadImage => ({ index, key: `${index}.jpg`, reason: "it is empty" });
const line = (index: number) =>
  `{"source":"photos","index":${index},"key":"${index}.jpg","reason":"it is empty"}\n`;

/** An open list, and the lines it logs. */
async function open(path: string, { resume = false, max = 100 } = {}) {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  return { bad: await BadImages.open(path, { resume, max, log, source: "photos", verb: "Skipped" }), lines };
}

Deno.test("BadImages lists each image once, in source order, and logs the first five", async () => {
  await using folder = await temporaryFolder();
  const { bad, lines } = await open(folder.path);
  await bad.flush();
  assertEquals(await namesIn(folder.path), []);
  for (const index of [7, 3, 7, 20, 11, 3, 5, 1, 2]) bad.add(image(index));
  assertEquals(bad.count, 7);
  assertEquals(lines.length, 5);
  assertEquals(lines[0], "Skipped 7.jpg: it is empty.");
  assert(
    /5\.jpg: it is empty\. The following ones are only listed in .*bad_images\.jsonl\.$/.test(lines[4]),
    lines[4],
  );
  await bad.flush();
  const path = `${folder.path}/bad_images.jsonl`;
  assertEquals(await Deno.readTextFile(path), [1, 2, 3, 5, 7, 11, 20].map(line).join(""));

  const resumed = await open(folder.path, { resume: true });
  for (const index of [7, 4]) resumed.bad.add(image(index));
  assertEquals([resumed.bad.count, resumed.lines], [8, []], "the first five of the whole run");
  await resumed.bad.flush();
  assertEquals(await Deno.readTextFile(path), [1, 2, 3, 4, 5, 7, 11, 20].map(line).join(""));
});

Deno.test("BadImages lists images that are left out, and does not count them as bad", async () => {
  await using folder = await temporaryFolder();
  const leftOut = (index: number): BadImage => ({ ...image(index), reason: "it is small", leftOut: true });
  const { bad, lines } = await open(folder.path, { max: 1 });
  for (const index of [4, 2, 3, 2]) bad.add(leftOut(index));
  bad.add(image(9));
  assertEquals([bad.count, bad.leftOut], [1, 3]);
  assertEquals([lines[0], lines[3]], ["Left out 4.jpg: it is small.", "Skipped 9.jpg: it is empty."]);
  await bad.flush();
  const left = (index: number) => line(index).replace(`it is empty"`, `it is small","left_out":true`);
  const path = `${folder.path}/bad_images.jsonl`;
  assertEquals(await Deno.readTextFile(path), left(2) + left(3) + left(4) + line(9));

  const resumed = (await open(folder.path, { resume: true, max: 1 })).bad;
  assertEquals([resumed.count, resumed.leftOut], [1, 3]);
  resumed.add(leftOut(5));
  await resumed.flush();
  assertEquals(await Deno.readTextFile(path), [left(2), left(3), left(4), left(5), line(9)].join(""));
  await assertThrows(
    () => Promise.resolve().then(() => resumed.add(image(8))),
    UserError,
    /: 2 images cannot be used/,
  );
});

Deno.test("BadImages.add() throws at one image too many, and the file lists all", async () => {
  await using folder = await temporaryFolder();
  const run = async () => {
    await using bad = (await open(folder.path, { max: 2 })).bad;
    for (const index of [5, 5, 4, 5, 6]) bad.add(image(index));
  };
  await assertThrows(
    run,
    UserError,
    /go on with "photos": 3 images cannot be used, such as 6\.jpg: it is empty; at most 2 .*\(--max-bad\).*raise --max-bad/,
  );
  assertEquals(await Deno.readTextFile(`${folder.path}/bad_images.jsonl`), [4, 5, 6].map(line).join(""));
});
