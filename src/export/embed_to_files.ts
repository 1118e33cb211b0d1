/**
 * Vectors of images in files.
 *
 * @module
 */
import { resolve } from "node:path";
import { digestOfFile } from "../../data/sources/digest.ts";
import { UserError } from "../base/errors.ts";
import { badLog } from "../base/bad_log.ts";
import { expectEmbedToFilesOptions } from "../config/embed_flags.ts";
import { rowsOf } from "./embed.ts";
import type { EmbedOptions } from "./embed_options.ts";
import { type EmbeddingSession, openEmbedding } from "./embedding_session.ts";
import { EmbeddingsWriter, type Finished } from "./embeddings_writer.ts";
import { embeddingsFormatOf } from "./formats.ts";
import type { Identity } from "./journal.ts";
import { RowGroup } from "./row_group.ts";
import { soundVectors } from "./sound_vectors.ts";

/** Options of {@linkcode embedToFiles}. */
export interface EmbedToFilesOptions extends EmbedOptions {
  /** The files to write: .parquet, .npy, .csv or .safetensors, by their extensions. */
  out: string | readonly string[];
  /** Write vectors as float16. Default: false. */
  f16?: boolean;
  /** Begin anew where an unfinished embedding could be continued, or is of something else. Default: false. */
  restart?: boolean;
  /** Hears how many images are done, of how many: null if that is unknown. */
  onProgress?: (images: number, total: number | null) => void;
}

/** Files that {@linkcode embedToFiles} wrote. */
export interface EmbeddedFiles {
  /** Rows in each file. */
  rows: number;
  /** Images without a row because they cannot be used. */
  bad: number;
  /** Images without a row because `minSide` leaves them out. */
  leftOut: number;
  /** The list of these images; null if there are none. */
  badPath: string | null;
  /** The files that were written. */
  paths: string[];
}

/**
 * Embeds images and writes their vectors with key, label, width and height, each image once, in source order. Files grow as
 * `FILE.part`, and get their names when they are complete. After a kill or an abort, the same options continue after the last
 * whole group of rows, and give the same bytes. Memory does not grow with the number of images, but for what the source needs.
 *
 * @throws {UserError} on input that cannot be used, and if what was begun is another embedding.
 * @throws {MachineError} if there is no adapter, too little memory, or the disk is full; whole rows are kept.
 *
 * @example
 * ```ts
 * import { embedToFiles } from "./embed_to_files.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * const { rows, paths } = await embedToFiles({ run: out, out: [`${out}/shapes.parquet`, `${out}/shapes.npy`], log });
 * console.log(rows, paths);
 * ```
 */
export async function embedToFiles(options: EmbedToFilesOptions): Promise<EmbeddedFiles> {
  expectEmbedToFilesOptions(options);
  const out = [options.out].flat();
  if (out.length === 0) {
    throw new UserError("Cannot write embeddings without a file. Add --out FILE.parquet.");
  }
  out.forEach(embeddingsFormatOf);
  const repeated = out.find((path, i) => out.indexOf(path) < i);
  if (repeated !== undefined) {
    throw new UserError(`Cannot write "${repeated}" twice. Give each file once.`);
  }
  using session = await openEmbedding(options);
  const { f16: half = false, restart, log = console.log } = options;
  const identity = await identityOf(session, options);
  const writer = await EmbeddingsWriter.open({
    out,
    dims: session.embedder.dims,
    half,
    metadata: metadataOf(session, options),
    identity,
    restart,
    // Where an image takes long, less of them are lost.
    groupRows: session.gpu.software ? 256 : undefined,
  });
  if (!(writer instanceof EmbeddingsWriter)) return embeddedFiles(writer);
  using _ = writer;
  if (writer.rows > 0) log(`Continuing after ${writer.rows.toLocaleString("en-US")} rows`);
  return embeddedFiles(await writeAll(writer, { session, options }));
}

async function writeAll(
  writer: EmbeddingsWriter,
  { session, options }: { session: EmbeddingSession; options: EmbedToFilesOptions },
): Promise<Finished> {
  const { source, embedder: { dims } } = session, { signal, onProgress, f16: half = false } = options;
  const { log = console.log } = options, check = soundVectors({ half, dims, log });
  const { count, leftOut } = writer.bad;
  const report = options.onBad ??
    badLog(log, { before: count + leftOut, rest: `only listed in ${writer.badPath}` });
  let done = writer.next.offset;
  const group = new RowGroup(dims, writer.groupRows);
  const batches = session.batches({
    start: writer.next,
    onBad(bad) {
      writer.addBad(bad);
      report(bad);
    },
  });
  onProgress?.(done, source.length);
  let { next } = writer;
  const write = async () => {
    const rows = group.take();
    check(rows);
    await writer.write(rows, next);
  };
  for await (const { batch, vectors } of batches) {
    signal?.throwIfAborted();
    group.add(rowsOf(batch, { vectors, source }));
    next = batch.next;
    if (group.isFull) await write();
    done = next.offset;
    onProgress?.(done, source.length);
  }
  signal?.throwIfAborted();
  if (group.rows > 0) await write();
  return await writer.finish();
}

function embeddedFiles({ rows, count, leftOut, badPath, paths }: Finished): EmbeddedFiles {
  return { rows, bad: count, leftOut, badPath: count + leftOut > 0 ? badPath : null, paths };
}

/** What decides the bytes of the files, by the names of the options. */
async function identityOf(
  { encoder, projector, source, minSide }: EmbeddingSession,
  { features = "backbone", normalize = false, f16 = false }: EmbedToFilesOptions,
): Promise<Identity> {
  const { path, backbone, stem, size, mean, std, stretch } = encoder;
  return {
    encoder: await digestOfFile(path),
    ...projector && { projector: await digestOfFile(projector.path) },
    data: source.fingerprint,
    ...{ backbone, stem, size, mean: [...mean], std: [...std], stretch, minSide, features, normalize, f16 },
  };
}

/** What the files say of their vectors. */
function metadataOf(
  { encoder, projector, source, run }: EmbeddingSession,
  { features = "backbone", normalize = false }: EmbedToFilesOptions,
): Record<string, string> {
  const { path, backbone, stem, size, mean, std, stretch } = encoder;
  return {
    // similar finds the encoder again, from any folder.
    encoder: resolve(path),
    ...run && projector && { run: resolve(run.out) },
    backbone,
    stem,
    size: `${size}`,
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    ...stretch !== "none" && { stretch },
    features,
    normalized: `${normalize}`,
    data: source.name,
  };
}
