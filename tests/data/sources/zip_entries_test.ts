/** What archives of many programs hold: names, methods, records and links that are not those of the usual ones. */
import { crc32, zstdCompressSync } from "node:zlib";
import { UserError } from "../../../src/base/errors.ts";
import { openSource } from "../../../data/sources/open.ts";
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { withFolder } from "../fixtures.ts";
import { type RawEntry, rawZip } from "../raw_zip.ts";

/** The images of an archive by key, with class and text, and what was left out, as counts by kind and reason. */
async function opened(spec: string, options: OpenOptions = {}) {
  const source = await openSource(spec, options);
  assert(source.kind === "indexed" && source.survey !== undefined);
  const images: Record<string, [cls: string | null, text: string]> = {};
  for await (const { key, label, bytes } of source) {
    images[key] = [label === null ? null : source.classes[label], new TextDecoder().decode(bytes)];
  }
  const leftOut = Object.fromEntries(
    source.survey.groups.map((
      { kind, reason, count },
    ) => [reason === null ? kind : `${kind}: ${reason}`, count]),
  );
  return { source, images, leftOut, survey: source.survey };
}

/** Calls `test` with the path of an archive of `entries`. */
async function withZip(
  entries: RawEntry[],
  test: (path: string) => Promise<void>,
  options: Parameters<typeof rawZip>[1] = {},
): Promise<void> {
  await withFolder({ "a.zip": rawZip(entries, options) }, async (folder) => await test(`${folder}/a.zip`));
}

Deno.test("openSource() of a zip archive leaves out single entries whose path leads out, and reads them if all do", async () => {
  const unsafe: RawEntry[] = [
    { name: "/home/me/1.jpg", content: "absolute" },
    { name: "../2.jpg", content: "above" },
    { name: "C:\\3.jpg", content: "drive" },
  ];
  const safe: RawEntry[] = [
    { name: "./cat/4.jpg", content: "dot", method: 8 },
    { name: "dog\\5.jpg", content: "backslash" },
    { name: "dog//6.jpg", content: "two slashes" },
  ];
  await withZip([...safe, ...unsafe], async (path) => {
    const { images, leftOut, survey } = await opened(path);
    assertEquals(images["cat/4.jpg"], ["cat", "dot"]);
    assertEquals(images["dog/5.jpg"], ["dog", "backslash"]);
    assertEquals(images["dog/6.jpg"], ["dog", "two slashes"]);
    assertEquals(leftOut, { ".jpg: its path leads out of the archive": 3 });
    assertEquals(survey.names.map(({ name }) => name), ["/home/me/1.jpg", "../2.jpg", "C:/3.jpg"]);
  });
  await withZip(unsafe, async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(Object.keys(images).sort(), ["2.jpg", "3.jpg", "home/me/1.jpg"]);
    assertEquals([images["2.jpg"][1], images["home/me/1.jpg"][1], leftOut], ["above", "absolute", {}]);
  });
});

Deno.test("openSource() of a zip archive names what an entry is compressed by, and counts links and other files", async () => {
  const entries: RawEntry[] = [
    { name: "a/1.jpg", content: "stored" },
    { name: "a/2.jpg", content: "deflated".repeat(50), method: 8 },
    { name: "b/3.jpg", content: "?", method: 14 },
    { name: "b/4.jpg", content: "?", method: 9 },
    { name: "b/5.jpg", content: "?", method: 1234 },
    { name: "b/6.jpg", content: "?", flags: 1 },
    { name: "a/7.jpg", content: "1.jpg", mode: 0o120777 },
    { name: "a/8.cr2", content: "" },
    { name: "a/9.txt", content: "" },
    { name: "a/more.tar", content: "" },
    { name: "__MACOSX/a/._1.jpg", content: "" },
    { name: "a/.10.jpg", content: "" },
    { name: "a/.DS_Store", content: "" },
    { name: "a/sub/", content: "" },
  ];
  await withZip(entries, async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(images, { "a/1.jpg": ["a", "stored"], "a/2.jpg": ["a", "deflated".repeat(50)] });
    assertEquals(leftOut, {
      ".jpg: compressed by LZMA: extract the archive": 1,
      ".jpg: compressed by Deflate64: extract the archive": 1,
      ".jpg: compressed by method 1234: extract the archive": 1,
      ".jpg: encrypted": 1,
      ".jpg: a link in an archive": 1,
      ".jpg: hidden": 1,
      ".cr2: camera raw, not readable": 1,
      ".txt": 1,
      ".tar: an archive in the archive: unpack it": 1,
      "folder: of the system": 1,
      "class: without a readable image": 1,
    });
  });
  await withZip([{ name: "1.jpg", content: "?", method: 12 }], async (path) => {
    await assertThrows(
      () => openSource(path),
      UserError,
      /no entry is an image.*1 left out: 1 \.jpg \(compressed by bzip2: extract the archive\)/,
    );
  });
});

Deno.test("openSource() of a zip archive finds images without an extension, and takes the last of two entries", async () => {
  const jpeg = new Uint8Array(3000).fill(120);
  jpeg.set([0xff, 0xd8, 0xff, 0xe0]);
  const entries: RawEntry[] = [
    { name: "stored", content: jpeg },
    { name: "deflated.data", content: jpeg, method: 8 },
    { name: "zstd.data", content: jpeg, method: 93, packed: zstdCompressSync(jpeg) },
    { name: "LICENSE", content: "text" },
    { name: "damaged", content: "text", method: 8, packed: new Uint8Array([255, 255]) },
    { name: "2.jpg", content: "old" },
    { name: "2.jpg", content: "new" },
    { name: "3.jpg", content: "z".repeat(999), method: 93, packed: zstdCompressSync("z".repeat(999)) },
  ];
  await withZip(entries, async (path) => {
    const { images, leftOut } = await opened(path);
    assertEquals(Object.keys(images).sort(), ["2.jpg", "3.jpg", "deflated.data", "stored", "zstd.data"]);
    assertEquals([images["2.jpg"][1], images["3.jpg"][1]], ["new", "z".repeat(999)]);
    assertEquals(leftOut, {
      "without an extension": 1,
      "without an extension: cannot be read": 1,
      ".jpg: a later entry has the same name": 1,
    });
  });
});

/** The extra field of Info-ZIP that holds the name `unicode`, valid for the name `raw`. */
function unicodePath(raw: string, unicode: string): Uint8Array {
  const name = new TextEncoder().encode(unicode), field = new Uint8Array(9 + name.length);
  const view = new DataView(field.buffer);
  view.setUint16(0, 0x7075, true);
  view.setUint16(2, 5 + name.length, true);
  view.setUint8(4, 1);
  view.setUint32(5, crc32(raw), true);
  field.set(name, 9);
  return field;
}

Deno.test("openSource() of a zip archive decodes names in UTF-8, marked or not, in code page 437 and in extra fields", async () => {
  const entries: RawEntry[] = [
    { name: new Uint8Array([0x81, 0x2e, 0x6a, 0x70, 0x67]), content: "437", flags: 0 },
    { name: "ö.jpg", content: "unmarked", flags: 0 },
    { name: "ä.jpg", content: "marked" },
    { name: "x.jpg", content: "field", flags: 0, extra: unicodePath("x.jpg", "日.jpg") },
    { name: "y.jpg", content: "stale field", flags: 0, extra: unicodePath("x.jpg", "月.jpg") },
    { name: "z.jpg", content: "damaged field", flags: 0, extra: new Uint8Array([0x75, 0x70, 0xff, 0xff, 1]) },
  ];
  await withZip(entries, async (path) => {
    const { images } = await opened(path);
    assertEquals(Object.fromEntries(Object.entries(images).map(([key, [, text]]) => [key, text])), {
      "ü.jpg": "437",
      "ö.jpg": "unmarked",
      "ä.jpg": "marked",
      "日.jpg": "field",
      "y.jpg": "stale field",
      "z.jpg": "damaged field",
    });
  });
});

Deno.test("openSource() of a zip archive reads records of 64 bits, bytes before and after it, and comments", async () => {
  const entries: RawEntry[] = Array.from({ length: 50 }, (_, i) => ({
    name: `${i % 2 ? "dog" : "cat"}/${i}.jpg`,
    content: `image ${i} `.repeat(i),
    method: i % 3 ? 8 : 0,
    large: i % 5 === 0,
  }));
  const fingerprints = new Set<string>();
  for (const large of [false, true]) {
    for (const before of ["", "#!/bin/sh self-extracting\n"]) {
      for (
        const comment of ["", "a comment", "PK\x05\x06 in a comment of more bytes than a record has, 22"]
      ) {
        await withZip(entries, async (path) => {
          const { source, images } = await opened(path);
          assertEquals([source.length, source.classes], [50, ["cat", "dog"]]);
          for (const [key, [cls, text]] of Object.entries(images)) {
            const i = Number(/\d+/.exec(key)![0]);
            assertEquals([cls, text], [i % 2 ? "dog" : "cat", `image ${i} `.repeat(i)]);
          }
          fingerprints.add(source.fingerprint);
        }, { large, before, comment });
      }
    }
  }
  assertEquals(fingerprints.size, 1);
  entries[7].content += "!";
  await withZip(entries, async (path) => {
    assert(
      !fingerprints.has((await openSource(path)).fingerprint),
      "the fingerprint does not show a changed content",
    );
  });
});

Deno.test("openSource() of a zip archive names a part of a split archive, and a list of entries that is cut", async () => {
  const entries = Array.from({ length: 9 }, (_, i) => ({ name: `${i}.jpg`, content: "x" }));
  await withZip(entries, async (path) => {
    await assertThrows(
      () => openSource(path),
      UserError,
      /a\.zip": it is one part of an archive of several\. Join them/,
    );
  }, { disk: 1 });
  await withZip(entries, async (path) => {
    await assertThrows(
      () => openSource(path),
      UserError,
      /should have 10 entries, but ends after 9\. It is damaged/,
    );
  }, { count: 10 });
  await withFolder({ "a.z01": "", "b.zip.002": "" }, async (folder) => {
    for (const name of ["a.z01", "b.zip.002"]) {
      await assertThrows(
        () => openSource(`${folder}/${name}`),
        UserError,
        /is a part of an archive: join the parts/,
      );
    }
  });
});

Deno.test("openSource() of zip archives chooses the split by folders or by the archives' names", async () => {
  const entry = (name: string): RawEntry => ({ name, content: "x" });
  const inside = ["set/train/cat/1.jpg", "set/train/dog/2.jpg", "set/val/dog/3.jpg", "set/val/cat/4.jpg"].map(
    entry,
  );
  await withZip(inside, async (path) => {
    const { source, images, leftOut, survey } = await opened(path);
    assertEquals(Object.keys(images).sort(), ["set/train/cat/1.jpg", "set/train/dog/2.jpg"]);
    assertEquals([source.classes, survey.split, leftOut], [["cat", "dog"], "train", {
      "split validation": 2,
    }]);
    assertEquals(Object.keys((await opened(path, { split: "validation" })).images).length, 2);
  });
  const zips = {
    "train2017.zip": rawZip([entry("train2017/1.jpg"), entry("train2017/2.jpg")]),
    "val2017.zip": rawZip([entry("val2017/3.jpg")]),
    "test2017.zip": rawZip([entry("test2017/4.jpg")]),
  };
  await withFolder(zips, async (folder) => {
    const { source, images, leftOut } = await opened(folder);
    assertEquals(Object.keys(images).sort(), [
      "train2017.zip/train2017/1.jpg",
      "train2017.zip/train2017/2.jpg",
    ]);
    assertEquals([source.classes, leftOut], [[], { "split test": 1, "split validation": 1 }]);
    assertEquals(Object.keys((await opened(folder, { split: "test" })).images), [
      "test2017.zip/test2017/4.jpg",
    ]);
    assertEquals(Object.keys((await opened(`${folder}/val2017.zip`)).images), ["val2017/3.jpg"]);
  });
});
