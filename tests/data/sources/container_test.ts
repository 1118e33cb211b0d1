/** Archives and other containers that are empty, something else, or without an image among others. */
import { openSource } from "../../../data/sources/open.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import { tar, tarEntry, withFolder } from "../fixtures.ts";
import { zip } from "../zip.ts";

const NAMES = ["x.tar", "x.tar.gz", "x.zip", "x.parquet", "data_batch_1.bin", "train-images-idx3-ubyte"];
const page = "<!DOCTYPE html><html><title>404 Not Found</title></html>";
const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12345\n";

async function leftOutOf(path: string): Promise<string[]> {
  const { survey } = await openSource(path);
  return survey!.groups.map(({ kind, reason, count }) => `${count} ${kind}: ${reason}`).sort();
}

Deno.test("openSource() names a web page, a pointer or an empty file that stands for an archive", async () => {
  for (const name of NAMES) {
    for (
      const [text, what] of [[page, /web page .*404 Not Found/], [pointer, /LFS pointer/], [
        "",
        /empty/,
      ]] as const
    ) {
      await withFolder({ [name]: text }, async (folder) => {
        await assertThrows(() => openSource(`${folder}/${name}`), UserError, what);
      });
    }
  }
});

Deno.test("openSource() counts archives without an image among others", async () => {
  const image = tar([tarEntry("a/1.jpg", "1")]), other = tar([tarEntry("notes.txt", "1")]);
  await withFolder({ "1.tar": image, "2.tar": new Uint8Array(0), "3.tar": other }, async (folder) => {
    assertEquals(await leftOutOf(folder), ["1 .txt: null", "2 .tar: without an image"]);
  });
  const zips = { "1.zip": await zip({ "a/1.jpg": new Uint8Array(3) }), "2.zip": await zip({}) };
  await withFolder(zips, async (folder) => {
    assertEquals(await leftOutOf(folder), ["1 .zip: without an image"]);
  });
});

Deno.test("openSource() of a tar archive names classes without a readable image", async () => {
  const entries = ["a/1.jpg", "b/2.jpg", "c/3.dng", "d/4.txt", ".cache/5.jpg"].map((name) =>
    tarEntry(name, "x")
  );
  await withFolder({ "x.tar": tar(entries) }, async (folder) => {
    assertEquals(await leftOutOf(`${folder}/x.tar`), [
      "1 .dng: camera raw, not readable",
      "1 .txt: null",
      "1 class: without a readable image",
      "1 image: in a hidden folder",
    ]);
  });
});

Deno.test("openSource() of a tar archive counts labels that are fractions or several values", async () => {
  const labels = {
    "1.cls": "0.5",
    "2.json": '{"label": 2.5}',
    "3.json": '{"label": "[1, 2]"}',
    "4.cls": "3.0",
  };
  const entries = Object.entries(labels).flatMap(([name, text]) => [
    tarEntry(`${name[0]}.jpg`, "x"),
    tarEntry(name, text),
  ]);
  await withFolder({ "x.tar": tar(entries) }, async (folder) => {
    assertEquals((await openSource(`${folder}/x.tar`)).classes, ["3"]);
    assertEquals(await leftOutOf(`${folder}/x.tar`), [
      "1 .cls: a fraction, no class",
      "1 .json: a fraction, no class",
      "1 .json: not a single value",
    ]);
  });
});

Deno.test("openSource() of a folder finds splits below the classes beside images without a folder", async () => {
  const names = ["cat/train/1.jpg", "cat/test/2.jpg", "dog/train/3.jpg", "sheet.jpg"];
  await withFolder(Object.fromEntries(names.map((name) => [name, "x"])), async (folder) => {
    const { classes, length } = await openSource(folder);
    assertEquals([classes, length], [["cat", "dog"], 2]);
    assertEquals(await leftOutOf(folder), ["1 image: beside the splits", "1 split test: null"]);
  });
});
