import { concatBytes } from "../../src/base/bytes.ts";
import type { ImageSource, IndexedSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { withFolder } from "./fixtures.ts";
import { assertResumes, blob, plain, take } from "./streaming.ts";
import { zip } from "./zip.ts";

function asIndexed(source: ImageSource): IndexedSource {
  assert(source.kind === "indexed", "it is not indexed");
  return source;
}

const none = new Uint8Array(0);

Deno.test("openSource() of a zip archive takes the first folder that differs as the class", async () => {
  const files: Record<string, Uint8Array> = {
    "set/": none,
    "set/notes.txt": none,
    "__MACOSX/set/dog/._1.jpg": none,
  };
  for (let i = 0; i < 30; i++) {
    files[`set/${i % 2 ? "dog" : "cat"}/${i % 3 ? "stored" : "deep/er"}-${i}.jpg`] = blob(i);
  }
  await withFolder({ "a.zip": await zip(files) }, async (folder) => {
    const source = asIndexed(await openSource(`${folder}/a.zip`));
    assertEquals([source.length, source.classes], [30, ["cat", "dog"]]);
    // With bytes before the archive, as in self-extracting ones, offsets are shifted.
    await Deno.writeFile(`${folder}/b.zip`, concatBytes([blob(99), await Deno.readFile(`${folder}/a.zip`)]));
    const shifted = await openSource(`${folder}/b.zip`);
    assertEquals(
      plain(await take(shifted, { seed: 2 }, 30)),
      plain(await take(source, { seed: 2 }, 30)),
    );
    const samples = await take(source, { seed: null });
    for (const { key, label, bytes, failure } of samples) {
      assertEquals([failure, label], [null, key.startsWith("set/dog/") ? 1 : 0]);
      assert(bytes.every((byte, i) => byte === files[key][i]) && bytes.length === files[key].length, key);
    }
    const first = samples.slice(0, 10).map(({ label }) => label);
    assert(first.includes(0) && first.includes(1), "the classes are not mixed");
    await assertResumes(source, { count: 30, cuts: [3, 29, 40] });
  });
});

Deno.test("openSource() of a zip archive gives damaged entries as bad images, and counts encrypted ones", async () => {
  const bytes = await zip({
    "1-stored.jpg": blob(1),
    "2.jpg": blob(2),
    "3-locked.jpg": blob(3),
    "4.png": blob(4),
  });
  bytes[60] ^= 1; // within the first entry
  await withFolder(
    { "a.zip": bytes, "b.zip": await zip({ "x/1.jpg": blob(5), "y/1.jpg": blob(6) }) },
    async (folder) => {
      const source = await openSource(`${folder}/a.zip`);
      const samples = await take(source, { seed: null });
      const found = Object.fromEntries(samples.map(({ key, failure }) => [key, failure]));
      assertEquals(source.survey?.names, [{ name: "3-locked.jpg", kind: ".jpg", reason: "encrypted" }]);
      assert(
        /its entry in the archive is damaged: /.test(found["1-stored.jpg"]!),
        String(found["1-stored.jpg"]),
      );
      assertEquals([found["2.jpg"], found["4.png"]], [null, null]);
      const both = asIndexed(await openSource(folder));
      assertEquals([both.length, both.classes], [5, ["x", "y"]]);
      const keys = Array.from({ length: 5 }, (_, i) => both.key(i)).sort();
      assertEquals(keys.slice(2), ["a.zip/4.png", "b.zip/x/1.jpg", "b.zip/y/1.jpg"]);
    },
  );
});

Deno.test("openSource() rejects a zip archive that is truncated, empty or of another kind", async () => {
  const bytes = await zip({ "1.jpg": blob(1) });
  const files = {
    "cut.zip": bytes.subarray(0, -30),
    "no.zip": "nothing",
    "empty.zip": await zip({ "a.txt": none }),
  };
  await withFolder(files, async (folder) => {
    await assertThrows(
      () => openSource(`${folder}/cut.zip`),
      UserError,
      /cut\.zip": .*truncated, or not a zip archive/,
    );
    await assertThrows(() => openSource(`${folder}/no.zip`), UserError, /no\.zip": .*not a zip archive/);
    await assertThrows(
      () => openSource(`${folder}/empty.zip`),
      UserError,
      /empty\.zip": no entry is an image \(\.jpg/,
    );
  });
});
