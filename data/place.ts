/**
 * Where an image's bytes lie in a file, so that whoever decodes it can read it too.
 *
 * @module
 */

/** Encoded images of more bytes are refused before anything is allocated for them: 1 GiB. */
const LARGEST_IMAGE = 2 ** 30;

/** Why an encoded image of `size` bytes is not read; null if it is. */
export function excessOf(size: number): string | null {
  return size > LARGEST_IMAGE ? `it has ${size} bytes, and ${LARGEST_IMAGE} is the limit` : null;
}

/** Throws an Error if an encoded image of `size` bytes is too large to be read. */
export function expectModest(size: number): void {
  const excess = excessOf(size);
  if (excess !== null) throw new Error(excess);
}

/** A part of a file. */
export interface Place {
  path: string;
  offset: number;
  /** Bytes. */
  size: number;
}

/** Open files at the most: archives are few, and of single files none is read twice in a row. */
const HANDLES = 16;
const handles = new Map<string, Deno.FsFile>();

/**
 * The bytes at `place`; valid until the next call. Reads at once, not in the background: for a Worker, which would only
 * wait. Files stay open for later calls; those least recently read are closed.
 */
export function readPlace({ path, offset, size }: Place): Uint8Array<ArrayBuffer> {
  expectModest(size);
  let file = handles.get(path);
  if (file) handles.delete(path); // to come last
  else file = Deno.openSync(path);
  handles.set(path, file);
  if (handles.size > HANDLES) {
    const [oldest] = handles.keys();
    handles.get(oldest)!.close();
    handles.delete(oldest);
  }
  if (buffer.length < size) buffer = new Uint8Array(Math.ceil(1.5 * size));
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < size;) {
    const count = file.readSync(buffer.subarray(filled, size));
    if (count === null) throw new Error(`${path} has become shorter: it ends within what was to be read`);
    filled += count;
  }
  return buffer.subarray(0, size);
}

let buffer = new Uint8Array(0);
