/**
 * Single image files on servers, read in any order.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { checkEncodedSize } from "../file_range.ts";
import { identities } from "./content_samples.ts";
import { type RemoteFile, unknownFile } from "./http.ts";
import { type RequestOptions, type RetryPolicy, UnreachableError } from "./http_connection.ts";
import { ImagePaths, organize } from "./image_paths.ts";
import { numberedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { baseName } from "./patterns.ts";
import { CONCURRENT_REQUESTS, readRemote } from "./remote_file.ts";
import type { IndexedSource } from "./types.ts";

/** A file on a server, and its path below what the user named. */
export interface RemoteEntry extends RemoteFile {
  path: string;
}

/** Opens `files` as one source called `name`. Their folders tell splits and classes, as those of an archive do. */
export async function openRemoteImages(
  name: string,
  files: readonly RemoteEntry[],
  { request, opening, ...context }: OpenContext & {
    /** How the images are read, */
    request: RequestOptions;
    /** and how they are asked for at the start. */
    opening: RequestOptions;
  },
): Promise<IndexedSource> {
  const paths = new ImagePaths();
  for (const { path } of files) {
    const file = baseName(path);
    paths.add(paths.folder(path.slice(0, path.length - file.length)), file);
  }
  const { order, classes, label } = organize(paths, { name, context });
  const inOrder = Array.from(order, (image) => files[image]);
  return await numberedSource({
    name,
    length: order.length,
    classes,
    identity: JSON.stringify([
      inOrder.map(({ path }) => path),
      await identities(inOrder, { ...opening, single: true }),
    ]),
    concurrentReads: CONCURRENT_REQUESTS,
    key: (index) => paths.key(order[index]),
    label: (index) => label(order[index]),
    bytes: async (index, signal) => {
      const file = inOrder[index];
      checkEncodedSize(file.length ?? 0);
      return await readRemote(file, { ...request, signal });
    },
  });
}

/** With many hosts, some are away for good: less patience with each. */
const ATTEMPTS_OF_MANY = 3;

/**
 * Reads the images at any of `urls`. A host that is away ends the work if it is the only one; of several, its images cannot
 * be read.
 */
export function addressReader(
  urls: readonly string[],
  { retryPolicy }: { retryPolicy: RetryPolicy },
): (url: string, signal?: AbortSignal) => Promise<Uint8Array> {
  const hosts = new Set(urls.map((url) => URL.canParse(url) ? new URL(url).host : url));
  const attempts = hosts.size > 1 ? Math.min(retryPolicy.attempts, ATTEMPTS_OF_MANY) : retryPolicy.attempts;
  return async (url, signal) => {
    try {
      return await readRemote(unknownFile(url), { retryPolicy: { ...retryPolicy, attempts }, signal });
    } catch (error) {
      throw error instanceof UnreachableError && hosts.size > 1 ? new UserError(error.message) : error;
    }
  };
}
