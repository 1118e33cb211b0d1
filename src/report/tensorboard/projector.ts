/**
 * The files of TensorBoard's projector: features as points with their pictures.
 *
 * @module
 */
import { join } from "node:path";
import { exists } from "../../base/files.ts";
import { float32Text } from "../../base/format.ts";
import type { LabeledFeatures } from "../../eval/features.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import type { ObservedEvaluation, ObservedImage } from "../observer.ts";
import { thumbnailSheet } from "../picture.ts";

const CONFIG = "projector_config.pbtxt", METADATA = "metadata.tsv", SPRITE = "sprite.jpg";
/** The features by the names under which the projector offers them; their files end in .tsv. */
const NAMES = ["features", "features_before_training"] as const;

/** All files of the projector. */
export const projectorFiles: readonly string[] = [
  CONFIG,
  METADATA,
  SPRITE,
  ...NAMES.map((name) => `${name}.tsv`),
];

/** Rows of features that are text at once. */
const ROWS = 256;

/** Writes the projector's files of a run to a folder. */
export class Projector {
  readonly #folder: string;
  readonly #classes: readonly string[];
  /** The images whose names and pictures were written. */
  #images: readonly ObservedImage[] = [];

  constructor(folder: string, classes: readonly string[]) {
    this.#folder = folder;
    this.#classes = classes;
  }

  /** Writes the features of an evaluation: the latest, and those before training. */
  async write({ step, heldOut, images }: ObservedEvaluation): Promise<void> {
    if (images.length === 0) return;
    const name = step === 0 ? "features_before_training" : "features";
    if (!sameImages(images, this.#images)) {
      await this.#write(METADATA, [encode(metadataOf(images, { ...heldOut, classes: this.#classes }))]);
      // Of 2,000 images with 64 pixels a side it has 2,880; the projector takes up to 8,192.
      const columns = Math.ceil(Math.sqrt(images.length));
      await this.#write(SPRITE, [await thumbnailSheet(images.map(({ thumbnail }) => thumbnail), columns)]);
      this.#images = images;
    }
    await this.#write(`${name}.tsv`, tensorRows(heldOut));
    const there = await Promise.all(NAMES.map((name) => exists(join(this.#folder, `${name}.tsv`))));
    const { thumbnail: { side } } = images[0], shape = [images.length, heldOut.dims];
    const config = NAMES.filter((_, i) => there[i]).map((name) => configOf(name, { shape, side }));
    await this.#write(CONFIG, [encode(config.join(""))]);
  }

  async #write(name: string, chunks: Iterable<Uint8Array>): Promise<void> {
    await writeFileAtomic(join(this.#folder, name), chunks);
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

function sameImages(a: readonly ObservedImage[], b: readonly ObservedImage[]): boolean {
  return a.length === b.length && a.every(({ index }, i) => index === b[i].index);
}

/** An embedding of the configuration; `side` is that of its pictures. */
function configOf(name: string, { shape, side }: { shape: number[]; side: number }): string {
  return `embeddings {
  tensor_name: "${name}"
  tensor_path: "${name}.tsv"
${shape.map((size) => `  tensor_shape: ${size}\n`).join("")}  metadata_path: "${METADATA}"
  sprite {
    image_path: "${SPRITE}"
    single_image_dim: ${side}
    single_image_dim: ${side}
  }
}
`;
}

/** A line of numbers for each row of features, which read as the same float32. */
function* tensorRows({ features, dims }: LabeledFeatures): Generator<Uint8Array> {
  const lineAt = (at: number) => `${Array.from(features.subarray(at, at + dims), float32Text).join("\t")}\n`;
  for (let first = 0; first < features.length; first += ROWS * dims) {
    let text = "";
    for (let at = first; at < Math.min(first + ROWS * dims, features.length); at += dims) text += lineAt(at);
    yield encode(text);
  }
}

/** Label (if there are classes), name and number of each image. The format has no way to escape its separators. */
function metadataOf(
  images: readonly ObservedImage[],
  { labels, classes }: { labels: Int32Array; classes: readonly string[] },
): string {
  const isLabeled = labels.some((label) => label >= 0);
  const field = (text: string) => text.replace(/[\t\r\n]/g, " ");
  const rows = images.map(({ key, index }, i) => {
    const label = labels[i] < 0 ? "" : classes[labels[i]] ?? String(labels[i]);
    return [...isLabeled ? [field(label)] : [], field(key), index];
  });
  return [[...isLabeled ? ["label"] : [], "key", "index"], ...rows].map((row) => `${row.join("\t")}\n`).join(
    "",
  );
}
