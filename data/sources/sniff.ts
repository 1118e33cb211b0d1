/**
 * Files whose names do not tell what they are: images are found by their first bytes.
 *
 * @module
 */
import { looksLikeImage } from "../formats/kind.ts";
import { orderedMap } from "../ordered_map.ts";
import { ReadableStream } from "../streams.ts";

/** If so many files of one extension contain no image, the others are not opened. */
const TRIED = 1000;

/** Files opened at a time. */
const CONCURRENT_READS = 32;

/** Why a file is no image; null if it is one. */
export type NoImage = null | "no image" | "cannot be read" | `not opened, as ${number} others are no images`;

/**
 * Tells which of `files` are images. `extensionOf` gives their extension, `readHead` their first `KIND_BYTES` or more. The
 * result depends on the order of the files, not on timing.
 */
export async function* sniffed<T>(
  files: readonly T[],
  { extensionOf, readHead }: { extensionOf(file: T): string; readHead(file: T): Promise<Uint8Array> },
): AsyncGenerator<{ file: T; reason: NoImage }> {
  const judge = async (file: T): Promise<{ file: T; reason: NoImage }> => {
    try {
      return { file, reason: looksLikeImage(await readHead(file)) ? null : "no image" };
    } catch {
      return { file, reason: "cannot be read" };
    }
  };
  const judged = (part: T[]) => ReadableStream.from(part).pipeThrough(orderedMap(judge, CONCURRENT_READS));
  for (const group of Map.groupBy(files, extensionOf).values()) {
    let images = 0;
    for await (const each of judged(group.slice(0, TRIED))) {
      if (each.reason === null) images++;
      yield each;
    }
    const rest = group.slice(TRIED);
    if (images > 0) yield* judged(rest);
    else for (const file of rest) yield { file, reason: `not opened, as ${TRIED} others are no images` };
  }
}
