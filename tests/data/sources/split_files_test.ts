/** Splits that the names of files and folders tell, for each kind of file. */
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { openSource } from "../../../data/sources/open.ts";
import { belowShared, distinctNames, splitInPath } from "../../../data/sources/split_files.ts";
import type { SplitName } from "../../../data/sources/survey.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import { tar, tarEntry, withFolder } from "../fixtures.ts";
import { take } from "../streaming.ts";
import { zip } from "../zip.ts";

/** A file of one image, whose only byte is `tag`. */
const files: Record<string, (tag: number) => Promise<Uint8Array> | Uint8Array> = {
  tar: (tag) => tar([tarEntry(`${tag}.jpg`, Uint8Array.of(tag))]),
  parquet: (tag) =>
    new Uint8Array(parquetWriteBuffer({
      columnData: [{ name: "image", data: [Uint8Array.of(tag)], type: "BYTE_ARRAY" }],
    })),
  zip: (tag) => zip({ [`${tag}.jpg`]: Uint8Array.of(tag) }),
};

/** The tags of the images that are read, and the split. */
async function read(path: string, split?: SplitName) {
  const source = await openSource(path, { split });
  const samples = await take(source, { seed: null });
  assertEquals(new Set(samples.map(({ key }) => key)).size, samples.length, "keys are not unique");
  return {
    tags: samples.map(({ bytes }) => bytes[0]).sort(),
    split: source.survey!.split,
    splits: [...source.survey!.splits].sort(),
    leftOut: source.survey!.count,
  };
}

/** Layouts: the paths of files without extension; number i of them holds image i. */
const layouts: { paths: string[]; train: number[]; test: number[]; kinds?: string[] }[] = [
  { paths: ["train-0", "train-1", "test-0", "validation-0"], train: [0, 1], test: [2] },
  { paths: ["x_train_000", "x_val_000", "x_test_000"], train: [0], test: [2] },
  { paths: ["train2017", "eval2017"], train: [0], test: [1] },
  {
    paths: ["data/train/0", "data/train/1", "data/test/0"],
    train: [0, 1],
    test: [2],
    kinds: ["tar", "parquet"],
  },
  { paths: ["default/partial-train/0", "default/test/0"], train: [0], test: [1], kinds: ["tar", "parquet"] },
  { paths: ["plain_text/train-0", "plain_text/test-0"], train: [0], test: [1], kinds: ["tar", "parquet"] },
];
for (const [extension, make] of Object.entries(files)) {
  for (const { paths, train, test, kinds } of layouts) {
    if (kinds && !kinds.includes(extension)) continue;
    Deno.test(`openSource() of ${paths.map((path) => `${path}.${extension}`).join(", ")} reads one split`, async () => {
      const given = Object.fromEntries(
        await Promise.all(paths.map(async (path, i) => [`${path}.${extension}`, await make(i)] as const)),
      );
      await withFolder({ ...given, "README.md": "" }, async (folder) => {
        const found = await read(folder);
        assertEquals([found.tags, found.split], [train, "train"]);
        assertEquals(found.leftOut >= paths.length - train.length, true, "the others are not counted");
        const tested = await read(folder, "test");
        assertEquals([tested.tags, tested.split, tested.splits], [test, "test", found.splits]);
        if (!found.splits.includes("validation")) {
          await assertThrows(
            () => read(folder, "validation"),
            UserError,
            /Cannot read the split "validation" of/,
          );
        }
      });
    });
  }

  Deno.test(`a single .${extension} file is read whatever its name`, async () => {
    await withFolder(
      { [`test-0.${extension}`]: await make(5), [`train-0.${extension}`]: await make(6) },
      async (folder) => {
        assertEquals((await read(`${folder}/test-0.${extension}`)).tags, [5]);
        assertEquals((await read(`${folder}/t*st-*.${extension}`)).tags, [5]);
        assertEquals((await read(`${folder}/{test,train}-0.${extension}`)).tags, [6]);
        await assertThrows(
          () => read(`${folder}/test-0.${extension}`, "train"),
          UserError,
          /Cannot read the split "train" of/,
        );
      },
    );
  });

  Deno.test(`.${extension} files of several splits without a training split need --split`, async () => {
    await withFolder(
      { [`test-0.${extension}`]: await make(5), [`val-0.${extension}`]: await make(6) },
      async (folder) => {
        await assertThrows(() => read(folder), UserError, /none for training\. Add --split NAME/);
        assertEquals((await read(folder, "validation")).tags, [6]);
      },
    );
  });
}

Deno.test("a split is asked for that nothing tells of", async () => {
  for (const [extension, make] of Object.entries(files)) {
    await withFolder(
      { [`a.${extension}`]: await make(1) },
      (folder) => assertThrows(() => read(folder, "test"), UserError, /its names tell of no splits/),
    );
  }
});

Deno.test("a split that is asked for may be told by the folder that all images share, or that is named", async () => {
  const entry = (path: string) => tar([tarEntry(path, Uint8Array.of(1))]);
  const image = Uint8Array.of(1);
  const sources: [string, Record<string, Uint8Array>][] = [
    ["", { "train/cat/1.jpg": image }],
    ["set/train", { "set/train/cat/1.jpg": image }],
    ["train/", { "train/1.jpg": image }],
    ["a.zip", { "a.zip": await zip({ "set/train/cat/1.jpg": image }) }],
    ["train", { "train/a.zip": await zip({ "cat/1.jpg": image }) }],
    ["train.zip", { "train.zip": await zip({ "cat/1.jpg": image }) }],
    ["a.tar", { "a.tar": entry("set/train/cat/1.jpg") }],
    ["", { "train/a.tar": entry("cat/1.jpg") }],
    ["train/*.tar", { "train/a.tar": entry("cat/1.jpg") }],
    ["train", { "train/a.parquet": await files.parquet(1) }],
    ["", { "train/a.parquet": await files.parquet(1) }],
  ];
  for (const [name, given] of sources) {
    await withFolder(given, async (folder) => {
      const { tags, split, splits } = await read(`${folder}/${name}`, "train");
      assertEquals([tags, split, splits], [[1], "train", ["train"]], name);
      assertEquals((await read(`${folder}/${name}`)).tags, [1], name);
      await assertThrows(() => read(`${folder}/${name}`, "test"), UserError, /: it has train\. Change/);
    });
  }
});

Deno.test("splitInPath() prefers the file's name to folders, and near folders to far ones", () => {
  const paths = ["test/train-0.tar", "train/val/0.tar", "train/x/0.tar", "x/0.tar"];
  assertEquals(paths.map(splitInPath), ["train", "validation", "train", null]);
});

Deno.test("belowShared() and distinctNames() shorten paths", () => {
  assertEquals(belowShared(["/a/b/c/1", "/a/b/d/1"]), ["c/1", "d/1"]);
  assertEquals(distinctNames(["/a/c/1", "/a/d/1"]), ["c/1", "d/1"]);
  assertEquals(distinctNames(["/a/c/1", "/a/d/2"]), ["1", "2"]);
});
