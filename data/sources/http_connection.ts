/**
 * Requests that are tried again where that may help: what http.ts is made of.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";

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

/** How a server is asked. */
export interface Asking {
  patience: Patience;
  /** Ends the asking by its reason when aborted. */
  signal?: AbortSignal;
}

/** Two minutes in all, as long as a server or a router takes to start anew. */
export const PATIENCE: Patience = { attempts: 10, delay: 500, longest: 30_000, idle: 60_000 };

/** A server may ask to be left alone so long. */
const LONGEST_ASKED = 300_000;

/** A failure that may be over at another attempt. */
export class Passing extends Error {
  /** Milliseconds that the server asks to wait. */
  wait: number;

  constructor(message: string, wait = 0) {
    super(message);
    this.wait = wait;
  }
}

/** Attempts at one thing, with growing pauses. */
export class Attempts {
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

/** Does `act`, and does it again where it fails in passing; `name` is what it is about. */
export async function attempt<T>(
  name: string,
  { patience, signal }: Asking,
  act: () => Promise<T>,
): Promise<T> {
  for (const attempts = new Attempts(patience);;) {
    try {
      return await act();
    } catch (error) {
      await attempts.after(error, { name, signal });
    }
  }
}

/** One request, with its answer read to any place; disposing of it releases both. */
export class Connection {
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
    { name, accept = () => false, ...init }: {
      name: string;
      /** Which answers will do besides good ones. */
      accept?: (status: number) => boolean;
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
    if (response.ok || accept(status)) return response;
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
      if (error instanceof Deno.errors.NotCapable) throw error; // No attempt will be allowed.
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

/** Milliseconds of Retry-After, which is a number of seconds or a date. */
function waitOf(headers: Headers): number {
  const text = headers.get("retry-after") ?? "";
  const wait = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return wait > 0 ? wait : 0;
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
