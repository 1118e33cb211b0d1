/** Label columns of Parquet files, of all types and names; several image columns; files that do not agree. */
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import { openSource } from "../../../data/sources/open.ts";
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { UserError } from "../../../src/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { withFolder } from "../fixtures.ts";
import { take } from "../streaming.ts";

type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];

const images = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(1, 2, i));

function parquet(columns: Columns, features?: Record<string, unknown>): Uint8Array {
  const kvMetadata = features && [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }];
  return new Uint8Array(parquetWriteBuffer({ columnData: columns, kvMetadata, rowGroupSize: 3 }));
}

/** The class of each image, and what is left out. */
async function labelsOf(path: string, options?: OpenOptions) {
  const source = await openSource(path, options);
  const samples = await take(source, { seed: null });
  samples.forEach(({ label, index }) => assertEquals(source.label!(index), label));
  return {
    classes: source.classes,
    labels: samples.map(({ label }) => label === null ? null : source.classes[label]),
    leftOut: source.survey!.groups.map(({ kind, reason }) => `${kind}: ${reason}`),
    names: source.survey!.names.map(({ name }) => name),
  };
}

const types: { type: Columns[number]["type"]; name: string; data: unknown[]; labels: (string | null)[] }[] = [
  { type: "INT32", name: "label", data: [205, 11, -1, 11], labels: ["205", "11", null, "11"] },
  { type: "INT64", name: "Labels", data: [205n, 11n, -1n, 0n], labels: ["205", "11", null, "0"] },
  { type: "DOUBLE", name: "CLASS", data: [2, 10, -1, NaN], labels: ["2", "10", null, null] },
  { type: "FLOAT", name: "cls", data: [2, 10, null, 0], labels: ["2", "10", null, "0"] },
  {
    type: "BOOLEAN",
    name: "Target",
    data: [true, false, null, true],
    labels: ["true", "false", null, "true"],
  },
  { type: "STRING", name: "fine_label", data: ["b", "a", "", "b"], labels: ["b", "a", null, "b"] },
];
for (const { type, name, data, labels } of types) {
  Deno.test(`openSource() takes labels from a Parquet column ${name} of type ${type}`, async () => {
    const bytes = parquet([
      { name: "img", data: images(4), type: "BYTE_ARRAY" },
      { name, data: data as never, type },
    ]);
    await withFolder({ "a.parquet": bytes }, async (folder) => {
      const found = await labelsOf(`${folder}/a.parquet`);
      assertEquals([found.labels, found.leftOut], [labels, []]);
      const occurring = new Set(labels.filter((label) => label !== null));
      assertEquals(new Set(found.classes), occurring);
    });
  });
}

Deno.test("--label names a column, in any case; an unknown one is answered with the columns", async () => {
  const bytes = parquet([
    { name: "image", data: images(3), type: "BYTE_ARRAY" },
    { name: "label", data: [1, 2, 3], type: "INT32" },
    { name: "Coarse", data: ["x", "y", "x"], type: "STRING" },
  ]);
  await withFolder({ "a.parquet": bytes }, async (folder) => {
    const path = `${folder}/a.parquet`;
    assertEquals((await labelsOf(path)).labels, ["1", "2", "3"]);
    assertEquals((await labelsOf(path, { label: "coarse" })).labels, ["x", "y", "x"]);
    await assertThrows(
      () => openSource(path, { label: "species" }),
      UserError,
      /it has no column "species"\. Its columns are label, Coarse\. Change --label/,
    );
  });
});

Deno.test("class names of Hugging Face's metadata are classes if they occur", async () => {
  const bytes = parquet([
    { name: "image", data: images(4), type: "BYTE_ARRAY" },
    { name: "kind", data: [2, 0, -1, 2], type: "INT32" },
  ], { kind: { _type: "ClassLabel", names: ["cat", "dog", "elk"] } });
  await withFolder({ "a.parquet": bytes }, async (folder) => {
    const { classes, labels } = await labelsOf(`${folder}/a.parquet`);
    assertEquals([classes, labels], [["cat", "elk"], ["elk", "cat", null, "elk"]]);
  });
});

Deno.test("columns that are not read are counted and named", async () => {
  const rest: [Columns[number], string][] = [
    [{ name: "label", data: [[1, 2], [1], []] }, "label column: not of single values"],
    [{ name: "target", data: [.5, 1.25, 3], type: "DOUBLE" }, "label column: fractions, not classes"],
    [{ name: "img", data: images(3), type: "BYTE_ARRAY" }, "image column: only image is read"],
  ];
  for (const [column, leftOut] of rest) {
    const bytes = parquet([{ name: "image", data: images(3), type: "BYTE_ARRAY" }, column]);
    // Of several files, each column is counted once.
    await withFolder({ "a.parquet": bytes, "b.parquet": bytes }, async (folder) => {
      const found = await labelsOf(folder);
      assertEquals([found.leftOut, found.names, found.classes], [[leftOut], [column.name], []]);
      assertEquals(found.labels, Array(6).fill(null));
    });
  }
});

Deno.test("columns that may be labels under another name are counted where no label is known", async () => {
  const columns: Columns = [
    { name: "image", data: images(3), type: "BYTE_ARRAY" },
    { name: "species", data: ["x", "y", "x"], type: "STRING" },
    { name: "site", data: [1, 2, 1], type: "INT32" },
    { name: "score", data: [.5, .5, 1], type: "DOUBLE" },
  ];
  const label: Columns[number] = { name: "label", data: [1, 2, 1], type: "INT32" };
  const files = {
    "a.parquet": parquet(columns),
    "b.parquet": parquet(columns),
    "c/a.parquet": parquet([...columns, label]),
  };
  await withFolder(files, async (folder) => {
    const { classes, leftOut, names } = await labelsOf(`${folder}/*.parquet`);
    assertEquals(leftOut, ["column: species, site: --label NAME takes one as labels"]);
    assertEquals([classes, names], [[], ["species", "site"]]);
    assertEquals((await labelsOf(`${folder}/*.parquet`, { label: "site" })).leftOut, []);
    assertEquals((await labelsOf(`${folder}/c/a.parquet`)).leftOut, []);
  });
});

Deno.test("a column of paths in place of images is named", async () => {
  const bytes = parquet([{ name: "image", data: ["a.jpg"], type: "STRING" }, {
    name: "n",
    data: [1],
    type: "INT32",
  }]);
  await withFolder({ "a.parquet": bytes }, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /its column "image" holds paths or other text, not bytes.*Its columns are image, n\. Write/,
    );
  });
});

Deno.test("files whose labels do not agree are rejected, files without labels are not", async () => {
  const image: Columns[number] = { name: "image", data: images(2), type: "BYTE_ARRAY" };
  const files = {
    "numbers.parquet": parquet([image, { name: "label", data: [1, 2], type: "INT32" }]),
    "names.parquet": parquet([image, { name: "label", data: ["a", "b"], type: "STRING" }]),
    "other.parquet": parquet([image, { name: "class", data: [1, 2], type: "INT32" }]),
    "none.parquet": parquet([image, { name: "label", data: [-1, -1], type: "INT32" }]),
  };
  await withFolder(files, async (folder) => {
    const open = (...names: string[]) => openSource(`${folder}/{${names.join()}}.parquet`);
    await assertThrows(
      () => open("numbers", "names"),
      UserError,
      /numbers\.parquet" has numbers in the column "label", ".*names\.parquet" has names in the column "label"/,
    );
    await assertThrows(() => open("numbers", "other"), UserError, /has numbers in the column "class"/);
    const { labels } = await labelsOf(`${folder}/{none,numbers}.parquet`);
    assertEquals(labels, [null, null, "1", "2"]);
  });
});

Deno.test("the fingerprint of Parquet files depends on the bytes of images", async () => {
  const prints = new Set<string>();
  for (const change of [0, 1, 0]) {
    const data = images(60);
    data[37] = Uint8Array.of(1, 2, 200 + change);
    await withFolder(
      { "a.parquet": parquet([{ name: "image", data, type: "BYTE_ARRAY" }]) },
      async (folder) => {
        prints.add((await openSource(`${folder}/a.parquet`)).fingerprint);
      },
    );
  }
  assertEquals(prints.size, 2);
  assert(true);
});

Deno.test("numbers without a name among named classes, and files without rows, are counted", async () => {
  const features = { label: { _type: "ClassLabel", names: ["a", "b"] } };
  const bytes = parquet([
    { name: "img", data: images(4), type: "BYTE_ARRAY" },
    { name: "label", data: [1, 2, 7, -1], type: "INT32" },
  ], features);
  const empty = parquet([{ name: "img", data: [], type: "BYTE_ARRAY" }]);
  await withFolder({ "a.parquet": bytes, "b.parquet": empty }, async (folder) => {
    const { labels, leftOut } = await labelsOf(folder);
    assertEquals(labels, ["b", null, null, null]);
    assertEquals(leftOut.sort(), [".parquet: without rows", "label: a number without a name"]);
  });
});
