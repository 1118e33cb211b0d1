/**
 * What identifies files on servers wherever they are: a mirror or another port gives the same, a changed file another.
 *
 * @module
 */
import { concatBytes } from "../../src/base/bytes.ts";
import { UserError } from "../../src/base/errors.ts";
import { digest } from "./digest.ts";
import { NoRangeError, remoteBytes, type RemoteFile } from "./http.ts";
import { type RequestOptions, UnreachableError } from "./http_connection.ts";
import { ByteReader } from "./bytes.ts";
import { baseName } from "./patterns.ts";
import { readRemote } from "./remote_file.ts";

/** Files that are sampled, spread over the list. */
const SAMPLED_FILES = 32;
/** Bytes of a file that are sampled: from its beginning, and from its middle and end. */
const HEAD = 2 ** 14, OTHERS = 2 ** 12;

/**
 * The name, length and content of each of `files`. The content is told by the server's own identification, where the file
 * has one; otherwise up to 32 files are sampled. Hosts, ETags and times play no part: a mirror has others.
 */
export async function identities(
  files: readonly RemoteFile[],
  { single = false, ...request }: RequestOptions & {
    /** Whether a file is a single image, of which some may be missing. */
    single?: boolean;
  },
): Promise<unknown[]> {
  const step = Math.max(1, Math.ceil(files.length / SAMPLED_FILES));
  const sampled = files.filter((file, i) => file.id === null && i % step === 0);
  const samples = await Promise.allSettled(sampled.map((file) => sampleOf(file, request)));
  const failed =
    samples.find(({ status, reason }: PromiseResult) =>
      status === "rejected" && !(single && isMissing(reason))
    ) ?? (samples.every(({ status }) => status === "rejected") ? samples[0] : undefined);
  if (failed?.status === "rejected") throw failed.reason;
  const found = new Map(
    samples.map((sample, i) => [sampled[i], sample.status === "fulfilled" ? sample.value : null]),
  );
  return files.map((file) => [baseName(file.name), file.length, file.id ?? found.get(file) ?? null]);
}

type PromiseResult = { status: string; reason?: unknown };

const isMissing = (error: unknown) => error instanceof UserError && !(error instanceof UnreachableError);

/** The SHA-256 of parts of `file`; of its beginning only where the server sends no parts. */
async function sampleOf(file: RemoteFile, request: RequestOptions): Promise<string> {
  const { length } = file;
  if (length === null) return await digest(await headOf(file, request));
  const middle = Math.floor(length / 2);
  const parts = [[0, HEAD], [middle, middle + OTHERS], [Math.max(0, length - OTHERS), length]];
  const read = parts.map(([from, to]) => readRemote(file, { ...request, from, to: Math.min(to, length) }));
  const found = await Promise.allSettled(read);
  const failed = found.find((part) => part.status === "rejected");
  if (failed?.reason instanceof NoRangeError) return await digest(await headOf(file, request));
  if (failed) throw failed.reason;
  return await digest(concatBytes(found.flatMap((part) => part.status === "fulfilled" ? [part.value] : [])));
}

/** The first bytes of `file`, from a transfer that is then broken off. */
async function headOf(file: RemoteFile, request: RequestOptions): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = remoteBytes(file, request);
  try {
    return concatBytes([await new ByteReader(bytes).take(HEAD)]);
  } finally {
    await bytes.return(undefined);
  }
}
