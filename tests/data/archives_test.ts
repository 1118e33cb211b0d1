import { concatBytes } from "../../src/base/bytes.ts";
import { gzipSync } from "node:zlib";
import { decodeImage } from "../../data/decode.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { openSource } from "../../data/sources/open.ts";
import { readSamples } from "../../data/read.ts";
import { subsetOf } from "../../data/subset.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { jpeg, png, tar, tarEntry, withFolder } from "./fixtures.ts";
import { archive, assertResumes, blob, plain, tag, take } from "./streaming.ts";

const gz = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
const read = async (source: ImageSource) => plain(await take(source, { seed: null }));
const latin = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

Deno.test("openSource() streams compressed archives, with the lengths and labels of plain ones", async () => {
  const files = {
    "a.tar.gz": gz(archive(0, 700)),
    "b.tgz": gz(archive(700, 1300)),
    "c.tar": archive(1300, 1310),
  };
  await withFolder(files, async (folder) => {
    const source = await openSource(folder);
    assert(source.kind === "streamed", "it is not streamed");
    assertEquals([source.length, source.classes], [1310, ["0", "1", "2"]]);
    assertEquals(source.shards.map(({ length }) => length), [700, 600, 10]);
    const samples = await read(source);
    for (const [i, { index, key, label, tag: bytes }] of samples.entries()) {
      const file = i < 700 ? "a.tar.gz" : i < 1300 ? "b.tgz" : "c.tar";
      assertEquals([index, key, label, bytes], [i, `${file}/d/${i}.jpg`, i % 3, tag(blob(i))]);
    }
    await assertResumes(source, { count: 1310, cuts: [0, 699, 999, 1000, 1309, 1500] });
    const reader = readSamples(source, { seed: 1 }).getReader();
    await reader.read();
    await reader.cancel();
    const numbers = Array.from({ length: 15 }, (_, i) => 1290 + i);
    const held = await take(subsetOf(source, numbers), { seed: null });
    assertEquals(held.map(({ index }) => index), numbers);
  });
});

Deno.test("openSource() gives a plain and a compressed archive the same samples and fingerprint", async () => {
  const bytes = archive(0, 20);
  await withFolder({ "plain/a.tar": bytes, "packed/a.tar": gz(bytes) }, async (folder) => {
    const plain = await openSource(`${folder}/plain`), packed = await openSource(`${folder}/packed`);
    assertEquals([plain.kind, packed.kind], ["indexed", "streamed"]);
    assertEquals(packed.fingerprint, plain.fingerprint);
    assertEquals(await read(packed), await read(plain));
  });
});

Deno.test("openSource() reads gzip of several members with zeros after them", async () => {
  const bytes = archive(0, 30);
  const parts = [0, 1, 2].map((k) => gz(bytes.subarray(k * 10_000, k === 2 ? undefined : (k + 1) * 10_000)));
  await withFolder({ "a.tar.gz": concatBytes([...parts, new Uint8Array(512)]) }, async (folder) => {
    assertEquals(
      (await read(await openSource(folder))).map(({ tag }) => tag),
      Array.from({ length: 30 }, (_, i) => tag(blob(i))),
    );
  });
});

Deno.test("openSource() rejects compressed archives that are truncated, damaged or not tar, and says where", async () => {
  const bytes = archive(0, 30), packed = gz(bytes), flipped = packed.slice();
  flipped[packed.length >> 1] ^= 16;
  const files = {
    "cut.tar.gz": packed.subarray(0, packed.length - 6),
    "early.tar.gz": packed.subarray(0, packed.length >> 1),
    "flipped.tar.gz": flipped,
    "tar.tar.gz": gz(bytes.subarray(0, 20_200)),
    "text.tar.gz": gz(new TextEncoder().encode("no tar ".repeat(100))),
    "empty.tar.gz": gz(tar([])),
  };
  await withFolder(files, async (folder) => {
    const rejected = (name: string, pattern: RegExp) =>
      assertThrows(() => openSource(`${folder}/${name}.tar.gz`), UserError, pattern);
    await rejected(
      "cut",
      /cut\.tar\.gz": its gzip data are damaged or truncated: after \d+ unpacked bytes, "unexpected end of file"/,
    );
    await rejected("early", /early\.tar\.gz": .*"unexpected end of file"/);
    await rejected("flipped", /flipped\.tar\.gz/);
    await rejected("tar", /tar\.tar\.gz": it ends within .*, and \d+ bytes are missing/);
    await rejected("text", /text\.tar\.gz": the checksum of the tar header at byte 0 does not match/);
    await rejected("empty", /empty\.tar\.gz": no entry ends in \.jpg/);
  });
});

Deno.test("readSamples() throws the archive's name if it has changed since it was opened", async () => {
  await withFolder({ "a.tar.gz": gz(archive(0, 30)) }, async (folder) => {
    const source = await openSource(folder);
    await Deno.writeFile(`${folder}/a.tar.gz`, gz(archive(0, 20)));
    for (const seed of [null, 1]) {
      await assertThrows(
        () => take(source, { seed }, 100),
        UserError,
        /a\.tar\.gz": it ends after 20 images, but had 30 when it was opened/,
      );
    }
  });
});

Deno.test("openSource() expands braces in order and globs by name, and rejects patterns without a match", async () => {
  const files: Record<string, Uint8Array> = {};
  for (const [k, name] of ["s-08", "s-09", "s-10", "t-08", "x"].entries()) {
    files[`${name}.tar`] = tar([tarEntry(`${k}.jpg`, blob(k))]);
  }
  await withFolder(files, async (folder) => {
    const keys = async (pattern: string) =>
      (await read(await openSource(`${folder}/${pattern}`))).map(({ key }) => key.slice(0, -10));
    assertEquals(await keys("s-{08..10}.tar"), ["s-08", "s-09", "s-10"]);
    assertEquals(await keys("{t,s}-08.tar"), ["t-08", "s-08"]);
    assertEquals(await keys("s-*.tar"), ["s-08", "s-09", "s-10"]);
    assertEquals(await keys("?-{08,1?}.tar"), ["s-08", "t-08", "s-10"]);
    await assertThrows(
      () => openSource(`${folder}/z*.tar`),
      UserError,
      /z\*\.tar": no file matches the pattern/,
    );
    await assertThrows(() => openSource(`${folder}/s-{08..11}.tar`), UserError, /s-11\.tar/);
    await assertThrows(
      () => openSource(`${folder}/s-{0..9999999}.tar`),
      UserError,
      /Write the pattern as/,
    );
    await Deno.writeTextFile(`${folder}/a.zip`, "");
    await assertThrows(
      () => openSource(`${folder}/*.{zip,tar}`),
      UserError,
      /files of different kinds: "a\.zip"/,
    );
    await Deno.writeFile(`${folder}/odd[1].tar`, files["x.tar"]);
    assertEquals(await keys("odd[1].tar"), ["odd[1]"]);
  });
});

/** CIFAR records: label bytes, and three planes that depend on the number. */
function records(numbers: number[], labelsOf: (i: number) => number[]): Uint8Array {
  return concatBytes(numbers.map((i) => {
    const pixels = Uint8Array.from({ length: 3072 }, (_, k) => (k * 7 + i * 13) % 256);
    return concatBytes([new Uint8Array(labelsOf(i)), pixels]);
  }));
}

Deno.test("openSource() reads the training files of a CIFAR-10 folder, or a single file", async () => {
  const names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
  const label = (i: number) => [(i * 3) % 10];
  const files = {
    "batches.meta.txt": names.join("\n") + "\n\n",
    "data_batch_1.bin": records([0, 1, 2], label),
    "data_batch_2.bin": records([3, 4], label),
    "test_batch.bin": records([9], label),
    "readme.html": "",
  };
  await withFolder(files, async (folder) => {
    const source = await openSource(folder);
    assert(source.kind === "indexed", "it is not indexed");
    assertEquals([source.length, source.classes], [5, names]);
    const samples = await take(source, { seed: null });
    assertEquals(samples.map(({ key, label }) => [key, label]), [
      ["data_batch_1.bin/0", 0],
      ["data_batch_1.bin/1", 3],
      ["data_batch_1.bin/2", 6],
      ["data_batch_2.bin/0", 9],
      ["data_batch_2.bin/1", 2],
    ]);
    const header = "P6\n32 32\n255\n";
    for (const [i, { bytes }] of samples.entries()) {
      assertEquals([latin(bytes.subarray(0, header.length)), bytes.length], [header, header.length + 3072]);
      for (const [y, x] of [[0, 0], [0, 31], [31, 0], [17, 5]]) {
        const pixel = [...bytes.subarray(header.length + (y * 32 + x) * 3).subarray(0, 3)];
        assertEquals(pixel, [0, 1, 2].map((c) => ((c * 1024 + y * 32 + x) * 7 + i * 13) % 256));
      }
    }
    await assertResumes(source, { count: 5, cuts: [0, 4, 7] });
    const test = await openSource(`${folder}/test_batch.bin`);
    assertEquals((await read(test)).map(({ label }) => label), [7]);
    await Deno.writeFile(`${folder}/data_batch_2.bin`, records([3, 5], label));
    assert(
      (await openSource(folder)).fingerprint !== source.fingerprint,
      "the fingerprint does not show changed pixels",
    );
    await Deno.truncate(`${folder}/data_batch_1.bin`, 9000);
    await assertThrows(
      () => openSource(folder),
      UserError,
      /data_batch_1\.bin": its 9000 bytes are not a multiple of a record of 3073 bytes/,
    );
  });
});

Deno.test("openSource() takes the fine labels of CIFAR-100", async () => {
  const files = {
    "fine_label_names.txt": Array.from({ length: 100 }, (_, k) => `class ${k}`).join("\n"),
    "train.bin": records([0, 1], (i) => [19, 98 + i]),
    "test.bin": records([0], () => [0, 5]),
  };
  await withFolder(files, async (folder) => {
    const source = await openSource(folder);
    assertEquals([source.length, source.classes[99]], [2, "class 99"]);
    assertEquals((await read(source)).map(({ label }) => label), [98, 99]);
    assertEquals((await read(await openSource(`${folder}/test.bin`))).map(({ label }) => label), [5]);
    await Deno.writeFile(`${folder}/train.bin`, records([0, 1], () => [0, 200]));
    await assertThrows(
      () => openSource(folder),
      UserError,
      /the label at byte 1, in record 0, is 200, not below 100/,
    );
  });
});

Deno.test("openSource() joins sources: classes are united by name, keys stay unique", async () => {
  const named = (cls: string) => tar([tarEntry("1.jpg", blob(1)), tarEntry("1.cls", cls)]);
  const files = {
    "photos/dog/1.jpg": await jpeg(),
    "photos/ant/2.png": png(),
    "a.tar": named("dog"),
    "b.tar": named("bee"),
    "c.tar.gz": gz(named("ant")),
  };
  await withFolder(files, async (folder) => {
    const at = (...names: string[]) => names.map((name) => `${folder}/${name}`);
    const indexed = await openSource(at("photos", "a.tar", "b.tar"));
    assert(indexed.kind === "indexed", "it is not indexed");
    assertEquals([indexed.length, indexed.classes], [4, ["ant", "dog", "bee"]]);
    const samples = await take(indexed, { seed: null });
    const labels = samples.map(({ key, label }) => [key.slice(folder.length + 1), indexed.classes[label!]])
      .sort();
    assertEquals(labels, [
      ["a.tar/a.tar/1.jpg", "dog"],
      ["b.tar/b.tar/1.jpg", "bee"],
      ["photos/ant/2.png", "ant"],
      ["photos/dog/1.jpg", "dog"],
    ]);
    assertEquals(indexed.key(3), samples[3].key);
    assertEquals((await decodeImage(samples[0].bytes)).height, 36);
    await assertResumes(indexed, { count: 4, cuts: [0, 3, 5] });

    const streamed = await openSource(at("c.tar.gz", "photos"));
    assert(streamed.kind === "streamed", "it is not streamed");
    assertEquals([streamed.length, streamed.classes], [3, ["ant", "dog"]]);
    assertEquals((await read(streamed)).map(({ key, label }) => [key.split("/").at(-1), label]).sort(), [
      ["1.jpg", 0],
      ["1.jpg", 1],
      ["2.png", 0],
    ]);
    await assertResumes(streamed, { count: 3, cuts: [0, 2, 4] });
    assert(
      indexed.fingerprint !== (await openSource(at("a.tar", "photos", "b.tar"))).fingerprint,
      "the fingerprint does not show the order",
    );
    await assertThrows(() => openSource(at("photos", "none")), UserError, /none": there is no such file/);
    assertEquals(
      (await openSource(at("a.tar"))).fingerprint,
      (await openSource(`${folder}/a.tar`)).fingerprint,
    );
  });
});

Deno.test("joinSources() splits an indexed source into shards of 1,000 beside a streamed one", async () => {
  await withFolder({ "c.tar.gz": gz(archive(0, 5)) }, async (folder) => {
    const source = await openSource([`${folder}/c.tar.gz`, "shapes:2300"]);
    assert(source.kind === "streamed", "it is not streamed");
    assertEquals(source.shards.map(({ length }) => length), [5, 1000, 1000, 300]);
    const part = subsetOf(source, Array.from({ length: 305 }, (_, i) => 2000 + i));
    const samples = await take(part, { seed: null });
    assertEquals(samples.map(({ key }) => key).slice(-1), ["shapes/shapes/2299"]);
    assertEquals(samples.length, 305);
  });
});
