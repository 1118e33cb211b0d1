/** STL-10, MNIST's IDX files, and CIFAR: splits, labels and pixels of binary files. */
import { gzipSync } from "node:zlib";
import { concatBytes } from "../../../src/base/bytes.ts";
import { UserError } from "../../../src/base/errors.ts";
import { decodeImage } from "../../../data/decode.ts";
import { openSource } from "../../../data/sources/open.ts";
import type { OpenOptions } from "../../../data/sources/open_options.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { withFolder } from "../fixtures.ts";

async function opened(spec: string, options: OpenOptions = {}) {
  const source = await openSource(spec, options);
  assert(source.kind === "indexed" && source.survey !== undefined);
  const keys = Array.from({ length: source.length }, (_, i) => source.key(i));
  const classes = keys.map((_, i) => source.classes[source.label(i) ?? -1] ?? null);
  return { source, keys, classes, survey: source.survey };
}

/** The red, green and blue of some pixels, each [x, y], of the image `index`. */
async function pixels(spec: string, index: number, places: [x: number, y: number][]): Promise<number[][]> {
  const { source } = await opened(spec);
  const { width, data } = await decodeImage((await source.read(index)).bytes);
  return places.map(([x, y]) => [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)]);
}

/** An image of STL-10 whose red is x, green y, and blue `blue`: three planes, column by column. */
function stl10Image(blue: number): Uint8Array {
  const image = new Uint8Array(3 * 96 * 96);
  for (let x = 0; x < 96; x++) {
    for (let y = 0; y < 96; y++) [x, y, blue].forEach((value, c) => image[c * 9216 + x * 96 + y] = value);
  }
  return image;
}

const names = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n";

Deno.test("openSource() of STL-10 reads columns of pixels, trains on labeled and unlabeled images, and tests by name", async () => {
  const files = {
    "class_names.txt": names,
    "train_X.bin": concatBytes([stl10Image(1), stl10Image(2)]),
    "train_y.bin": new Uint8Array([2, 10]),
    "test_X.bin": stl10Image(3),
    "test_y.bin": new Uint8Array([1]),
    "unlabeled_X.bin": concatBytes([stl10Image(4), stl10Image(5), stl10Image(6)]),
    "fold_indices.txt": "0 1",
  };
  await withFolder(files, async (folder) => {
    const { keys, classes, survey } = await opened(folder);
    assertEquals(keys, ["train_X.bin/0", "train_X.bin/1", ...[0, 1, 2].map((i) => `unlabeled_X.bin/${i}`)]);
    assertEquals(classes, ["bird", "truck", null, null, null]);
    assertEquals([survey.split, survey.groups.map(({ kind }) => kind)], ["train", ["file of split test"]]);
    assertEquals((await opened(folder, { split: "test" })).classes, ["airplane"]);
    assertEquals((await opened(`${folder}/unlabeled_X.bin`)).classes, [null, null, null]);
    assertEquals((await opened(`${folder}/test_X.bin`)).classes, ["airplane"]);
    assertEquals(await pixels(folder, 3, [[0, 0], [7, 90], [95, 2]]), [[0, 0, 5], [7, 90, 5], [95, 2, 5]]);
    const { fingerprint } = (await opened(folder)).source;
    await Deno.writeFile(`${folder}/train_y.bin`, new Uint8Array([2, 9]));
    assert((await opened(folder)).source.fingerprint !== fingerprint);
    await Deno.remove(`${folder}/class_names.txt`);
    assertEquals((await opened(folder)).classes, ["2", "9", null, null, null]);
    await Deno.writeFile(`${folder}/train_y.bin`, new Uint8Array([2, 11]));
    await assertThrows(
      () => openSource(folder),
      UserError,
      /train_y\.bin": the label at byte 1 is 11, not 1 … 10/,
    );
    await Deno.writeFile(`${folder}/train_X.bin`, new Uint8Array(27649));
    await assertThrows(
      () => openSource(folder),
      UserError,
      /train_X\.bin": its 27649 bytes are not a multiple/,
    );
  });
});

/** An IDX file of numbers. */
function idx(sizes: number[], numbers: ArrayLike<number>, type = 8): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
  header.setUint16(2, type * 256 + sizes.length);
  sizes.forEach((size, i) => header.setUint32(4 + 4 * i, size));
  const body = new DataView(new ArrayBuffer(numbers.length * (type === 12 ? 4 : 1)));
  Array.from(numbers).forEach((n, i) => type === 12 ? body.setInt32(4 * i, n) : body.setUint8(i, n));
  return concatBytes([new Uint8Array(header.buffer), new Uint8Array(body.buffer)]);
}

/** `count` images of 5 rows and 3 columns; pixel p of image i is 20 · i + p. */
const images = (count: number) =>
  idx([count, 5, 3], Array.from({ length: 15 * count }, (_, n) => 20 * Math.floor(n / 15) + n % 15));

Deno.test("openSource() of IDX files pairs images with labels, packed or not, and takes t10k as the test split", async () => {
  const files = {
    "train-images-idx3-ubyte": images(3),
    "train-images-idx3-ubyte.gz": gzipSync(images(3)),
    "train-labels-idx1-ubyte.gz": gzipSync(idx([3], [7, 0, 7])),
    "t10k-images.idx3-ubyte": images(2),
    "t10k-labels.idx1-ubyte": idx([2], [1, 9]),
  };
  await withFolder(files, async (folder) => {
    const { source, keys, classes, survey } = await opened(folder);
    assertEquals(keys, [0, 1, 2].map((i) => `train-images-idx3-ubyte/${i}`));
    assertEquals([source.classes, classes], [["0", "7"], ["7", "0", "7"]]);
    assertEquals(survey.names.map(({ name, kind }) => [name, kind]), [
      ["t10k-images.idx3-ubyte", "file of split test"],
    ]);
    assertEquals((await opened(folder, { split: "test" })).classes, ["1", "9"]);
    assertEquals(await pixels(folder, 2, [[0, 0], [2, 0], [1, 4]]), [[40, 40, 40], [42, 42, 42], [
      53,
      53,
      53,
    ]]);
    const packed = await opened(`${folder}/train-images-idx3-ubyte.gz`);
    assertEquals(packed.classes, ["7", "0", "7"]);
    const { width, height } = await decodeImage((await packed.source.read(0)).bytes);
    assertEquals([width, height], [3, 5]);
  });
});

Deno.test("openSource() of IDX files reads QMNIST's rows of labels, images without labels, and refuses two sets", async () => {
  const qmnist = {
    "qmnist-test-images-idx3-ubyte.gz": gzipSync(images(2)),
    "qmnist-test-labels-idx2-int.gz": gzipSync(
      idx([2, 8], [4, 0, 9, 9, 9, 9, 9, 9, 3, 1, 9, 9, 9, 9, 9, 9], 12),
    ),
  };
  await withFolder(qmnist, async (folder) => assertEquals((await opened(folder)).classes, ["4", "3"]));
  await withFolder({ "train-images-idx3-ubyte": images(2) }, async (folder) => {
    assertEquals((await opened(folder)).classes, [null, null]);
  });
  const two = {
    "emnist-letters-train-images-idx3-ubyte": images(1),
    "emnist-digits-train-images-idx3-ubyte": images(1),
  };
  await withFolder(two, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /both "emnist-digits.*" and "emnist-letters.*Give one/,
    );
    assertEquals((await opened(`${folder}/emnist-letters-train-images-idx3-ubyte`)).source.length, 1);
  });
});

Deno.test("openSource() of IDX files rejects those that are cut, of another kind, or do not belong together", async () => {
  const path = "train-images-idx3-ubyte", labels = "train-labels-idx1-ubyte";
  const cases: [files: Record<string, Uint8Array | string>, message: RegExp][] = [
    [
      { [path]: images(2).subarray(0, 40) },
      /ubyte": it has 40 bytes, and its header says 46\. It is damaged/,
    ],
    [{ [path]: "text" }, /it does not begin with the header of 3 or more dimensions/],
    [{ [path]: "" }, /ubyte": it is empty\. Replace it/],
    [{ [path]: idx([0, 5, 3], []) }, /it is empty: 0 × 5 × 3 numbers/],
    [{ [path]: images(2), [labels]: idx([3], [1, 2, 3]) }, /labels.*": it has 3 labels for 2 images/],
    [{ [`${path}.gz`]: gzipSync(images(2)).subarray(0, 30) }, /its gzip data are damaged or truncated/],
  ];
  for (const [files, message] of cases) {
    await withFolder(
      files,
      async (folder) => await assertThrows(() => openSource(folder), UserError, message),
    );
  }
});

Deno.test("openSource() of CIFAR takes the training batches or the test split, and names the version to download", async () => {
  const record = (label: number) => concatBytes([new Uint8Array([label]), new Uint8Array(3072).fill(label)]);
  const files = {
    "data_batch_1.bin": concatBytes([record(3), record(5)]),
    "data_batch_2.bin": record(4),
    "test_batch.bin": record(9),
    "batches.meta.txt": "",
  };
  await withFolder(files, async (folder) => {
    const { classes, survey } = await opened(folder);
    assertEquals([classes, survey.split], [["3", "5", "4"], "train"]);
    assertEquals(survey.names.map(({ name }) => name), ["test_batch.bin"]);
    assertEquals((await opened(folder, { split: "test" })).classes, ["9"]);
    assertEquals((await opened(`${folder}/test_batch.bin`)).classes, ["9"]);
  });
  const python = { "data_batch_1": "", "data_batch_2": "", "test_batch": "", "batches.meta": "" };
  await withFolder({ ...python, "c100/train": "", "c100/test": "", "c100/meta": "" }, async (folder) => {
    await assertThrows(
      () => openSource(folder),
      UserError,
      /Python version of CIFAR-10,.*binary version, .*cifar-10-binary/,
    );
    await assertThrows(() => openSource(`${folder}/data_batch_1`), UserError, /Python version of CIFAR-10/);
    await assertThrows(
      () => openSource(`${folder}/c100`),
      UserError,
      /Python version of CIFAR-100,.*cifar-100-binary/,
    );
  });
});
