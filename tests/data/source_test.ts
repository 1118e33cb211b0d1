import { concatBytes } from "../../src/base/bytes.ts";
import { decodeImage } from "../../data/decode.ts";
import type { IndexedSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { entriesOf } from "../../data/sources/entries.ts";
import { Survey } from "../../data/sources/survey.ts";
import { openFolder } from "../../data/sources/folder.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { jpeg, tar, tarEntry, withFolder } from "./fixtures.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Opens an indexed source. */
async function openIndexed(spec: string): Promise<IndexedSource> {
  const source = await openSource(spec);
  assert(source.kind === "indexed", "it is not indexed");
  return source;
}

async function list(spec: string) {
  const source = await openSource(spec);
  const items = [];
  for await (const { index, key, label, bytes } of source) {
    items.push({ index, key: key.replace(spec + "/", ""), label, text: text(bytes) });
  }
  source.close();
  return { source, items };
}

Deno.test("openSource() of a folder mixes the classes, which are its first subfolders", async () => {
  const files = {
    "b/2.PNG": "b2",
    "b/deep/1.jpg": "b1",
    "a/x.webp": "ax",
    "a/notes.txt": "",
    ".h/a.jpg": "",
  };
  await withFolder({ ...files, "loose.jpeg": "l" }, async (folder) => {
    await Deno.symlink(folder, `${folder}/a/loop`);
    const { source, items } = await list(folder);
    assertEquals(source.classes, ["a", "b"]);
    assertEquals(items, [
      { index: 0, key: "a/x.webp", label: 0, text: "ax" },
      { index: 1, key: "b/deep/1.jpg", label: 1, text: "b1" },
      { index: 2, key: "loose.jpeg", label: null, text: "l" },
      { index: 3, key: "b/2.PNG", label: 1, text: "b2" },
    ]);
    const { fingerprint } = source;
    await Deno.rename(`${folder}/a/x.webp`, `${folder}/a/y.webp`);
    assert(
      fingerprint !== (await openSource(folder)).fingerprint,
      "the fingerprint does not show a renamed image",
    );
    await Deno.rename(`${folder}/a/y.webp`, `${folder}/a/x.webp`);
    assertEquals((await openSource(folder)).fingerprint, fingerprint);
    await Deno.writeTextFile(`${folder}/a/x.webp`, "another size");
    assert(
      fingerprint !== (await openSource(folder)).fingerprint,
      "the fingerprint does not show a changed size",
    );
  });
});

Deno.test("openSource() lists images and archives behind broken links, and throws for a source that cannot be read", async () => {
  await withFolder({ "cats/1.jpg": "1", "tars/notes.txt": "" }, async (folder) => {
    await Deno.symlink(`${folder}/gone`, `${folder}/cats/2.jpg`);
    await Deno.symlink(`${folder}/gone`, `${folder}/dogs`);
    const source = await openIndexed(folder);
    assertEquals([0, 1].map((i) => source.key(i)).sort(), ["cats/1.jpg", "cats/2.jpg"]);
    assertEquals(source.survey!.names[0], { name: "dogs", kind: "link", reason: "it leads nowhere" });
    await Deno.symlink(`${folder}/gone`, `${folder}/tars/1.tar`);
    await assertThrows(
      () => openSource(`${folder}/tars`),
      UserError,
      /Cannot read ".*\/1\.tar": /,
    );
    await assertThrows(
      () => openFolder(`${folder}/none`, { survey: new Survey() }),
      UserError,
      /Cannot read ".*\/none": /,
    );
    await assertThrows(() => entriesOf(`${folder}/none`), UserError, /Cannot read ".*\/none": /);
    await Deno.writeFile(`${folder}/good.tar`, tar([tarEntry("1.jpg", "-")]));
    await Deno.mkdir(`${folder}/classes.txt`);
    await assertThrows(() => openSource(`${folder}/good.tar`), UserError, /Cannot read ".*classes\.txt": /);
  });
});

Deno.test("openSource() reads an archive by its name beside images, and shards beside other files", async () => {
  const shard = tar([tarEntry("1.jpg", "one")]);
  await withFolder({ "backup.tar": shard, "cats/1.jpg": "1", "cats/2.jpg": "2" }, async (folder) => {
    assertEquals((await openSource(folder)).length, 2);
    assertEquals((await openSource(`${folder}/backup.tar`)).length, 1);
  });
  const beside = { "classes.txt": "a\n", "index.json": "{}", ".cache/1.jpg": "1" };
  await withFolder({ "1.tar": shard, ...beside }, async (folder) => {
    assertEquals((await openSource(folder)).length, 1);
  });
});

Deno.test("openSource() gives the samples of tar shards in order, with their labels", async () => {
  const first = tar([
    tarEntry("./", "", { type: "5" }),
    tarEntry("s1.jpg", "one"),
    tarEntry("s1.cls", "1\n"),
    tarEntry("s2.cls", "0"),
    tarEntry("s2.seg.png", "not this"),
    tarEntry("s2.png", "two"),
    tarEntry("s3.txt", "no image"),
  ]);
  const second = tar([tarEntry("s1.webp", "x".repeat(700))]);
  await withFolder({ "b.tar": second, "a.tar": first }, async (folder) => {
    const { source, items } = await list(folder);
    assertEquals(source.classes, ["0", "1"]);
    assertEquals(items, [
      { index: 0, key: "a.tar/s1.jpg", label: 1, text: "one" },
      { index: 1, key: "a.tar/s2.png", label: 0, text: "two" },
      { index: 2, key: "b.tar/s1.webp", label: null, text: "x".repeat(700) },
    ]);
    await Deno.writeTextFile(`${folder}/classes.txt`, "cat\ndog\n");
    assertEquals((await openSource(`${folder}/a.tar`)).classes, ["cat", "dog"]);
    await Deno.writeTextFile(`${folder}/classes.txt`, "cat\n");
    await assertThrows(
      () => openSource(folder),
      UserError,
      /s1\.jpg" has the label "1", which is none of the 1 classes of classes\.txt/,
    );
  });
});

Deno.test("openSource() takes class names as tar labels, and accepts missing labels", async () => {
  const named = tar([
    tarEntry("1.jpg", "-"),
    tarEntry("1.cls", "dog"),
    tarEntry("2.jpg", "-"),
    tarEntry("2.cls", "cat"),
  ]);
  await withFolder({ "named.tar": named, "none.tar": tar([tarEntry("1.jpg", "-")]) }, async (folder) => {
    const { source, items } = await list(`${folder}/named.tar`);
    assertEquals([source.classes, items.map((item) => item.label)], [["cat", "dog"], [1, 0]]);
    assertEquals((await openSource(`${folder}/none.tar`)).classes, []);
  });
});

Deno.test("openSource() reads ustar prefixes, and PAX and GNU long names and sizes", async () => {
  const long = `${"d".repeat(120)}/ü.jpg`;
  const body = "z".repeat(600);
  const pax = `${`142 path=${long}\n`}${"12 size=600\n"}`;
  const binary = tarEntry("big.jpg", body);
  binary.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x58], 124);
  binary.fill(0x20, 148, 156);
  const sum = binary.subarray(0, 512).reduce((a, b) => a + b, 0);
  binary.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
  const entries = [
    tarEntry("p.jpg", "prefixed", { prefix: "some/where" }),
    tarEntry("g.jpg", "gnu", { prefix: "12345670123", magic: "ustar  \0" }),
    tarEntry("@LongLink", `long/${"n".repeat(150)}.jpg\0`, { type: "L" }),
    tarEntry("cut", "long"),
    tarEntry("pax", pax, { type: "x" }),
    tarEntry("short.jpg", body),
    tarEntry("glob", "15 comment=none\n", { type: "g" }),
    binary,
  ];
  await withFolder({ "a.tar": tar(entries) }, async (folder) => {
    const { items } = await list(`${folder}/a.tar`);
    assertEquals(items.map(({ key, text }) => [key.replace("a.tar/", ""), text]), [
      ["some/where/p.jpg", "prefixed"],
      ["g.jpg", "gnu"],
      [`long/${"n".repeat(150)}.jpg`, "long"],
      [long, body],
      ["big.jpg", body],
    ]);
  });
});

Deno.test("openSource() rejects a truncated tar with the missing bytes, and other files", async () => {
  const whole = concatBytes([tarEntry("1.jpg", "x".repeat(600)), tarEntry("2.jpg", "y".repeat(600))]);
  const files = {
    "body.tar": whole.subarray(0, 512 + 1024 + 512 + 100),
    "header.tar": whole.subarray(0, 512 + 1024 + 500),
    "foreign.tar": new TextEncoder().encode("no tar ".repeat(200)),
    "empty.tar": tar([]),
    "whole.tar": whole,
  };
  await withFolder(files, async (folder) => {
    const open = (name: string) => () => openSource(`${folder}/${name}`);
    await assertThrows(
      open("body.tar"),
      UserError,
      /body\.tar": it ends within 2\.jpg, and 500 bytes are missing/,
    );
    await assertThrows(open("header.tar"), UserError, /header at byte 1536, and 12 bytes are missing/);
    await assertThrows(
      open("foreign.tar"),
      UserError,
      /header at byte 0 does not match.*not an uncompressed tar/,
    );
    await assertThrows(open("empty.tar"), UserError, /no entry ends in \.jpg/);
    assertEquals((await openSource(`${folder}/whole.tar`)).length, 2); // without an end mark, as some tools write
  });
});

Deno.test("openSource() rejects missing, empty and unknown sources, and says what it supports", async () => {
  await withFolder({ "notes.rtf": "" }, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /found no images .* in it or its subfolders.*Check the path/,
    );
    await assertThrows(
      () => openSource(`${folder}/none`),
      UserError,
      /none": there is no such file or folder\. Give "shapes"/,
    );
    await assertThrows(
      () => openSource(`${folder}/notes.rtf`),
      UserError,
      /"notes\.rtf" is of a kind that is not supported/,
    );
    await assertThrows(() => openSource("ftp://host/x"), UserError, /this kind of address is not supported/);
    await assertThrows(() => openSource("shapes:0"), UserError, /"0" is not a number of images/);
  });
});

Deno.test('openSource("shapes:20") gives balanced JPEGs, the same each time and in any order', async () => {
  const source = await openIndexed("shapes:20");
  assertEquals([source.length, source.classes.length], [20, 10]);
  const last = await source.read(19);
  assertEquals([last.index, last.label], [19, 9]);
  const { width, height } = await decodeImage(last.bytes);
  assertEquals([width, height], [32, 32]);
  const again = await (await openIndexed("shapes")).read(19);
  assertEquals([...again.bytes], [...last.bytes]);
  assert(text((await source.read(9)).bytes) !== text(last.bytes), "two images of a class are the same");
});

Deno.test("decodeImage() decodes an image of a shard", async () => {
  await withFolder({ "a.tar": tar([tarEntry("1.jpg", await jpeg())]) }, async (folder) => {
    const source = await openIndexed(`${folder}/a.tar`);
    assertEquals((await decodeImage((await source.read(0)).bytes)).height, 36);
  });
});

Deno.test("the fingerprint of a folder depends on the contents of files of the same size", async () => {
  const fingerprints: string[] = [];
  for (const last of [3, 3, 4]) {
    await withFolder({ "a.ppm": new Uint8Array([1, 2, last]), "b.ppm": "other" }, async (folder) => {
      fingerprints.push((await openSource(folder)).fingerprint);
    });
  }
  const [one, same, other] = fingerprints;
  assertEquals([same === one, other === one], [true, false]);
});
