import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { openSource } from "../../data/sources/open.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { UserError } from "../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { type HubRepository, TOKEN, withHub } from "./hub_server.ts";
import { archive, assertResumes, blob, plain, tag, take } from "./streaming.ts";
import { zip } from "./zip.ts";

const retryPolicy = { attempts: 3, delayMs: 1, maxDelayMs: 4, idleTimeoutMs: 2000 };
const open = (spec: string, options = {}) => openSource(spec, { retryPolicy, ...options });

/** A Parquet file of the images `from` … `to` − 1, ten to a row group; image i has the label i % 3. */
function parquet(from: number, to: number): Uint8Array {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "image", data: numbers.map((i) => blob(i)), type: "BYTE_ARRAY" },
      { name: "label", data: numbers.map((i) => i % 3), type: "INT32" },
    ],
    rowGroupSize: 10,
  }));
}

const text = (content: string) => new TextEncoder().encode(content);

/** A data set with the splits of images 0–64, 65–79 and 80–94. */
const splits = {
  "README.md": text("# Pictures"),
  ".gitattributes": text("*.parquet"),
  "data/train-00000-of-00002.parquet": parquet(0, 40),
  "data/train-00001-of-00002.parquet": parquet(40, 65),
  "data/validation-00000-of-00001.parquet": parquet(65, 80),
  "data/test-00000-of-00001.parquet": parquet(80, 95),
};

const at = (files: Record<string, Uint8Array>, more: Partial<HubRepository> = {}): HubRepository => ({
  commits: { c0ffee: files },
  revisions: { main: "c0ffee" },
  ...more,
});

const read = async (source: ImageSource) => plain(await take(source, { seed: null }));
const tags = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => tag(blob(from + i)));

Deno.test("openSource() reads the training split of a data set on a hub, through pages and redirects", async () => {
  await withHub({ "me/pictures": at(splits) }, async ({ log, stored }) => {
    const source = await open("hf://datasets/me/pictures");
    assertEquals([source.kind, source.length, source.name], [
      "streamed",
      65,
      "hf://datasets/me/pictures@c0ffee",
    ]);
    const samples = await read(source);
    assertEquals(samples.map((sample) => sample.tag), tags(0, 65));
    assertEquals(samples.map(({ label }) => source.classes[label!]), samples.map((_, i) => `${i % 3}`));
    assertEquals(samples[64].key, "train-00001-of-00002.parquet/24");
    const left = source.survey!.groups.map(({ kind, count }) => [kind, count]);
    assertEquals(left, [[".md", 1], ["file of split test", 1], ["file of split validation", 1]]);
    assertEquals(source.survey!.split, "train");
    await assertResumes(source, { count: 65, cuts: [0, 9, 10, 64, 65, 130] });
    assert(log.filter((line) => line.includes("/tree/")).length >= 3, "the list has no pages");
    assert(stored.length >= 3, "the content is not on another host");
  });
});

Deno.test("openSource() reads the split, file, folder or pattern of a hub's data set that is asked for", async () => {
  const path = "hf://datasets/me/pictures";
  await withHub({ "me/pictures": at(splits) }, async () => {
    const lengths = async (spec: string, options = {}) => {
      const source = await open(spec, options);
      return [(await read(source))[0].tag === tag(blob(0)), source.length];
    };
    assertEquals(await lengths(path, { split: "test" }), [false, 15]);
    assertEquals(await lengths(`${path}/data`), [true, 65]);
    assertEquals(await lengths(`${path}@main/data/`), [true, 65]);
    assertEquals(await lengths(`${path}@c0ffee/data/train-00000-of-00002.parquet`), [true, 40]);
    assertEquals(await lengths(`${path}/data/validation-*.parquet`), [false, 15]);
    assertEquals(await lengths(`${path}/data/train-{00000..00001}-of-00002.parquet`), [true, 65]);
    assertEquals(await lengths(`${path}/**/t*`), [true, 65]);
  });
});

Deno.test("openSource() reads one commit of a hub's data set, even if its branch moves on", async () => {
  const repository = at(splits);
  await withHub({ "me/pictures": repository }, async () => {
    const source = await open("hf://datasets/me/pictures");
    repository.commits.f00d = { "data/train-0.parquet": parquet(100, 165) };
    repository.revisions.main = "f00d";
    assertEquals((await read(source)).map((sample) => sample.tag), tags(0, 65));
    const moved = await open("hf://datasets/me/pictures");
    assertEquals((await read(moved)).map((sample) => sample.tag), tags(100, 165));
    assert(moved.fingerprint !== source.fingerprint, "the fingerprint does not show the other commit");
    assertEquals((await open("hf://datasets/me/pictures@c0ffee")).fingerprint, source.fingerprint);
  });
});

Deno.test("openSource() asks a hub once for each file, and again when the location has expired", async () => {
  await withHub({ "me/pictures": at(splits) }, async ({ log, contents }) => {
    const source = await open("hf://datasets/me/pictures");
    await read(source);
    const resolved = log.filter((line) => line.startsWith("GET") && line.includes("/resolve/"));
    assert(resolved.length <= 10, resolved.join("\n")); // requests under way at first, of two files
    log.length = 0;
    for (const id of Object.keys(contents)) delete contents[id];
    assertEquals((await read(source)).map((sample) => sample.tag), tags(0, 65));
    assert(log.some((line) => line.includes("/resolve/")), "it was not asked again");
  });
});

Deno.test("openSource() gives a data set the same fingerprint on another hub, under another commit", async () => {
  const fingerprints: string[] = [];
  const other = { ...splits, "README.md": text("# More words") };
  for (const commits of [{ c0ffee: splits }, { c0ffee: other }]) {
    await withHub({ "me/pictures": at({}, { commits }) }, async () => {
      fingerprints.push((await open("hf://datasets/me/pictures")).fingerprint);
    });
  }
  assertEquals(fingerprints[0], fingerprints[1]);
});

Deno.test("openSource() asks for the configuration of a hub's data set if it has several", async () => {
  const several = {
    "small/train-0.parquet": parquet(0, 10),
    "small/test-0.parquet": parquet(10, 15),
    "large/train/0.parquet": parquet(20, 50),
    "large/test/0.parquet": parquet(50, 55),
  };
  const withDefault = Object.fromEntries(
    Object.entries(several).map(([path, bytes]) => [path.replace("small/", "default/"), bytes]),
  );
  await withHub({ "me/several": at(several), "me/default": at(withDefault) }, async () => {
    await assertThrows(
      () => open("hf://datasets/me/several"),
      UserError,
      /it has large, small\. Name one, as in hf:\/\/datasets\/me\/several\/large/,
    );
    assertEquals((await read(await open("hf://datasets/me/several/small"))).length, 10);
    const large = await open("hf://datasets/me/several/large", { split: "test" });
    assertEquals((await read(large)).map((sample) => sample.tag), tags(50, 55));
    const chosen = await open("hf://datasets/me/default");
    assertEquals((await read(chosen)).map((sample) => sample.tag), tags(0, 10));
    assertEquals(chosen.survey!.groups.map(({ reason, count }) => [reason, count]), [
      ["configuration large", 2],
      [null, 1],
    ]);
  });
});

Deno.test("openSource() reads archives, converted files and images of a hub's data set, in this order", async () => {
  const converted = {
    "default/train/0000.parquet": parquet(0, 12),
    "default/test/0000.parquet": parquet(12, 15),
  };
  const images = { "train/a/1.png": blob(1), "train/b/2.png": blob(2), "test/a/3.png": blob(3) };
  const both = (
    files: Record<string, Uint8Array>,
    conversion: Record<string, Uint8Array>,
  ): HubRepository => ({
    commits: { c0ffee: files, beef: conversion },
    revisions: { main: "c0ffee", "refs/convert/parquet": "beef" },
  });
  const partial = { "default/partial-train/0000.parquet": parquet(0, 12) };
  const zipped = await zip({ "x/1.png": blob(1), "x/2.png": blob(2), "y/3.png": blob(3) });
  await withHub({
    "me/tars": both({ "train-0.tar": archive(0, 7), "assets/logo.png": blob(0) }, converted),
    "me/zip": both({ "images.zip": zipped, "README.md": text("") }, converted),
    "me/json": both({ "pictures.json": text("[]") }, converted),
    "me/images": both(images, partial),
    "me/partial": both({ "pictures.json": text("[]") }, partial),
  }, async () => {
    const tars = await open("hf://datasets/me/tars");
    assertEquals((await read(tars)).map((sample) => sample.tag), tags(0, 7));
    assertEquals(tars.survey!.groups, [{ kind: ".png", reason: "beside files of another kind", count: 1 }]);
    const zip = await open("hf://datasets/me/zip");
    assertEquals([zip.kind, zip.length, zip.classes], ["indexed", 3, ["x", "y"]]);
    assertEquals((await read(zip)).map(({ key }) => key).sort(), ["x/1.png", "x/2.png", "y/3.png"]);
    assertEquals((await open("hf://datasets/me/json")).length, 12);
    const single = await open("hf://datasets/me/images");
    assertEquals([single.kind, single.length, single.classes], ["indexed", 2, ["a", "b"]]);
    assertEquals((await read(single)).map((sample) => sample.tag).sort(), tags(1, 3).sort());
    const part = await open("hf://datasets/me/partial");
    assertEquals([part.length, part.survey!.groups.at(-1)!.reason], [12, "not converted by the hub"]);
  });
});

Deno.test("openSource() says what a hub's refusal means, and keeps the token to itself", async () => {
  const repositories = {
    "me/private": at(splits, { access: "private" }),
    "me/gated": at({ "train.tar": archive(0, 9) }, { access: "gated" }),
    "me/refused": at(splits, { access: "refused" }),
    "me/open": at(splits),
    "me/empty": at({ "README.md": text("nothing") }),
  };
  const failsWith = (name: string, pattern: RegExp) =>
    assertThrows(() => open(`hf://datasets/${name}`), UserError, pattern);
  await withHub(repositories, async () => {
    await failsWith("me/nothing", /there is no such data set, or it is private\. Check its name; .*HF_TOKEN/);
    await failsWith("me/private", /there is no such data set, or it is private.*set HF_TOKEN\.$/);
    await failsWith(
      "me/gated",
      /the data set is gated\. Accept its terms at http:\S+\/datasets\/me\/gated, then set HF_TOKEN/,
    );
    await failsWith("me/open@v2", /it has no revision "v2"/);
    await failsWith("me/open/data/none.parquet", /it has no file "data\/none\.parquet"/);
    await failsWith("me/open/none/*.tar", /it has no file/);
    await failsWith("me/empty", /none of its 1 files is a tar archive/);
    await failsWith("me", /expected hf:\/\/datasets\/OWNER\/NAME/);
  });
  await withHub(repositories, async ({ stored }) => {
    assertEquals((await read(await open("hf://datasets/me/private"))).length, 65);
    assertEquals((await read(await open("hf://datasets/me/gated"))).length, 9);
    assert(stored.length >= 3 && !/authorization/i.test(stored.join()), "the token follows to another host");
    const error = await open("hf://datasets/me/refused").then(() => null, (error) => error);
    assert(
      /gated, and the account of HF_TOKEN has no access\. Ask for it at/.test(error.message),
      error.message,
    );
    assert(!error.message.includes(TOKEN), "the token is in the message");
  }, { token: TOKEN });
});
