/**
 * Decoded images, kept so that later epochs need neither read nor decode them: in memory, or in a file.
 *
 * Views are never kept: they are drawn anew in each epoch.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import type { DecodedImage } from "./views/resize.ts";

/** Decoded images by their index in the source. */
export interface PixelCache {
  has(index: number): boolean;
  /** The image at `index`, if it is kept. Its pixels must not be changed. */
  get(index: number): DecodedImage | undefined;
  /** Keeps a copy of `image`, if there is room. */
  set(index: number, image: DecodedImage): void;
  /** Releases what is held, and writes down what is kept if it is a file. */
  close(): void;
}

/** How much memory, or disk, may be used, as a share of what is free when the cache is made. */
const SHARE = .5;

/** A cache in memory of at most `bytes`: images that come when it is full are not kept. */
export function memoryCache(bytes = SHARE * Deno.systemMemoryInfo().available): PixelCache {
  const images = new Map<number, DecodedImage>();
  let room = bytes;
  return {
    has: (index) => images.has(index),
    get: (index) => images.get(index),
    set(index, image) {
      if (images.has(index) || image.data.length > room) return;
      room -= image.data.length;
      images.set(index, { ...image, data: image.data.slice() });
    },
    close: () => images.clear(),
  };
}

/** Where an image lies in the file, and its size. */
type Entry = [offset: number, width: number, height: number];

/**
 * A cache in the file `path`, with an index beside it at `path`.json. `identity` says what the images are: of which source,
 * and how decoded; what an earlier run kept of another is dropped. The index is written when the cache is closed, and every
 * thousand images, after what it tells of: after a crash the file has all that the index tells, and more, which is
 * overwritten. The file takes at most `bytes`, as a rule half of what is free: checkpoints need room too.
 */
export function diskCache(
  path: string,
  { identity, bytes: most }: { identity: string; bytes?: number },
): PixelCache {
  const indexPath = `${path}.json`;
  const entries = readIndex(indexPath, identity);
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (entries.size === 0) {
    // Before the first image: an index of other images must not outlive them.
    remove(indexPath);
    file.truncateSync(0);
  }
  const length = file.statSync().size;
  const room = most ?? length + SHARE * freeBytes(path);
  let end = 0;
  for (const [index, [offset, width, height]] of entries) {
    const after = offset + 4 * width * height;
    if (after > length) entries.delete(index);
    else end = Math.max(end, after);
  }
  let unwritten = 0, full = false;
  const save = () => {
    if (unwritten === 0) return;
    file.syncDataSync();
    const temporary = `${indexPath}${PART}`;
    Deno.writeTextFileSync(temporary, JSON.stringify({ identity, entries: [...entries] }));
    Deno.renameSync(temporary, indexPath);
    unwritten = 0;
  };
  return {
    has: (index) => entries.has(index),
    get(index) {
      const entry = entries.get(index);
      if (!entry) return undefined;
      const [offset, width, height] = entry;
      const data = new Uint8Array(4 * width * height);
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let at = 0; at < data.length;) {
        const count = file.readSync(data.subarray(at));
        if (count === null) return undefined;
        at += count;
      }
      return { width, height, data };
    },
    set(index, { width, height, data }) {
      if (full || entries.has(index) || end + data.length > room) return;
      try {
        file.seekSync(end, Deno.SeekMode.Start);
        for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
        entries.set(index, [end, width, height]);
        end += data.length;
        if (++unwritten === SAVE_EVERY) save();
      } catch {
        full = true; // the disk, as a rule: the run goes on without keeping more
        file.truncateSync(end);
        remove(`${indexPath}${PART}`);
      }
    },
    close() {
      try {
        save();
      } catch {
        // What is not in the index is decoded again.
      }
      file.close();
    },
  };
}

const SAVE_EVERY = 1000;
/** Behind the name of an index that is being written. */
const PART = ".part";

/** Bytes that are free where `path` lies; 0 if that cannot be told. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not there.
  }
}

function readIndex(path: string, identity: string): Map<number, Entry> {
  try {
    const found = JSON.parse(Deno.readTextFileSync(path));
    return found.identity === identity ? new Map(found.entries) : new Map();
  } catch {
    return new Map(); // none yet, or not ours
  }
}
