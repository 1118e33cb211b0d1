/**
 * Where an image's bytes lie in a file, so that the Worker that decodes an image can read it too.
 *
 * @module
 */

/** Larger encoded images are rejected before anything is allocated for them: 1 GiB. */
const MAX_ENCODED_BYTES = 2 ** 30;

/** Why an encoded image of `size` bytes is not read; null if it is. */
export function oversizeReason(size: number): string | null {
  return size > MAX_ENCODED_BYTES ? `it has ${size} bytes, and ${MAX_ENCODED_BYTES} is the limit` : null;
}

/** Throws an Error if an encoded image of `size` bytes is too large to be read. */
export function checkEncodedSize(size: number): void {
  const reason = oversizeReason(size);
  if (reason !== null) throw new Error(reason);
}

/** A part of a file. */
export interface FileRange {
  /** The file. */
  path: string;
  /** The first byte. */
  offset: number;
  /** Bytes. */
  size: number;
}

/** Few archives are open at a time, and single files are not read twice in a row. */
const MAX_OPEN_FILES = 16;
const openFiles = new Map<string, Deno.FsFile>();

/**
 * Reads a file range synchronously: in a Worker there is nothing else to do meanwhile. The bytes are valid until the next
 * call. Files stay open for later calls; the least recently read are closed.
 */
export function readFileRange({ path, offset, size }: FileRange): Uint8Array<ArrayBuffer> {
  checkEncodedSize(size);
  const file = openFile(path);
  if (buffer.length < size) buffer = new Uint8Array(Math.ceil(1.5 * size));
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < size;) {
    const count = file.readSync(buffer.subarray(filled, size));
    if (count === null) throw new Error(`${path} has become shorter: it ends within the image`);
    filled += count;
  }
  return buffer.subarray(0, size);
}

let buffer = new Uint8Array(0);

/** The open file at `path`, now the most recently used one. */
function openFile(path: string): Deno.FsFile {
  const known = openFiles.get(path);
  openFiles.delete(path);
  const file = known ?? Deno.openSync(path);
  openFiles.set(path, file);
  if (openFiles.size > MAX_OPEN_FILES) {
    const [oldest] = openFiles.keys();
    openFiles.get(oldest)!.close();
    openFiles.delete(oldest);
  }
  return file;
}
