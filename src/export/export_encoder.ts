/**
 * Writes an encoder as a file that other programs use.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../base/errors.ts";
import { defaultExport, expectExportOptions, hasGraph } from "../config/export_flags.ts";
import { encoderFacts, encoderText, type EvaluatedEncoder } from "../eval/evaluated_encoder.ts";
import { openEncoder, openRun } from "../eval/open_encoder.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError } from "../io/file_error.ts";
import { encodeGraph } from "./encode_graph.ts";
import { encodeWeights } from "./encode_weights.ts";
import type { ExportedFile } from "./exported.ts";
import type { ExportOptions, ExportReport } from "./types.ts";

/**
 * Exports an encoder as an ONNX model, as a folder for transformers.js, or as safetensors. A graph is run by onnxruntime on 8
 * random images first and written only if its features are the encoder's.
 *
 * @throws {UserError} on input that cannot be used; nothing is written then.
 * @throws {MachineError} if there is no adapter, the features differ, or the disk refuses.
 *
 * @example
 * ```ts
 * import { exportEncoder } from "./export_encoder.ts";
 * import { pretrain } from "../run/pretrain.ts";
 *
 * const out = await Deno.makeTempDir(), log = () => {};
 * await pretrain({ data: "shapes:32", holdout: 0, batch: 16, steps: 2, out, log });
 * const { agreement, input } = await exportEncoder({ run: out, out: `${out}/model.onnx`, log });
 * console.log(input, agreement?.difference);
 * ```
 */
export async function exportEncoder(options: ExportOptions): Promise<ExportReport> {
  const { log = console.log, signal, onDownload, ...given } = options;
  expectExportOptions(given as object);
  if (given.run === undefined && given.encoder === undefined) {
    throw new UserError("Cannot export without an encoder. Add --run DIR or --encoder FILE.");
  }
  const fetching = { log, signal, onDownload };
  const encoder = await openEncoder(
    { ...given, ...fetching },
    given.run === undefined ? null : await openRun(given.run),
  );
  const { format = "onnx" } = given, out = given.out ?? defaultExport(format);
  if (format !== "transformers") await expectFile(out);
  log(`Exporting ${encoderText(encoder)}, ${encoder.backbone} for images of ${encoder.size} px`);
  if (encoder.stretch !== "none" && hasGraph(format)) {
    log(
      `Warning: the contrast of its images was stretched (${encoder.stretch}), which the graph does not do. Stretch images ` +
        `before, see docs/views.md.`,
    );
  }
  const metadata = metadataOf(encoder, given);
  const { files, ...facts } = hasGraph(format)
    ? await encodeGraph(encoder, { ...given, format, metadata, log, signal })
    : await encodeWeights(encoder, { ...given, format, metadata });
  signal?.throwIfAborted();
  const written = await writeFiles(out, files);
  return { format, ...written, ...facts };
}

/** Refuses a folder where a file is to be written, before the work. */
async function expectFile(out: string): Promise<void> {
  const isFolder = await Deno.stat(out).then((found) => found.isDirectory, () => false);
  if (isFolder) throw new UserError(`Cannot write "${out}": it is a folder. Name a file by --out.`);
}

async function writeFiles(
  out: string,
  files: readonly ExportedFile[],
): Promise<Pick<ExportReport, "paths" | "bytes">> {
  const paths: string[] = [];
  let bytes = 0;
  for (const { path: name, chunks } of files) {
    const path = join(out, name);
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
    } catch (error) {
      throw fileError(path, error);
    }
    await writeFileAtomic(path, chunks);
    paths.push(path);
    bytes += chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  return { paths, bytes };
}

/** What a user of the file needs to know, as texts. A file from elsewhere tells itself which run it is of. */
function metadataOf(encoder: EvaluatedEncoder, given: ExportOptions): Record<string, string> {
  const { run, fingerprint } = given.encoder === undefined
    ? { run: basename(resolve(given.run!)), fingerprint: encoder.fingerprint }
    : encoder.metadata;
  return {
    ...encoderFacts(encoder),
    ...run && { run },
    ...fingerprint && { fingerprint },
  };
}
