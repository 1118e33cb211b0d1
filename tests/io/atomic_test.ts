import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { removeTemporaries, writeFileAtomic } from "../../src/io/atomic.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { namesIn, temporaryFolder } from "./temporary_folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("writeFileAtomic() joins its chunks and replaces an existing file", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.txt");
  await Deno.writeTextFile(path, "a longer text than the new one");
  await writeFileAtomic(path, [bytes("one "), bytes(""), bytes("two")]);
  assertEquals(await Deno.readTextFile(path), "one two");
  assertEquals(await namesIn(folder.path), ["a.txt"]);
});

Deno.test("writeFileAtomic() leaves only the old file when it fails halfway", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.txt");
  await Deno.writeTextFile(path, "old");
  function* chunks() {
    yield bytes("half of the ");
    throw new RangeError("no more");
  }
  await assertThrows(() => writeFileAtomic(path, chunks()), RangeError, /no more/);
  assertEquals(await Deno.readTextFile(path), "old");
  assertEquals(await namesIn(folder.path), ["a.txt"]);
});

Deno.test("writeFileAtomic() has no partial file under the final name", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.txt");
  let seen: string[] = [];
  function* chunks() {
    yield bytes("half");
    seen = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
  }
  await writeFileAtomic(path, chunks());
  assertEquals(seen.length, 1);
  assertEquals(/^\.a\.txt\..+\.partial$/.test(seen[0]), true);
});

Deno.test("writeFileAtomic() refuses a missing folder", async () => {
  await using folder = await temporaryFolder();
  const missing = join(folder.path, "no", "a.txt");
  await assertThrows(
    () => writeFileAtomic(missing, []),
    UserError,
    /^Cannot write ".*a\.txt": its folder does not exist/,
  );
});

Deno.test("removeTemporaries() removes only what writeFileAtomic() may leave", async () => {
  await using folder = await temporaryFolder();
  const others = [".hidden", "a.partial", "step-000001.safetensors"];
  for (const name of [".a.txt.0f3c.partial", ...others]) {
    await Deno.writeTextFile(join(folder.path, name), "");
  }
  await removeTemporaries(folder.path);
  assertEquals(await namesIn(folder.path), others);
  await removeTemporaries(join(folder.path, "missing"));
});
