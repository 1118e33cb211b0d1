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
import { encoderFacts } from "../eval/evaluated_encoder.ts";
import { rowsOf } from "./embed.ts";
import type { EmbedOptions } from "./embed_options.ts";
import { type World, worldOfOne } from "../distributed/world.ts";
import { type EmbeddingSession, openEmbedding } from "./embedding_session.ts";
import { EmbeddingsWriter, type Finished } from "./embeddings_writer.ts";
import { embeddingsFormatOf } from "./formats.ts";
import type { Identity } from "./journal.ts";
import { RowGroup } from "./row_group.ts";
import { type NextRows, sharedRows, type SharedRowsOptions } from "./shared_rows.ts";
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
 * @param ranks `world`: the processes that embed together; by default this one alone. Rank 0 writes.
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
export async function embedToFiles(
  options: EmbedToFilesOptions,
  { world = worldOfOne }: { world?: World } = {},
): Promise<EmbeddedFiles> {
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
  using session = await openOnRanks(world, options);
  const identity = await identityOf(session, options);
  let opened: EmbeddingsWriter | Finished | null = null;
  const begun = await world.first("the files of vectors", async () => {
    opened = await openWriter(session, { options, out, identity });
    return opened instanceof EmbeddingsWriter ? { start: opened.next } : { finished: opened };
  });
  if (begun.finished) return embeddedFiles(begun.finished);
  const writer = opened as EmbeddingsWriter | null;
  using _ = writer;
  if (!writer) {
    // The other ranks compute, and hear of the end.
    for await (const _ of sharedRows(world, session, { ...options, start: begun.start, onBad() {} }));
  }
  if (world.size === 1) return embeddedFiles(await writeAll(writer!, { session, options, world }));
  const finished = writer && await writeAll(writer, { session, options, world });
  return embeddedFiles(await world.first("the end of the files", () => Promise.resolve(finished!)));
}

/** The encoder and the images on each rank: the same, or it is refused. Rank 0 is first, so that it alone times kernels. */
async function openOnRanks(world: World, options: EmbedToFilesOptions): Promise<EmbeddingSession> {
  if (world.size === 1) return await openEmbedding(options);
  let session: EmbeddingSession | null = null;
  const together = { ...options, signal: undefined }; // between rounds they agree on it
  await world.first("the encoder", async () => void (session = await openEmbedding(together)));
  session ??= await openEmbedding({ ...together, log() {} });
  const own = JSON.stringify(await identityOf(session, options));
  const rank = (await world.texts("the options", own)).findIndex((theirs, _, all) => theirs !== all[0]);
  if (rank < 0) return session;
  throw new UserError(
    `Cannot embed: rank ${rank} (${
      world.hosts[rank]
    }) has another encoder, other images or other options than rank 0.`,
  );
}

async function openWriter(
  session: EmbeddingSession,
  { options, out, identity }: { options: EmbedToFilesOptions; out: string[]; identity: Identity },
): Promise<EmbeddingsWriter | Finished> {
  const { f16: half = false, restart, log = console.log } = options;
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
  if (writer instanceof EmbeddingsWriter && writer.rows > 0) {
    log(`Continuing after ${writer.rows.toLocaleString("en-US")} rows`);
  }
  return writer;
}

/** The rows of a process alone. */
async function* ownRows(
  session: EmbeddingSession,
  { start, onBad, signal }: SharedRowsOptions,
): AsyncGenerator<NextRows> {
  for await (const { batch, vectors } of session.batches({ start, onBad })) {
    signal?.throwIfAborted();
    yield { rows: rowsOf(batch, { vectors, source: session.source }), next: batch.next };
  }
}

async function writeAll(
  writer: EmbeddingsWriter,
  { session, options, world }: { session: EmbeddingSession; options: EmbedToFilesOptions; world: World },
): Promise<Finished> {
  const { source, embedder: { dims } } = session, { signal, onProgress, f16: half = false } = options;
  const { log = console.log } = options, check = soundVectors({ half, dims, log });
  const { count, leftOut } = writer.bad;
  const report = options.onBad ??
    badLog(log, { before: count + leftOut, rest: `only listed in ${writer.badPath}` });
  let done = writer.next.offset;
  const group = new RowGroup(dims, writer.groupRows);
  const reading: SharedRowsOptions = {
    start: writer.next,
    signal,
    onBad(bad) {
      writer.addBad(bad);
      report(bad);
    },
  };
  const all = world.size === 1 ? ownRows(session, reading) : sharedRows(world, session, reading);
  onProgress?.(done, source.length);
  let { next } = writer;
  const write = async () => {
    const rows = group.take();
    check(rows);
    await writer.write(rows, next);
  };
  for await (const { rows, next: after } of all) {
    group.add(rows);
    next = after;
    if (group.isFull) await write();
    done = next.offset;
    onProgress?.(done, source.length);
  }
  if (world.size === 1) signal?.throwIfAborted();
  if (group.rows > 0) await write();
  return await writer.finish();
}

function embeddedFiles({ rows, count, leftOut, badPath, paths }: Finished): EmbeddedFiles {
  return { rows, bad: count, leftOut, badPath: count + leftOut > 0 ? badPath : null, paths };
}

/** What decides the bytes of the files, by the names of the options. */
async function identityOf(
  { encoder, projector, source, minSide }: EmbeddingSession,
  { features = "backbone", normalize = false, f16 = false, precision = "f32" }: EmbedToFilesOptions,
): Promise<Identity> {
  const { path, backbone, stem, size, mean, std, stretch } = encoder;
  return {
    encoder: await digestOfFile(path),
    ...projector && { projector: await digestOfFile(projector.path) },
    data: source.fingerprint,
    ...{ backbone, stem, size, mean: [...mean], std: [...std], stretch, minSide, features, normalize, f16 },
    precision,
  };
}

/** What the files say of their vectors. */
function metadataOf(
  { encoder, projector, source, run }: EmbeddingSession,
  { features = "backbone", normalize = false, precision }: EmbedToFilesOptions,
): Record<string, string> {
  return {
    // similar finds the encoder again, from any folder.
    encoder: resolve(encoder.path),
    ...run && projector && { run: resolve(run.out) },
    ...encoderFacts(encoder),
    features,
    normalized: `${normalize}`,
    ...precision === "mixed" && { precision },
    data: source.name,
  };
}
