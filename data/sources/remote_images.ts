/**
 * Single image files on servers, read in any order.
 *
 * @module
 */
import { checkEncodedSize } from "../file_range.ts";
import { identities } from "./content_samples.ts";
import type { RemoteFile } from "./http.ts";
import type { RequestOptions } from "./http_connection.ts";
import { inMixedOrder, listedSource } from "./listed.ts";
import type { OpenContext } from "./open_options.ts";
import { CONCURRENT_REQUESTS, readRemote } from "./remote_file.ts";
import { chooseSplit, pathLevels, splitInName } from "./split_names.ts";
import type { IndexedSource } from "./types.ts";

/** A file on a server, and its path below what the user named. */
export interface RemoteEntry extends RemoteFile {
  path: string;
}

/**
 * Opens `files` as one source called `name`. The class of an image is the first folder below the one that all have in common,
 * and below the one that tells the split, if there is such a level.
 */
export async function openRemoteImages(
  name: string,
  files: readonly RemoteEntry[],
  { survey, split: wanted, request, opening }: OpenContext & {
    /** How the images are read, */
    request: RequestOptions;
    /** and how they are asked for at the start. */
    opening: RequestOptions;
  },
): Promise<IndexedSource> {
  const { shared, split } = pathLevels(files.map(({ path }) => path));
  const folderAt = (path: string, level: number) => path.split("/").slice(0, -1)[level] ?? null;
  const { items: chosen, others } = chooseSplit(files, {
    name,
    splitOf: ({ path }) => split ? splitInName(folderAt(path, shared) ?? "") : null,
    wanted,
    survey,
  });
  for (const { item: { path }, split } of others) {
    survey.leaveOut({ name: path, kind: split === null ? "image of no split" : `split ${split}` });
  }
  const folderOf = ({ path }: RemoteEntry) => folderAt(path, split ? shared + 1 : shared);
  const classes = [...new Set(chosen.map(folderOf))].filter((folder) => folder !== null).sort();
  const labels = new Map(classes.map((folder, label) => [folder, label]));
  const items = inMixedOrder(chosen, ({ path }) => path).map((file) => ({
    key: file.path,
    label: labels.get(folderOf(file) ?? "") ?? null,
    file,
  }));
  return await listedSource({
    name,
    items,
    classes,
    identity: JSON.stringify([
      items.map(({ key, label }) => [key, label]),
      await identities(items.map(({ file }) => file), opening),
    ]),
    concurrentReads: CONCURRENT_REQUESTS,
    bytes: async ({ file }, _, signal) => {
      checkEncodedSize(file.length ?? 0);
      return await readRemote(file, { ...request, signal });
    },
  });
}

