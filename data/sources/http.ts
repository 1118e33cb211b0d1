/**
 * Files on a web server, read as streams that survive broken connections.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { Attempts, Connection, type RequestOptions, TransientError, withRetries } from "./http_connection.ts";

/** A file on a server. */
export interface RemoteFile {
  url: string;
  /** Its name in messages and fingerprints: the URL without credentials, query and fragment. */
  name: string;
  /** Bytes; null if the server does not say. */
  length: number | null;
  /** Its ETag and modification time, if the server sends them. */
  version: Version;
}

/** Two responses are of one file if the fields that both have are equal. */
export interface Version {
  etag: string | null;
  modified: string | null;
}

/** What the server says about the file at `url`. Throws a UserError if there is none, or if the server does not answer. */
export async function probe(url: string, options: RequestOptions): Promise<RemoteFile> {
  const name = nameOf(url);
  const headers = await withRetries(name, options, async () => {
    // Some servers reject HEAD or answer it with a length of 0, and a URL may be signed for GET only.
    for (const method of ["HEAD", "GET"]) {
      using connection = new Connection(options.retryPolicy.idleTimeoutMs, options.signal);
      const accept = (status: number) => method === "HEAD" && (isRefusal(status) || status === 501);
      const { ok, headers } = await connection.open(url, { method, name, accept });
      if (ok && (method === "GET" || lengthOf(headers) !== 0)) return headers;
    }
    throw new Error("unreachable: GET returns or throws");
  });
  return { url, name, length: lengthOf(headers), version: versionOf(headers) };
}

/** Whether the status means that the file is not available, and that a retry will not help. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** The text at `url`; null if there is none. */
export async function textAt(url: string, options: RequestOptions): Promise<string | null> {
  const name = nameOf(url);
  return await withRetries(name, options, async () => {
    using connection = new Connection(options.retryPolicy.idleTimeoutMs, options.signal);
    const { status, headers } = await connection.open(url, { name, accept: isRefusal });
    // Some servers send an HTML page for a missing file.
    if (status >= 400 || /html/.test(headers.get("content-type") ?? "")) return null;
    const decoder = new TextDecoder();
    let text = "";
    for (let part; (part = await connection.read());) text += decoder.decode(part, { stream: true });
    return text + decoder.decode();
  });
}

/**
 * The bytes of `file` from byte `from` to its end. If a connection breaks, another one continues: by Range if the server
 * supports it, otherwise by skipping what has been read. Throws a UserError with the file and the byte if the file changes
 * meanwhile, or after too many attempts without a byte.
 */
export async function* remoteBytes(
  file: RemoteFile,
  { from = 0, signal, retryPolicy }: RequestOptions & { from?: number },
): AsyncGenerator<Uint8Array> {
  const attempts = new Attempts(retryPolicy);
  for (let at = from; at !== file.length;) {
    using connection = new Connection(retryPolicy.idleTimeoutMs, signal);
    try {
      const response = await connection.open(file.url, { name: file.name, headers: rangeFrom(at, file) });
      let { position, length } = bodyRange(response, { file, at });
      for (let chunk; (chunk = await connection.read());) {
        const rest = chunk.subarray(Math.max(0, at - position));
        position += chunk.length;
        if (rest.length === 0) continue;
        at += rest.length;
        attempts.reset();
        yield rest;
      }
      if (length !== null && position < length) {
        throw new TransientError(`the end of the response after byte ${position} of ${length}`);
      }
      if (length !== null && position > length) throw changed(file, `${position} bytes`);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      await attempts.after(error, { name: `byte ${at} of ${file.name}`, signal });
    }
  }
}

function rangeFrom(at: number, { version }: RemoteFile): Record<string, string> {
  if (at === 0) return {};
  // A weak ETag is not valid in If-Range; bodyRange compares the version of the response instead.
  const { etag, modified } = version, known = etag?.startsWith("W/") ? null : etag ?? modified;
  const condition: Record<string, string> = known ? { "if-range": known } : {};
  return { range: `bytes=${at}-`, ...condition };
}

/** Where a response's body begins in the file, and the file's length. Throws a UserError if the file has changed. */
function bodyRange(
  { status, headers }: Response,
  { file, at }: { file: RemoteFile; at: number },
): { position: number; length: number | null } {
  const version = versionOf(headers);
  for (const part of ["etag", "modified"] as const) {
    const [before, now] = [file.version[part], version[part]].map((text) => text?.replace(/^W\//, ""));
    if (before !== undefined && now !== undefined && before !== now) throw changed(file, `version ${now}`);
  }
  let position = 0, length = lengthOf(headers);
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
    if (Number(range?.[1]) !== at) {
      throw new UserError(
        `Cannot read "${file.name}" from byte ${at}: the server sends ` +
          `${headers.get("content-range") ?? "no range"}. Copy the file to this machine.`,
      );
    }
    position = at;
    length = Number.isNaN(Number(range?.[2])) ? file.length : Number(range?.[2]);
  }
  if (file.length !== null && length !== null && length !== file.length) {
    throw changed(file, `${length} bytes`);
  }
  return { position, length: length ?? file.length };
}

/** A URL as it is shown in messages: without the parts that may be secret. */
export function nameOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + decoded(pathname);
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function lengthOf(headers: Headers): number | null {
  const text = headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

function versionOf(headers: Headers): Version {
  return { etag: headers.get("etag"), modified: headers.get("last-modified") };
}

function changed({ name, length, version }: RemoteFile, found: string): UserError {
  return new UserError(
    `Cannot read "${name}": it has changed since it was opened. It had ${
      length ?? "an unknown number of"
    } bytes of ` +
      `version ${version.etag ?? version.modified ?? "unknown"}, and now has ${found}. Start the run again.`,
  );
}
