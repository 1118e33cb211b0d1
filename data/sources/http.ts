/**
 * Files on a web server, read as streams that outlive broken connections.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import { type Asking, attempt, Attempts, Connection, Passing, type Patience } from "./http_connection.ts";

/** A file on a server. */
export interface RemoteFile {
  url: string;
  /** What it is called in messages and fingerprints: its URL without credentials, query and fragment. */
  name: string;
  /** Bytes; null if the server does not tell. */
  length: number | null;
  /** Its ETag and when it was last modified, as far as the server tells. */
  version: Version;
}

/** Two answers are of one file if all agrees that both have. */
export interface Version {
  etag: string | null;
  modified: string | null;
}

/** What the server tells of the file at `url`. Throws a UserError if it has none, or does not answer. */
export async function probe(url: string, asking: Asking): Promise<RemoteFile> {
  const name = nameOf(url);
  const headers = await attempt(name, asking, async () => {
    // Some servers refuse HEAD or tell a length of 0 then, and addresses may be signed for GET alone.
    for (const method of ["HEAD", "GET"]) {
      using connection = new Connection(asking.patience.idle, asking.signal);
      const accept = (status: number) => method === "HEAD" && (isRefusal(status) || status === 501);
      const { ok, headers } = await connection.open(url, { method, name, accept });
      if (ok && (method === "GET" || lengthOf(headers) !== 0)) return headers;
    }
    throw new Error("GET either is answered or throws");
  });
  return { url, name, length: lengthOf(headers), version: versionOf(headers) };
}

/** Whether an answer says that there is nothing for us, and will not say otherwise in a while. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** The text at `url`; null if there is none. */
export async function textAt(url: string, asking: Asking): Promise<string | null> {
  const name = nameOf(url);
  return await attempt(name, asking, async () => {
    using connection = new Connection(asking.patience.idle, asking.signal);
    const { status, headers } = await connection.open(url, { name, accept: isRefusal });
    // Some servers answer what they do not have with a page.
    if (status >= 400 || /html/.test(headers.get("content-type") ?? "")) return null;
    const decoder = new TextDecoder();
    let text = "";
    for (let part; (part = await connection.read());) text += decoder.decode(part, { stream: true });
    return text + decoder.decode();
  });
}

/**
 * The bytes of `file` from number `from` on, to its end. Where a connection breaks off, another goes on: by Range if the
 * server honours it, otherwise by passing over what has been read. Throws a UserError that names file and byte if the
 * file changes meanwhile, or after so many attempts without a byte.
 */
export async function* remoteBytes(
  file: RemoteFile,
  { from = 0, signal, patience }: { from?: number; signal?: AbortSignal; patience: Patience },
): AsyncGenerator<Uint8Array> {
  const attempts = new Attempts(patience);
  for (let at = from; at !== file.length;) {
    using connection = new Connection(patience.idle, signal);
    try {
      const response = await connection.open(file.url, { name: file.name, headers: rangeFrom(at, file) });
      let { position, length } = place(response, { file, at });
      for (let chunk; (chunk = await connection.read());) {
        const rest = chunk.subarray(Math.max(0, at - position));
        position += chunk.length;
        if (rest.length === 0) continue;
        at += rest.length;
        attempts.progress();
        yield rest;
      }
      if (length !== null && position < length) {
        throw new Passing(`the end after byte ${position} of ${length}`);
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
  // A weak ETag cannot be compared for this; the answer's own version is, by us.
  const { etag, modified } = version, known = etag?.startsWith("W/") ? null : etag ?? modified;
  const condition: Record<string, string> = known ? { "if-range": known } : {};
  return { range: `bytes=${at}-`, ...condition };
}

/** Where the body of an answer begins, and how long the whole file is. Throws a UserError if it is another one. */
function place(
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
        `Cannot read ${file.name}: expected its bytes from ${at} on: the server answers with ` +
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

/** A URL as it is told to people: without what may be secret in it. */
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
    `Cannot read ${name} as it has changed: expected ${length ?? "as many"} bytes of version ${
      version.etag ?? version.modified ?? "unknown"
    }, ` +
      `as when it was opened: found ${found}. Begin again.`,
  );
}
