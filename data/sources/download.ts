/**
 * Files on servers as files on this machine: a download goes on where the last one was cut off, and is checked.
 *
 * @module
 */
import { dirname } from "node:path";
import { messageOf, UserError } from "../../src/base/errors.ts";
import { exists } from "../../src/base/files.ts";
import { digestOfFile } from "./digest.ts";
import { remoteBytes, type RemoteFile } from "./http.ts";
import { type RequestOptions, UnreachableError } from "./http_connection.ts";

/** Hears how many bytes have come, and of how many, if the server says. */
export type DownloadProgress = (done: number, total: number | null) => void;

/** Where a file goes, and who hears of it. */
export interface DownloadOptions extends RequestOptions {
  /** What has come so far lies beside it, under this name with `.part`. */
  path: string;
  onProgress?: DownloadProgress;
  /** Called if another process is downloading it, which is waited for. */
  onWait?: () => void;
  /** Throws if a file that begins with these bytes is not wanted. */
  expect?: (head: Uint8Array) => void;
}

/** Bytes of the beginning that `expect` is given. */
const HEAD = 512;

/**
 * Downloads `file`, unless it is there.
 *
 * @throws {UserError} if the server fails too often, what has come then stays; and if the content is not what was announced.
 */
export async function download(file: RemoteFile, options: DownloadOptions): Promise<void> {
  const { path } = options, part = `${path}.part`;
  if (await exists(path)) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  using out = await Deno.open(part, { read: true, write: true, create: true });
  await locked(out, options);
  if (await exists(path)) return;
  const size = await receive(file, out, options);
  await out.sync();
  await expectContent(file, { part, size });
  await Deno.rename(part, path);
}

/** Resolves once no other process downloads the file. On a file system without locks, both write the same bytes. */
async function locked(out: Deno.FsFile, { onWait }: DownloadOptions): Promise<void> {
  try {
    if (await out.tryLock(true)) return;
    onWait?.();
    await out.lock(true);
  } catch {
    // It has no locks.
  }
}

/** Appends what is missing to `out`; returns the size of all. */
async function receive(
  file: RemoteFile,
  out: Deno.FsFile,
  { onProgress, expect, ...request }: DownloadOptions,
): Promise<number> {
  let at = resumable(file, (await out.stat()).size), head = at > 0 ? null : new Uint8Array();
  await out.truncate(at);
  await out.seek(at, Deno.SeekMode.Start);
  try {
    for await (const bytes of remoteBytes(file, { ...request, from: at })) {
      if (head) head = joined(head, bytes);
      if (head?.length === HEAD) {
        expect?.(head);
        head = null;
      }
      for (let written = 0; written < bytes.length;) written += await out.write(bytes.subarray(written));
      at += bytes.length;
      onProgress?.(at, file.length);
    }
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const of = file.length === null ? "" : ` of ${file.length}`;
    throw new UnreachableError(
      `Cannot download "${file.name}": ${error.fact}. ${at}${of} bytes have come and are kept. Run the same command again: ` +
        `it goes on from there.`,
      { cause: error, fact: error.fact },
    );
  }
  if (head) expect?.(head); // all of it, or nothing
  return at;
}

/** How many of `size` bytes that have come are of this file: without a version, it may have changed since. */
function resumable({ length, version: { etag, modified }, id }: RemoteFile, size: number): number {
  const isSame = etag !== null || modified !== null || id !== null;
  return isSame && size >= HEAD && size <= (length ?? Infinity) ? size : 0;
}

function joined(head: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(Math.min(HEAD, head.length + bytes.length));
  all.set(head);
  all.set(bytes.subarray(0, all.length - head.length), head.length);
  return all;
}

/** Refuses what is not what the server announced, and removes it. */
async function expectContent(
  { name, length, id }: RemoteFile,
  { part, size }: { part: string; size: number },
): Promise<void> {
  const isHash = id !== null && /^[\da-f]{64}$/.test(id), hash = isHash ? await digestOfFile(part) : id;
  if (size === (length ?? size) && hash === id) return;
  await Deno.remove(part).catch((error) => {
    throw new UserError(`Cannot remove "${part}", whose content is wrong: ${messageOf(error)}. Remove it.`);
  });
  const fact = size === (length ?? size)
    ? `its SHA-256 is ${hash}, the server announced ${id}`
    : `${size} bytes have come, the server announced ${length}`;
  throw new UserError(`Cannot use the download of "${name}": ${fact}. Download it again.`);
}
