/**
 * WebDataset on a web server: tar archives that are streamed anew in every epoch, with nothing kept on this machine.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import type { Shard, StreamedSource } from "./types.ts";
import { ReadableStream } from "../streams.ts";
import { gunzipped, sniffed } from "./bytes.ts";
import { nameOf, probe, remoteBytes, type RemoteFile, textAt } from "./http.ts";
import { PATIENCE, type Patience } from "./http_connection.ts";
import { streamedSource } from "./streamed.ts";
import { classLines, type Labels, labelsOf } from "./tar_samples.ts";
import { tarSamples } from "./tar_stream.ts";

/** Servers are asked for so many files at a time, */
const PROBES = 8;
/** and so often at most: what does not answer in the beginning is a slip in the address more often than an outage. */
const ATTEMPTS_AT_OPENING = 4;

/**
 * Opens the archives at `urls`, in this order, as one source called `name`. How many images they have is not known
 * before reading them. Class names come from a classes.txt beside the first archive, if there is one; without it a .cls
 * text that is a number is the label. Throws a UserError if an archive cannot be had.
 */
export async function openTarHttp(
  name: string,
  urls: string[],
  { patience = PATIENCE, signal }: { patience?: Patience; signal?: AbortSignal } = {},
): Promise<StreamedSource> {
  const other = urls.find((url) => !/\.(tar|tar\.gz|tgz)$/i.test(new URL(url).pathname));
  if (other !== undefined) {
    throw new UserError(
      `Cannot open the data source ${
        nameOf(other)
      }: expected the address of a tar archive, ending in .tar, .tar.gz ` +
        `or .tgz. Check --data, or copy the file to this machine.`,
    );
  }
  const attempts = Math.min(patience.attempts, ATTEMPTS_AT_OPENING);
  const asking = { patience: { ...patience, attempts }, signal };
  const files = await Array.fromAsync(
    ReadableStream.from(urls).pipeThrough(orderedMap((url) => probe(url, asking), PROBES)),
  );
  const beside = new URL("classes.txt", urls[0]);
  beside.search = new URL(urls[0]).search; // where a signature may be
  const listed = classLines(await textAt(beside.href, asking) ?? "");
  const labels = labelsOf(name, { listed, texts: null });
  return await streamedSource({
    name,
    classes: labels.classes,
    identity: JSON.stringify([
      files.map(({ name, length, version: { etag, modified } }) => [name, length, etag ?? modified]),
      listed,
    ]),
    shards: files.map((file): Shard => ({
      name: file.name,
      length: null,
      open: (options) => readShard(file, { ...options, labels, patience }),
    })),
  });
}

async function* readShard(
  file: RemoteFile,
  { from, at, signal, labels, patience }: {
    from: number;
    at?: number | null;
    signal?: AbortSignal;
    labels: Labels;
    patience: Patience;
  },
) {
  const begin = at ?? 0, bytes = remoteBytes(file, { from: begin, signal, patience });
  let compressed = false, all = bytes;
  if (begin === 0) ({ compressed, all } = await sniffed(bytes));
  if (compressed) all = gunzipped(file.name, all);
  const marked = file.length === null && !compressed; // a connection that is cut off may look like the end
  for await (const sample of tarSamples(file.name, all, { from, at: begin, marked })) {
    const { number, bytes, cls, failure } = sample;
    const key = `${file.name.slice(file.name.lastIndexOf("/") + 1)}/${sample.name}`;
    const label = labels.labelOf({ key, cls });
    yield { number, key, label, bytes, failure, at: compressed || sample.at === 0 ? null : sample.at };
  }
}
