/**
 * Files on a web server, read as streams that survive broken connections.
 *
 * @module
 */
import { UserError } from "../../src/base/errors.ts";
import {
  type Answer,
  Attempts,
  Connection,
  type RequestOptions,
  TransientError,
  withRetries,
} from "./http_connection.ts";

/** A file on a server. */
export interface RemoteFile {
  url: string;
  /** Its name in messages: of a URL, what is left without credentials, query and fragment. */
  name: string;
  /** Bytes; null if the server does not say. */
  length: number | null;
  /** Its ETag and modification time, if the server sends them. */
  version: Version;
  /** What identifies its content on any server, such as its SHA-256; null if that is unknown. */
  id: string | null;
}

/** The file at `url`, of which nothing is known. */
export function unknownFile(url: string): RemoteFile {
  return { url, name: nameOf(url), length: null, version: { etag: null, modified: null }, id: null };
}

/** Two responses are of one file if the fields that both have are equal. */
export interface Version {
  etag: string | null;
  modified: string | null;
}

/** What the server says about the file at `url`. Throws a UserError if there is none, or if the server does not answer. */
export async function probe(
  url: string,
  { name = nameOf(url), ...options }: RequestOptions & { name?: string },
): Promise<RemoteFile> {
  const headers = await withRetries(name, options, async () => {
    // Some servers reject HEAD or answer it with a length of 0, and a URL may be signed for GET only.
    for (const method of ["HEAD", "GET"]) {
      using connection = new Connection(options);
      const accept = (status: number) => method === "HEAD" && (isRefusal(status) || status === 501);
      const { ok, headers } = await connection.open(url, { method, name, accept });
      if (ok && (method === "GET" || lengthOf(headers) !== 0)) return headers;
    }
    throw new Error("unreachable: GET returns or throws");
  });
  return { url, name, length: lengthOf(headers), version: versionOf(headers), id: null };
}

/** Whether the status means that the file is not available, and that a retry will not help. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** `file` with its length, which a server that does not tell it of the whole file tells of a part. */
export async function withLength(file: RemoteFile, request: RequestOptions): Promise<RemoteFile> {
  if (file.length !== null) return file;
  const headers = { range: "bytes=0-0" }, { url, name } = file;
  return await withRetries(name, request, async () => {
    using connection = new Connection(request);
    const answer = await connection.open(url, { name, headers, accept: (status) => status === 416 });
    return { ...file, length: whole(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1]) };
  });
}

/** The text at `url`; null if there is none. */
export async function textAt(url: string, options: RequestOptions): Promise<string | null> {
  const { status, headers, text } = await answerAt(url, { ...options, accept: isRefusal });
  // Some servers send an HTML page for a missing file.
  return status >= 400 || /html/.test(headers.get("content-type") ?? "") ? null : text;
}

/** The answer at `url`, as text. Throws a UserError for an error status, unless `accept` says that it is wanted. */
export async function answerAt(
  url: string,
  { name = nameOf(url), accept, ...options }: RequestOptions & {
    name?: string;
    accept?: (status: number, headers: Headers) => boolean;
  },
): Promise<Answer> {
  return await withRetries(name, options, async () => {
    using connection = new Connection(options);
    const { status, headers } = await connection.open(url, { name, accept });
    const decoder = new TextDecoder();
    let text = "";
    for (let part; (part = await connection.read());) text += decoder.decode(part, { stream: true });
    return { status, headers, text: text + decoder.decode() };
  });
}

/** The error for a server that sends whole files only. */
export class NoRangeError extends UserError {}

/** Which bytes of a file are asked for. */
interface Part {
  /** The first. Default: 0. */
  from?: number;
  /** The one after the last; null for all to the end. A part that ends before needs a server that supports Range. */
  to?: number | null;
}

/**
 * The bytes of `file` from byte `from` to `to`. If a connection breaks, another one continues: by Range if the server
 * supports it, otherwise by skipping what has been read. Throws a UserError with the file and the byte if the file changes
 * meanwhile, or after too many attempts without a byte.
 */
export async function* remoteBytes(
  file: RemoteFile,
  { from = 0, to = null, ...request }: RequestOptions & Part,
): AsyncGenerator<Uint8Array> {
  const { signal } = request, attempts = new Attempts(request.retryPolicy), end = to ?? file.length;
  for (let at = from; at !== end;) {
    using connection = new Connection(request);
    const location = request.access?.locations?.of(file.url);
    try {
      const headers = rangeHeaders(file, { at, to });
      const response = await connection.open(location ?? file.url, { name: file.name, headers });
      if (response.redirected) request.access?.locations?.note(file.url, response.url);
      let { position, bodyEnd } = bodyRange(response, { file, at, to });
      for (let chunk; (chunk = await connection.read());) {
        const rest = chunk.subarray(Math.max(0, at - position), Math.max(0, (end ?? Infinity) - position));
        position += chunk.length;
        if (rest.length === 0) continue;
        at += rest.length;
        attempts.reset();
        yield rest;
        if (at === to) return; // the server may send more
      }
      if (bodyEnd !== null && position < bodyEnd) {
        throw new TransientError(`the end of the response after byte ${position} of ${bodyEnd}`);
      }
      if (bodyEnd !== null && position > bodyEnd) throw changed(file, `${position} bytes`);
      if (to === null) return;
    } catch (error) {
      signal?.throwIfAborted();
      request.access?.locations?.forget(file.url);
      if (location !== undefined && !(error instanceof TransientError)) continue; // it has expired
      await attempts.after(error, { name: `byte ${at} of ${file.name}`, signal });
    }
  }
}

function rangeHeaders({ version }: RemoteFile, { at, to }: { at: number; to: number | null }): HeadersOf {
  if (at === 0 && to === null) return {};
  // A weak ETag is not valid in If-Range; bodyRange compares the version of the response instead.
  const { etag, modified } = version, known = etag?.startsWith("W/") ? null : etag ?? modified;
  return { range: `bytes=${at}-${to === null ? "" : to - 1}`, ...known ? { "if-range": known } : {} };
}

type HeadersOf = Record<string, string>;

/** Where a response's body begins and ends in the file. Throws a UserError if the file has changed. */
function bodyRange(
  { status, headers }: Response,
  { file, at, to }: { file: RemoteFile; at: number; to: number | null },
): { position: number; bodyEnd: number | null } {
  const version = versionOf(headers);
  for (const part of ["etag", "modified"] as const) {
    const [before, now] = [file.version[part], version[part]].map((text) => text?.replace(/^W\//, ""));
    if (before !== undefined && now !== undefined && before !== now) throw changed(file, `version ${now}`);
  }
  const [, begin, last, total] = status === 206
    ? /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? []
    : [];
  const length = status === 206 ? whole(total) : lengthOf(headers);
  if (file.length !== null && length !== null && length !== file.length) {
    throw changed(file, `${length} bytes`);
  }
  const fileEnd = length ?? file.length;
  if (status === 206) {
    if (Number(begin) === at) return { position: at, bodyEnd: to === null ? fileEnd : Number(last) + 1 };
    throw new UserError(
      `Cannot read "${file.name}" from byte ${at}: the server sends ` +
        `${headers.get("content-range") ?? "no range"}. Copy the file to this machine.`,
    );
  }
  if (to === null || at === 0 && to === fileEnd) return { position: 0, bodyEnd: fileEnd };
  throw new NoRangeError(
    `Cannot read a part of "${file.name}": its server sends whole files only (no Range requests). Copy the file to this ` +
      `machine.`,
  );
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
  return whole(headers.get("content-length"));
}

function whole(text: string | null | undefined): number | null {
  return /^\d+$/.test(text ?? "") ? Number(text) : null;
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
