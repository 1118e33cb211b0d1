/**
 * The images of embeddings: finds their source, and makes thumbnails of it.
 *
 * @module
 */
import { openSource } from "../../data/sources/open.ts";
import type { SplitName } from "../../data/sources/survey.ts";
import type { ImageSource } from "../../data/sources/types.ts";
import { badLog } from "../base/bad_log.ts";
import { messageOf, UserError } from "../base/errors.ts";
import type { EmbeddingsTable } from "../export/embeddings_table.ts";
import { type Thumbnails, thumbnailsOf } from "./thumbnails.ts";

/** Which images, and how they are shown. */
export interface PictureOptions {
  data?: string | readonly string[] | ImageSource;
  split?: SplitName;
  label?: string;
  thumbnail?: number;
  workers: number;
  log: (line: string) => void;
  onProgress?: (images: number, total: number) => void;
  signal?: AbortSignal;
}

/** JPEG's blocks, of which a thumbnail has whole ones. */
const BLOCK = 16;
/** Up to so many images thumbnails are large. */
const FEW = 1000;

/** Thumbnails of the rows of `table`; null without images, of which it tells. */
export async function picturesOf(
  table: EmbeddingsTable,
  options: PictureOptions,
): Promise<Thumbnails | null> {
  const { data, log } = options, isOpen = typeof data === "object" && "kind" in data;
  const source = isOpen ? data : await sourceOf(table, options);
  if (!source) return null;
  try {
    const found = await thumbnailsOf(source, {
      ...options,
      keys: table.keys,
      side: sideOf(table, options.thumbnail),
      onBad: badLog(log),
    });
    const missing = table.rows - found.count, text = (count: number) => count.toLocaleString("en-US");
    if (found.count === 0 && data !== undefined) {
      throw new UserError(
        `Cannot show the images of "${source.name}": none has a key of the embeddings, such as "${
          table.keys[0]
        }". Give the ` +
          `source that was embedded.`,
      );
    }
    if (found.count === 0) {
      log(`Without images: none of "${source.name}" has a key of the embeddings. Add --data SOURCE.`);
      return null;
    }
    if (missing > 0) {
      log(
        `${text(missing)} of ${
          text(table.rows)
        } images have no thumbnail: "${source.name}" does not give them.`,
      );
    }
    return found;
  } finally {
    if (!isOpen) source.close();
  }
}

/** The source that the options name, else the one that the embeddings name, if it can be opened. */
async function sourceOf(
  { path, metadata }: EmbeddingsTable,
  { data, split, label, log, signal }: PictureOptions,
): Promise<ImageSource | null> {
  if (data !== undefined) {
    return await openSource(data as string | readonly string[], { split, label, signal });
  }
  const name = metadata.data;
  if (name === undefined) {
    log(`Without images: "${path}" does not say which they are. Add --data SOURCE.`);
    return null;
  }
  try {
    return await openSource(name, { split, label, signal });
  } catch (error) {
    signal?.throwIfAborted();
    log(`Without images: "${path}" is of "${name}". ${messageOf(error)} Add --data SOURCE.`);
    return null;
  }
}

/** The side of thumbnails: a whole number of JPEG's blocks. */
function sideOf({ rows, metadata }: EmbeddingsTable, given: number | undefined): number {
  const seen = Number(metadata.size) || Infinity;
  const side = given ?? Math.min(rows <= FEW ? 128 : 64, Math.max(seen, BLOCK));
  return Math.ceil(side / BLOCK) * BLOCK;
}
