/**
 * Files on a web server, read as streams that outlive broken connections.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/errors.ts";

/** How long to try. */
export interface Patience {
  /** Attempts without any progress before it is an error. */
  attempts: number;
  /** Milliseconds before the second attempt; twice as many before each further one, up to `longest`. */
  delay: number;
  longest: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  idle: number;
}

/** As long as a server takes to start anew. */
export const PATIENCE: Patience = { attempts: 6, delay: 500, longest: 30_000, idle: 60_000 };

/** A server may ask to be left alone so long. */
const LONGEST_ASKED = 300_000;

/** A file on a server. */
export interface RemoteFile {
  url: string;
  /** What it is called in messages and fingerprints: its URL without credentials, query and fragment. */
  name: string;
  /** Bytes; null if the server does not tell. */
  length: number | null;
  /** Its ETag, or when it was last modified; null if the server does not tell. */
  version: string | null;
}

/** A failure that another attempt may be spared. */
class Passing extends Error {
  /** Milliseconds that the server asks to wait. */
  wait: number;

  constructor(message: string, wait = 0) {
    super(message);
    this.wait = wait;
  }
}

/** Attempts at one thing, with growing pauses. */
class Attempts {
  #failures = 0;
  #patience: Patience;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Counts from the beginning again: something has been achieved. */
  progress(): void {
    this.#failures = 0;
  }

  /** Waits before the next attempt; throws a UserError if there have been enough, and anything that does not pass. */
  async after(error: unknown, { name, signal }: { name: string; signal?: AbortSignal }): Promise<void> {
    if (!(error instanceof Passing)) throw error;
    const { attempts, delay, longest } = this.#patience;
    if (++this.#failures >= attempts) {
      throw new UserError(
        `Cannot read ${name}: expected an answer in one of ${attempts} attempts: found ${error.message}. Check the ` +
          `address and the network, and go on with --resume.`,
      );
    }
    const backOff = Math.min(longest, delay * 2 ** (this.#failures - 1));
    await pause(Math.max(backOff, Math.min(error.wait, LONGEST_ASKED)), signal);
  }
}

/** What the server tells of the file at `url`. Throws a UserError if it has none, or does not answer. */
export async function probe(url: string, patience: Patience): Promise<RemoteFile> {
  const name = nameOf(url);
  const headers = await attempt(name, patience, async () => {
    // Some servers refuse HEAD or tell a length of 0 then, and addresses may be signed for GET alone.
    for (const method of ["HEAD", "GET"]) {
      using connection = new Connection(patience.idle);
      const accept = method === "HEAD" ? [400, 401, 403, 405, 501] : [];
      const { ok, headers } = await connection.open(url, { method, name, accept });
      if (ok && (method === "GET" || lengthOf(headers) !== 0)) return headers;
    }
    throw new Error("GET either is answered or throws");
  });
  return { url, name, length: lengthOf(headers), version: versionOf(headers) };
}

/** The text at `url`; null if there is none. */
export async function textAt(url: string, patience: Patience): Promise<string | null> {
  const name = nameOf(url);
  return await attempt(name, patience, async () => {
    using connection = new Connection(patience.idle);
    const { status, headers } = await connection.open(url, { name, accept: [403, 404, 410] });
    // Some servers answer what they do not have with a page.
    if (status >= 400 || /html/.test(headers.get("content-type") ?? "")) return null;
    const decoder = new TextDecoder();
    let text = "";
    for (let part; (part = await connection.read());) text += decoder.decode(part, { stream: true });
    return text + decoder.decode();
  });
}

async function attempt<T>(name: string, patience: Patience, act: () => Promise<T>): Promise<T> {
  for (const attempts = new Attempts(patience);;) {
    try {
      return await act();
    } catch (error) {
      await attempts.after(error, { name });
    }
  }
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
  const condition: Record<string, string> = version && !version.startsWith("W/")
    ? { "if-range": version }
    : {};
  return { range: `bytes=${at}-`, ...condition };
}

/** Where the body of an answer begins, and how long the whole file is. Throws a UserError if it is another one. */
function place(
  { status, headers }: Response,
  { file, at }: { file: RemoteFile; at: number },
): { position: number; length: number | null } {
  const version = versionOf(headers);
  if (file.version !== null && version !== null && version !== file.version) {
    throw changed(file, `version ${version}`);
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

/** One request, with its answer read to any place; disposing of it releases both. */
class Connection {
  #abort = new AbortController();
  #idle: number;
  #signal?: AbortSignal;
  #reader?: ReadableStreamDefaultReader<Uint8Array>;
  #stop = () => this.#abort.abort(this.#signal?.reason);

  constructor(idle: number, signal?: AbortSignal) {
    this.#idle = idle;
    this.#signal = signal;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#stop);
  }

  /** Throws a Passing if it is worth another attempt, a UserError if not. */
  async open(
    url: string,
    { name, accept = [], ...init }: {
      name: string;
      accept?: number[];
      method?: string;
      headers?: Record<string, string>;
    },
  ): Promise<Response> {
    const { signal } = this.#abort;
    // Compressed on the way, the bytes would have other numbers.
    const headers = { ...init.headers, "accept-encoding": "identity" };
    const response = await this.#intime(() => fetch(url, { ...init, headers, signal }));
    this.#reader = response.body?.getReader();
    const { status, statusText } = response;
    if (response.ok || accept.includes(status)) return response;
    const found = `status ${status} ${statusText}`.trim();
    if (status === 416) {
      throw new UserError(`Cannot read ${name} as it has become shorter: found ${found}. Begin again.`);
    }
    if (status === 408 || status === 429 || status >= 500) {
      throw new Passing(found, waitOf(response.headers));
    }
    throw new UserError(
      `Cannot read ${name}: expected a file that may be read: found ${found}. Check the address.`,
    );
  }

  /** The next bytes; null at the end. */
  async read(): Promise<Uint8Array | null> {
    const reader = this.#reader;
    if (!reader) return null;
    const { done, value } = await this.#intime(() => reader.read());
    return done ? null : value;
  }

  async #intime<T>(act: () => Promise<T>): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#abort.abort();
    }, this.#idle);
    try {
      return await act();
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      throw new Passing(late ? `no byte in ${this.#idle / 1000} s` : `"${messageOf(error)}"`);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#reader?.cancel().catch(() => {});
    this.#abort.abort();
  }
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

function versionOf(headers: Headers): string | null {
  return headers.get("etag") ?? headers.get("last-modified");
}

/** Milliseconds of Retry-After, which is a number of seconds or a date. */
function waitOf(headers: Headers): number {
  const text = headers.get("retry-after") ?? "";
  const wait = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return wait > 0 ? wait : 0;
}

function changed({ name, length, version }: RemoteFile, found: string): UserError {
  return new UserError(
    `Cannot read ${name} as it has changed: expected ${length ?? "as many"} bytes of version ${
      version ?? "unknown"
    }, ` +
      `as when it was opened: found ${found}. Begin again.`,
  );
}

/** Waits, unless `signal` is aborted. */
async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const stop = () => resolve();
  signal?.addEventListener("abort", stop);
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
  signal?.throwIfAborted();
}
