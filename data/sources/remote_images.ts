/**
 * Single image files on servers, read in any order.
 *
 * @module
 */
import { checkEncodedSize } from "../file_range.ts";
import { identities } from "./content_samples.ts";
import type { RemoteFile } from "./http.ts";
import type { RequestOptions } from "./http_connection.ts";
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
    identity: JSON.stringify([inOrder.map(({ path }) => path), await identities(inOrder, opening)]),
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
