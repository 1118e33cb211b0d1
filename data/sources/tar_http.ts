/**
 * WebDataset on a web server: tar archives that are streamed anew in each epoch and never stored on this machine.
 *
 * @module
 */
import type { Shard, StreamedSource } from "./types.ts";
import { type Compression, decompressed, detected } from "./compression.ts";
import { identities } from "./content_samples.ts";
import { remoteBytes, type RemoteFile, textAt } from "./http.ts";
import type { RequestOptions } from "./http_connection.ts";
import { baseName } from "./patterns.ts";
import { streamedSource } from "./streamed.ts";
import type { Survey } from "./survey.ts";
import { classLines } from "./class_names.ts";
import { type Labels, labelsOf } from "./tar_samples.ts";
import { type TarObserver, tarSamples } from "./tar_stream.ts";

/**
 * Opens the archives `files`, in this order, as one source called `name`. The number of images is unknown until they are
 * read. Class names come from a classes.txt beside the first archive; without one, a .cls text that is a number is the
 * label.
 */
export async function openTarHttp(
  name: string,
  files: readonly RemoteFile[],
  { request, opening, survey, label }: {
    /** How the archives are read, */
    request: RequestOptions;
    /** and how they are asked for at the start. */
    opening: RequestOptions;
    /** Counts what is left out while an archive is read for the first time. */
    survey: Survey;
    /** The field of the label in .json entries. */
    label?: string;
  },
): Promise<StreamedSource> {
  const beside = new URL("classes.txt", files[0].url);
  beside.search = new URL(files[0].url).search; // it may hold a signature
  const listed = classLines(await textAt(beside.href, opening) ?? "");
  const labels = labelsOf(name, { listed });
  return await streamedSource({
    name,
    classes: labels.classes,
    identity: JSON.stringify([await identities(files, opening), listed]),
    shards: files.map((file): Shard => {
      const observer = observerOf(file, survey);
      return {
        name: file.name,
        length: null,
        open: (options) => readShard(file, { ...options, labels, request, observer, label }),
      };
    }),
  });
}

/** Counts what an archive leaves out once, however often it is read: not before the last byte that has been reached. */
function observerOf({ name: archive }: RemoteFile, survey: Survey): TarObserver {
  let reached = -1, there = new Set<string>();
  const count = (name: string, offset: number, left: { kind: string; reason: string | null }) => {
    if (offset < reached || offset === reached && there.has(name)) return;
    if (offset > reached) there = new Set();
    reached = offset;
    there.add(name);
    survey.leaveOut({ name: `${baseName(archive)}/${name}`, ...left });
  };
  return {
    leaveOut: ({ name, offset, kind, reason }) => count(name, offset, { kind, reason }),
    stray: ({ name, offset }) =>
      count(name.path, offset, {
        kind: "label",
        reason: "its image is not beside it: sort the archive by name",
      }),
  };
}

async function* readShard(
  file: RemoteFile,
  { from, at, signal, labels, request, observer, label }: {
    from: number;
    at?: number | null;
    signal?: AbortSignal;
    labels: Labels;
    request: RequestOptions;
    observer: TarObserver;
    label?: string;
  },
) {
  const begin = at ?? 0, bytes = remoteBytes(file, { ...request, from: begin, signal });
  let compression: Compression | null = null, all = bytes;
  if (begin === 0) ({ compression, all } = await detected(bytes));
  if (compression) all = decompressed(file.name, compression, all);
  const marked = file.length === null && !compression; // a broken connection may look like the end
  for await (const sample of tarSamples(file.name, all, { from, at: begin, marked, label, observer })) {
    const { number, bytes, cls, failure } = sample;
    const key = `${file.name.slice(file.name.lastIndexOf("/") + 1)}/${sample.name}`;
    const label = labels.labelOf({ key, cls });
    yield { number, key, label, bytes, failure, at: compression || sample.at === 0 ? null : sample.at };
  }
}
