/**
 * The images whose vectors are most like that of a query.
 *
 * @module
 */
import { resolve } from "node:path";
import { messageOf, UserError } from "../base/errors.ts";
import { parseBackboneText } from "../config/backbone.ts";
import { expectSimilarOptions } from "../config/embed_flags.ts";
import type { KernelSelection } from "../config/pretrain_options.ts";
import { preparationIn } from "../eval/encoder_images.ts";
import { openGpu } from "../gpu/device.ts";
import type { EmbeddingsTable } from "./embeddings_table.ts";
import { loadEncoder } from "./load_encoder.ts";
import { nearestRows } from "./nearest_rows.ts";
import { openEmbeddings } from "./open_embeddings.ts";

/** Options of {@linkcode findSimilar}. */
export interface SimilarOptions {
  /** File of the embeddings: .parquet, .npy, .csv or .safetensors. */
  embeddings: string;
  /** Keys of embedded images, or files of any images. */
  query: string | readonly string[];
  /** How many similar images to name. Default: 10. */
  k?: number;
  /** Folder of the run whose encoder embeds a query that is a file. */
  run?: string;
  /** The encoder that embeds a query that is a file. Default: as the embeddings say. */
  encoder?: string;
  /** The folder from which relative paths of queries count. Default: the current one. */
  folder?: string;
  /** How kernels are chosen, as for training. Default: `"auto"`. */
  kernels?: KernelSelection;
  /** Receives each line of text. Default: lines are printed. */
  log?: (line: string) => void;
  /** Ends the search with its reason when aborted. */
  signal?: AbortSignal;
}

/** A query, and the images that are most like it. */
export interface SimilarImages {
  /** As it was given. */
  query: string;
  /** Most similar first; an embedded image is not named as like itself. */
  neighbors: Neighbor[];
}

/** An embedded image that is like a query. */
export interface Neighbor {
  /** Its row in the embeddings, from 0. */
  row: number;
  /** Its key. */
  key: string;
  /** The cosine of the two vectors. */
  cosine: number;
}

/**
 * Names the `k` embedded images whose vectors have the largest cosines to that of each query. A query is the key of an embedded
 * image, or the file of any image, which is embedded by the same encoder. Cosines are a matrix product on the GPU; those of the
 * named images are computed again in double precision.
 *
 * @throws {UserError} if there is neither such a key nor such a file, or its encoder is not known.
 * @throws {MachineError} if there is no adapter.
 *
 * @example
 * ```ts
 * import { embedToFiles } from "./embed_to_files.ts";
 * import { findSimilar } from "./similar.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * await embedToFiles({ run: out, out: `${out}/shapes.parquet`, log });
 * const [{ neighbors }] = await findSimilar({ embeddings: `${out}/shapes.parquet`, query: "shapes/0", k: 3, log });
 * for (const { key, cosine } of neighbors) console.log(key, cosine);
 * ```
 */
export async function findSimilar(options: SimilarOptions): Promise<SimilarImages[]> {
  expectSimilarOptions(options);
  const { k = 10, signal } = options, queries = [options.query].flat();
  if (queries.length === 0) {
    throw new UserError("Cannot search without a query. Add --query IMAGE or --query KEY.");
  }
  const table = await openEmbeddings(options.embeddings);
  const rows = queries.map((query) => table.keys.indexOf(query));
  const vectors = new Float32Array(queries.length * table.dims);
  const files = new Map<number, string>();
  for (const [q, row] of rows.entries()) {
    if (row < 0) files.set(q, queries[q]);
    else vectors.set(await table.read(row, 1), q * table.dims);
  }
  if (files.size > 0) {
    const found = await embedFiles([...files.values()], { table, options });
    [...files.keys()].forEach((q, i) => vectors.set(found[i], q * table.dims));
  }
  using gpu = await openGpu();
  const nearest = await nearestRows(gpu, { table, vectors, k, exclude: rows, signal });
  return queries.map((query, q) => ({
    query,
    neighbors: nearest[q].map(({ row, cosine }) => ({ row, key: table.keys[row], cosine })),
  }));
}

/** The vectors of image files by the encoder of the embeddings. */
async function embedFiles(
  paths: string[],
  { table, options: { run, encoder, folder = ".", kernels, log } }: {
    table: EmbeddingsTable;
    options: SimilarOptions;
  },
): Promise<Float32Array[]> {
  const images = await Promise.all(paths.map((path) => readImage(path, { table, folder })));
  const { metadata } = table, file = encoder ?? run ?? metadata.run ?? metadata.encoder;
  if (file === undefined) {
    throw new UserError(
      `Cannot embed "${
        paths[0]
      }": "${table.path}" does not say which encoder made its vectors. Add --run DIR or ` +
        `--encoder FILE.`,
    );
  }
  const isProjection = metadata.features === "projection", isOwn = encoder === undefined && run === undefined;
  const { stem, ...prepared } = preparationIn(table.path, metadata);
  using loaded = await loadEncoder(file, {
    // Vectors are comparable only if images are prepared alike: options of ./run embed may have said how.
    ...prepared,
    ...isOwn && { backbone: parseBackboneText(metadata.backbone ?? ""), stem },
    features: isProjection ? "projection" : "backbone",
    kernels,
    log,
  });
  if (loaded.dims !== table.dims) {
    throw new UserError(
      `Cannot compare "${
        paths[0]
      }" with "${table.path}": "${loaded.path}" gives vectors of ${loaded.dims} numbers, the ` +
        `embeddings have ${table.dims}. Give the encoder that made them: --run or --encoder.`,
    );
  }
  return await loaded.embed(images);
}

async function readImage(
  path: string,
  { table, folder }: { table: EmbeddingsTable; folder: string },
): Promise<Uint8Array> {
  try {
    return await Deno.readFile(resolve(folder, path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`Cannot read the query "${path}": ${messageOf(error)}. Give another image.`);
    }
    throw new UserError(
      `Cannot find the query "${path}": it is neither a key of "${table.path}", such as "${
        table.keys[0]
      }", nor a file ` +
        `at ${resolve(folder, path)}. Give one of them.`,
    );
  }
}
