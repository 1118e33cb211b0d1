/**
 * WebDataset on a web server: tar archives that are streamed anew in each epoch and never stored on this machine.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { orderedMap } from "../ordered_map.ts";
import type { Shard, StreamedSource } from "./types.ts";
import { ReadableStream } from "../streams.ts";
import { type Compression, decompressed, sniffed } from "./compression.ts";
import { nameOf, probe, remoteBytes, type RemoteFile, textAt } from "./http.ts";
import { DEFAULT_RETRY_POLICY, type RequestOptions, type RetryPolicy } from "./http_connection.ts";
import { streamedSource } from "./streamed.ts";
import { classLines, type Labels, labelsOf } from "./tar_samples.ts";
import { tarSamples } from "./tar_stream.ts";

/** Files probed at a time. */
const CONCURRENT_PROBES = 8;
/** On opening, a server that does not answer is more likely a wrong address than an outage. */
const MAX_OPENING_ATTEMPTS = 4;

/**
 * Opens the archives at `urls`, in this order, as one source called `name`. The number of images is unknown until they are
 * read. Class names come from a classes.txt beside the first archive; without one, a .cls text that is a number is the
 * label. Throws a UserError if an archive is not available.
 */
export async function openTarHttp(
  name: string,
  urls: string[],
  { retryPolicy = DEFAULT_RETRY_POLICY, signal }: Partial<RequestOptions> = {},
): Promise<StreamedSource> {
  const other = urls.find((url) => !/\.(tar|tar\.gz|tgz)$/i.test(new URL(url).pathname));
  if (other !== undefined) {
    throw new UserError(
      `Cannot open the data source "${
        nameOf(other)
      }": only addresses of tar archives are supported, ending in .tar, ` +
        `.tar.gz or .tgz. Check the address, or copy the file to this machine.`,
    );
  }
  const attempts = Math.min(retryPolicy.attempts, MAX_OPENING_ATTEMPTS);
  const opening = { retryPolicy: { ...retryPolicy, attempts }, signal };
  const files = await Array.fromAsync(
    ReadableStream.from(urls).pipeThrough(orderedMap((url) => probe(url, opening), CONCURRENT_PROBES)),
  );
  const beside = new URL("classes.txt", urls[0]);
  beside.search = new URL(urls[0]).search; // it may hold a signature
  const listed = classLines(await textAt(beside.href, opening) ?? "");
  const labels = labelsOf(name, { listed });
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
      open: (options) => readShard(file, { ...options, labels, retryPolicy }),
    })),
  });
}

async function* readShard(
  file: RemoteFile,
  { from, at, signal, labels, retryPolicy }: {
    from: number;
    at?: number | null;
    signal?: AbortSignal;
    labels: Labels;
    retryPolicy: RetryPolicy;
  },
) {
  const begin = at ?? 0, bytes = remoteBytes(file, { from: begin, signal, retryPolicy });
  let compression: Compression | null = null, all = bytes;
  if (begin === 0) ({ compression, all } = await sniffed(bytes));
  if (compression) all = decompressed(file.name, compression, all);
  const marked = file.length === null && !compression; // a broken connection may look like the end
  for await (const sample of tarSamples(file.name, all, { from, at: begin, marked })) {
    const { number, bytes, cls, failure } = sample;
    const key = `${file.name.slice(file.name.lastIndexOf("/") + 1)}/${sample.name}`;
    const label = labels.labelOf({ key, cls });
    yield { number, key, label, bytes, failure, at: compression || sample.at === 0 ? null : sample.at };
  }
}
