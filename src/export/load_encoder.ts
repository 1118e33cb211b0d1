/**
 * An encoder for single images.
 *
 * @module
 */
import { decodeForEvaluation, evaluationImage } from "../../data/decode_usable.ts";
import { evaluationView } from "../../data/views/draw.ts";
import type { DecodedImage } from "../../data/views/resize.ts";
import { type PackedImage, RecordWriter } from "../../data/views/table.ts";
import { messageOf, UserError } from "../base/errors.ts";
import { expectEncoderOptions } from "../config/embed_flags.ts";
import type { EncoderChoice } from "./embed_options.ts";
import { openEmbedder } from "./embedding_session.ts";

/** An image: the bytes of its file, or its pixels. */
export type EmbeddableImage = Uint8Array | DecodedImage;

/** An encoder on the GPU. Dispose of it to free it. */
export interface LoadedEncoder extends Disposable {
  /** The file it was loaded from. */
  readonly path: string;
  /** Length of a vector. */
  readonly dims: number;
  /** Side in pixels to which images are resized and cropped. */
  readonly size: number;
  /**
   * The vectors of `images`, in order. Images are decoded in the calling thread, and computed in batches. For many images
   * {@linkcode embed} is faster: its Workers decode.
   *
   * @throws {UserError} naming the first image that cannot be decoded.
   */
  embed(images: Iterable<EmbeddableImage>): Promise<Float32Array<ArrayBuffer>[]>;
}

/**
 * Loads an encoder: `file` has weights under torchvision's names, of safetensors or PyTorch (.pth); it may be an address,
 * https:// or hf://OWNER/NAME, or the folder of a run. What it says of its backbone and its images can be overridden by options.
 *
 * @throws {UserError} if it is no such file.
 * @throws {MachineError} if there is no adapter, or too little memory.
 *
 * @example
 * ```ts
 * import { loadEncoder } from "./load_encoder.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 *
 * using encoder = await loadEncoder(`${out}/encoder.safetensors`, { normalize: true, log });
 * const gray = { width: 40, height: 30, data: new Uint8Array(40 * 30 * 4).fill(128) };
 * const file = new TextEncoder().encode(`P3 2 2 255 ${"255 0 0 ".repeat(4)}`); // usually of Deno.readFile()
 * const [a, b] = await encoder.embed([gray, file]);
 * console.log(encoder.dims, a.reduce((cosine, value, i) => cosine + value * b[i], 0));
 * ```
 */
export async function loadEncoder(
  file: string,
  options: Omit<EncoderChoice, "run" | "encoder"> = {},
): Promise<LoadedEncoder> {
  expectEncoderOptions(options);
  const isFolder = await Deno.stat(file).then(({ isDirectory }) => isDirectory, () => false);
  const opened = await openEmbedder({ ...options, ...isFolder ? { run: file } : { encoder: file } });
  const { encoder: { path, size, stretch }, embedder } = opened;
  const recipe = { ...stretch !== "none" && { stretch } };
  const records = new RecordWriter();
  let last: Promise<unknown> = Promise.resolve();
  const pack = async (image: EmbeddableImage, i: number): Promise<PackedImage> => {
    const { data } = image instanceof Uint8Array
      ? await decodeForEvaluation(image, { size, recipe }).catch((error) => {
        throw new UserError(`Cannot embed image ${i}: ${messageOf(error)}. Leave it out.`, { cause: error });
      })
      : evaluationImage(image, size);
    records.add(evaluationView({ width: size, height: size, size }), { width: size, size });
    return { pixels: data, records: records.take() };
  };
  async function embedAll(all: EmbeddableImage[]): Promise<Float32Array<ArrayBuffer>[]> {
    const { batch: most, dims } = embedder;
    async function* batches() {
      for (let begin = 0; begin < all.length; begin += most) {
        const images: PackedImage[] = [];
        for (const [i, image] of all.slice(begin, begin + most).entries()) {
          images.push(await pack(image, begin + i));
        }
        yield { images };
      }
    }
    const vectors: Float32Array<ArrayBuffer>[] = [];
    for await (const { batch: { images }, vectors: rows } of embedder.embed(batches())) {
      for (let i = 0; i < images.length; i++) vectors.push(rows.slice(i * dims, (i + 1) * dims));
    }
    return vectors;
  }
  return {
    path,
    size,
    dims: embedder.dims,
    embed(images) {
      // One call after the other, as they share the GPU's memory.
      const result = last.then(() => embedAll([...images]));
      last = result.catch(() => {});
      return result;
    },
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}
