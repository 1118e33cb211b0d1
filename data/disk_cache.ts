/**
 * A pixel cache in a file, which later runs use too.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { FREE_SPACE_SHARE, type PixelCache } from "./pixel_cache.ts";
import type { DecodedImage } from "./views/resize.ts";

/** Where an image lies in the file, and its size. */
type Entry = [offset: number, width: number, height: number];

/** The index is written after this many new images. */
const SAVE_EVERY = 1000;
/** Appended to the name of an index that is being written. */
const PART = ".part";

/**
 * A cache in the file `path`, with an index in `path`.json. `identity` names the source and how its images are decoded: what
 * an earlier run cached under another identity is dropped. The file takes at most `bytes`, by default half of the free disk
 * space: checkpoints need room too.
 *
 * The index is written every thousand images and on closing, after the images it lists. So after a crash the file holds
 * all that the index lists; the rest is overwritten.
 */
export function diskCache(path: string, options: { identity: string; bytes?: number }): PixelCache {
  return new DiskCache(path, options);
}

class DiskCache implements PixelCache {
  readonly #indexPath: string;
  readonly #identity: string;
  readonly #file: Deno.FsFile;
  readonly #entries: Map<number, Entry>;
  /** The largest size of the file. */
  readonly #room: number;
  /** Where the next image is written. */
  #end = 0;
  #unsaved = 0;
  #isFull = false;

  constructor(path: string, { identity, bytes }: { identity: string; bytes?: number }) {
    this.#identity = identity;
    this.#indexPath = `${path}.json`;
    this.#entries = readIndex(this.#indexPath, identity);
    this.#file = Deno.openSync(path, { read: true, write: true, create: true });
    if (this.#entries.size === 0) {
      // Before the first image is written: an index of other images must not list it.
      remove(this.#indexPath);
      this.#file.truncateSync(0);
    }
    const length = this.#file.statSync().size;
    this.#room = bytes ?? length + FREE_SPACE_SHARE * freeBytes(path);
    for (const [index, [offset, width, height]] of this.#entries) {
      const after = offset + 4 * width * height;
      if (after > length) this.#entries.delete(index);
      else this.#end = Math.max(this.#end, after);
    }
  }

  has(index: number): boolean {
    return this.#entries.has(index);
  }

  get(index: number): DecodedImage | undefined {
    const entry = this.#entries.get(index);
    if (!entry) return undefined;
    const [offset, width, height] = entry;
    const data = new Uint8Array(4 * width * height);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < data.length;) {
      const count = this.#file.readSync(data.subarray(at));
      if (count === null) return undefined;
      at += count;
    }
    return { width, height, data };
  }

  set(index: number, { width, height, data }: DecodedImage): void {
    if (this.#isFull || this.has(index) || this.#end + data.length > this.#room) return;
    try {
      this.#file.seekSync(this.#end, Deno.SeekMode.Start);
      for (let at = 0; at < data.length;) at += this.#file.writeSync(data.subarray(at));
      this.#entries.set(index, [this.#end, width, height]);
      this.#end += data.length;
      if (++this.#unsaved === SAVE_EVERY) this.#save();
    } catch {
      this.#isFull = true; // usually the disk: the run continues without caching more
      this.#file.truncateSync(this.#end);
      remove(`${this.#indexPath}${PART}`);
    }
  }

  close(): void {
    try {
      this.#save();
    } catch {
      // Images that are not in the index are decoded again.
    }
    this.#file.close();
  }

  #save(): void {
    if (this.#unsaved === 0) return;
    this.#file.syncDataSync();
    const temporary = `${this.#indexPath}${PART}`;
    Deno.writeTextFileSync(
      temporary,
      JSON.stringify({ identity: this.#identity, entries: [...this.#entries] }),
    );
    Deno.renameSync(temporary, this.#indexPath);
    this.#unsaved = 0;
  }
}

/** Free bytes on the file system of `path`; 0 if they are unknown. */
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
    // It did not exist.
  }
}

function readIndex(path: string, identity: string): Map<number, Entry> {
  try {
    const found = JSON.parse(Deno.readTextFileSync(path));
    return found.identity === identity ? new Map(found.entries) : new Map();
  } catch {
    return new Map(); // no index, or a damaged one
  }
}
