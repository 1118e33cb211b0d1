/** A small data set for each kind of source, with bad images if the kind can hold them. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "npm:hyparquet-writer@0.17.0";
import type { PretrainOptions } from "../../src/config/pretrain_options.ts";
import { keyedRandom } from "../../src/base/random.ts";
import { gradient, openIndexed, png, tar, tarEntry } from "../data/fixtures.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Faults } from "../data/server.ts";
import { zip } from "../data/zip.ts";

/** What a run reads. */
export interface DataSet {
  /** Files by path. */
  files: Record<string, Uint8Array>;
  /** The faults of the server that serves the files; without them, the files are on disk or in a bucket. */
  faults?: Faults;
  /** What serves the files, if it is not just a web server. */
  host?: "hub" | "bucket";
  /** The data option, relative to the files. */
  data: string[];
  /** Options that differ from those of the other kinds. */
  flags?: PretrainOptions;
}

/** More than a shuffle block holds, so that streamed sources have two blocks per epoch. */
const COUNT = 1040;
/** The first image of each shard, and the end. */
const SHARDS = [0, 300, 700, COUNT];

/** The images by number: JPEG, a few PNG, and one in fifteen that is truncated, empty or not an image. */
async function allImages(): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  for await (const { index, bytes } of await openIndexed(`shapes:${COUNT}`)) {
    if (index % 17 === 5) images.push(bytes.subarray(0, 300));
    else if (index % 97 === 11) images.push(new Uint8Array(0));
    else if (index % 233 === 40) images.push(new TextEncoder().encode("no image"));
    else images.push(index % 19 === 4 ? png(gradient(24, 20, { seed: index })) : bytes);
  }
  return images;
}

/** Calls `make` for each shard with the numbers of its images. */
function shards<T>(make: (numbers: number[], shard: number) => T): T[] {
  return SHARDS.slice(0, -1).map((first, shard) =>
    make(Array.from({ length: SHARDS[shard + 1] - first }, (_, i) => first + i), shard)
  );
}

const images = await allImages();

const folder = Object.fromEntries(images.map((bytes, i) => [`images/${"abc"[i % 3]}/${i}.jpg`, bytes]));

const archives = shards((numbers) =>
  tar(numbers.map((i) => concatBytes([tarEntry(`${i}.jpg`, images[i]), tarEntry(`${i}.cls`, String(i % 3))])))
);
const tars = Object.fromEntries(archives.map((bytes, shard) => [`s-${shard}.tar`, bytes]));
const packed = Object.fromEntries(
  archives.map((bytes, shard) => [`s-${shard}.tar.gz`, new Uint8Array(gzipSync(bytes))]),
);

const cifar = shards((numbers) =>
  concatBytes(numbers.map((i) => {
    const random = keyedRandom(i);
    return Uint8Array.from({ length: 3073 }, (_, at) => at === 0 ? i % 10 : random.integer(256));
  }))
);

const parquet = shards((numbers) =>
  new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "image", data: numbers.map((i) => images[i]), type: "BYTE_ARRAY" },
      { name: "label", data: numbers.map((i) => i % 3), type: "INT32" },
    ],
    rowGroupSize: 130,
  }))
);

const list = ["path,label", ...Object.keys(folder).map((path, i) => `${path},${"abc"[i % 3]}`)].join("\n");

const mnist = concatBytes([
  new Uint8Array([0, 0, 8, 3, 0, 0, COUNT >> 8, COUNT & 255, 0, 0, 0, 28, 0, 0, 0, 28]),
  ...Array.from({ length: COUNT }, (_, i) => {
    const random = keyedRandom(i);
    return Uint8Array.from({ length: 784 }, () => random.integer(256));
  }),
]);

const stl10 = concatBytes(Array.from({ length: 130 }, (_, i) => {
  const random = keyedRandom(i);
  return Uint8Array.from({ length: 3 * 96 * 96 }, () => random.integer(256));
}));

const dropping: Faults = { breaks: Infinity, breaking: .4 };
/** Where each image is a request of its own. */
const rarelyDropping: Faults = { breaks: Infinity, breaking: .02 };
/** The number of images is unknown in advance; this many steps are three epochs. */
const streamed: PretrainOptions = { steps: 190 };

/** The data sets by kind. */
export const dataSets: Record<string, DataSet> = {
  folder: { files: folder, data: ["images"], flags: { cache: "disk", holdout: 20 } },
  tar: { files: tars, data: ["s-{0..2}.tar"] },
  "tar.gz": { files: packed, data: ["s-{0..2}.tar.gz"] },
  "tar.zst": {
    files: Object.fromEntries(
      archives.map((bytes, shard) => [`s-${shard}.tar.zst`, new Uint8Array(zstdCompressSync(bytes))]),
    ),
    data: ["s-{0..2}.tar.zst"],
  },
  "tar, HTTP, Range": { files: tars, faults: dropping, data: ["s-{0..2}.tar"], flags: streamed },
  "tar, HTTP": {
    files: tars,
    faults: { ...dropping, range: false },
    data: ["s-{0..2}.tar"],
    flags: streamed,
  },
  "tar.gz, HTTP, Range": { files: packed, faults: dropping, data: ["s-{0..2}.tar.gz"], flags: streamed },
  "tar.gz, HTTP": {
    files: packed,
    faults: { ...dropping, range: false, chunked: true },
    data: ["s-{0..2}.tar.gz"],
    flags: streamed,
  },
  CIFAR: {
    files: Object.fromEntries(cifar.map((bytes, k) => [`cifar/data_batch_${k + 1}.bin`, bytes])),
    data: ["cifar"],
  },
  IDX: { files: { "train-images-idx3-ubyte.gz": new Uint8Array(gzipSync(mnist)) }, data: [""] },
  "STL-10": { files: { "unlabeled_X.bin": stl10 }, data: ["unlabeled_X.bin"], flags: { epochs: 20 } },
  list: { files: { ...folder, "list.csv": new TextEncoder().encode(list) }, data: ["list.csv"] },
  Parquet: {
    files: Object.fromEntries(parquet.map((bytes, k) => [`train-${k}.parquet`, bytes])),
    data: ["train-*.parquet"],
  },
  zip: { files: { "images.zip": await zip(folder) }, data: ["images.zip"], flags: { cache: "memory" } },
  "zip, HTTP, Range": {
    files: { "images.zip": await zip(folder) },
    faults: rarelyDropping,
    data: ["images.zip"],
  },
  "Parquet, HTTP, Range": {
    files: Object.fromEntries(parquet.map((bytes, k) => [`train-${k}.parquet`, bytes])),
    faults: dropping,
    data: ["train-{0..2}.parquet"],
  },
  "Parquet, hub": {
    files: Object.fromEntries(parquet.map((bytes, k) => [`data/train-${k}.parquet`, bytes])),
    host: "hub",
    faults: dropping,
    data: [""],
  },
  "images, S3": { files: folder, host: "bucket", data: ["images"], flags: { cache: "memory" } },
  "tar, S3": { files: tars, host: "bucket", data: ["s-*.tar"], flags: streamed },
  shapes: { files: {}, data: [`shapes:${COUNT}`] },
  joined: {
    files: { ...folder, "s-0.tar": tars["s-0.tar"], "images.zip": await zip({ "a/0.jpg": images[0] }) },
    data: ["images", "s-0.tar", "images.zip"],
    flags: { onBadImage: "substitute" },
  },
  "joined, streamed": {
    files: { ...folder, "s-0.tar.gz": packed["s-0.tar.gz"] },
    data: ["images", "s-0.tar.gz"],
    flags: { epochs: 2 },
  },
};
