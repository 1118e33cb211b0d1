/**
 * HTTP requests that are retried after transient errors.
 *
 * @module
 */
import { messageOf, UserError } from "../../src/base/errors.ts";
import { withoutSecrets } from "./patterns.ts";

/** When and how often a request is retried. */
export interface RetryPolicy {
  /** Attempts without progress before the request fails. */
  attempts: number;
  /** Milliseconds before the second attempt; doubled before each further one, up to `maxDelayMs`. */
  delayMs: number;
  /** The longest pause between two attempts, in milliseconds. */
  maxDelayMs: number;
  /** A connection without a byte for this many milliseconds counts as broken. */
  idleTimeoutMs: number;
}

/** How a server is asked. */
export interface RequestOptions {
  retryPolicy: RetryPolicy;
  /** Ends the request with its reason when aborted. */
  signal?: AbortSignal;
  /** What servers of this kind need beyond plain HTTP. */
  access?: Access;
}

/** What a kind of server needs beyond plain HTTP. */
export interface Access {
  /** The headers of a request, with its credentials; asked for each attempt, as signatures expire. */
  headers(request: { method: string; url: string }): HeadersInit | Promise<HeadersInit>;
  /** Whether redirects are followed. Credentials never follow to another host. */
  redirect: "follow" | "manual";
  /** Where files were found to lie, if that saves asking for each part again. */
  locations?: Locations;
  /** What the server's refusal means and what to do, as `fact. Advice.`; null if it says no more than its status. */
  explain(refusal: Answer): string | null;
}

/** The addresses to which a server referred, signed for a while. */
export class Locations {
  readonly #found = new Map<string, { url: string; until: number }>();

  /** Where the file at `url` lies; undefined if that is not known, or no longer. */
  of(url: string): string | undefined {
    const location = this.#found.get(url);
    return location && performance.now() < location.until ? location.url : undefined;
  }

  /** Notes that the file at `url` lies at `location`. */
  note(url: string, location: string): void {
    this.#found.set(url, { url: location, until: performance.now() + LOCATION_MS });
  }

  /** Forgets where the file at `url` lies. */
  forget(url: string): void {
    this.#found.delete(url);
  }
}

/** A server's answer, its body as text. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** About two minutes in all, as long as a server or a router takes to restart. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 10,
  delayMs: 500,
  maxDelayMs: 30_000,
  idleTimeoutMs: 60_000,
};

/** Signed addresses are usually valid for an hour. */
const LOCATION_MS = 600_000;

/** Characters that are read of a refusal. */
const MAX_REFUSAL = 10_000;

/** A longer Retry-After is cut to this. */
const MAX_RETRY_AFTER_MS = 300_000;

/** An error that another attempt may avoid. */
export class TransientError extends Error {
  /** Milliseconds that the server asks to wait. */
  waitMs: number;

  constructor(message: string, waitMs = 0) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** The error of a request after the last attempt: the server is away, which says nothing of the file. */
export class UnreachableError extends UserError {
  /** What failed, in words. */
  readonly fact: string;

  constructor(message: string, { fact, ...options }: ErrorOptions & { fact: string }) {
    super(message, options);
    this.fact = fact;
  }
}

/** Counts the attempts of one request, and pauses between them. */
export class Attempts {
  #failures = 0;
  #policy: RetryPolicy;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** Starts counting anew: the request has made progress. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Waits before the next attempt. Throws a UserError if there have been enough, and `error` itself unless it is a
   * {@linkcode TransientError}.
   */
  async after(error: unknown, { name, signal }: { name: string; signal?: AbortSignal }): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    const { attempts, delayMs, maxDelayMs } = this.#policy;
    if (++this.#failures >= attempts) {
      const fact = `${attempts} attempts failed, the last with ${error.message}`;
      throw new UnreachableError(
        `Cannot read "${name}": ${fact}. Check the address and the network, then resume the run.`,
        { fact },
      );
    }
    const backOff = Math.min(maxDelayMs, delayMs * 2 ** (this.#failures - 1));
    await pause(Math.max(backOff, Math.min(error.waitMs, MAX_RETRY_AFTER_MS)), signal);
  }
}

/** Calls `act` until it succeeds, at most as often as the policy says. `name` stands in the error. */
export async function withRetries<T>(
  name: string,
  { retryPolicy, signal }: RequestOptions,
  act: () => Promise<T>,
): Promise<T> {
  for (const attempts = new Attempts(retryPolicy);;) {
    try {
      return await act();
    } catch (error) {
      await attempts.after(error, { name, signal });
    }
  }
}

/** One request and its response. Disposing of it closes both. */
export class Connection {
  #abort = new AbortController();
  #idleTimeoutMs: number;
  #signal?: AbortSignal;
  #access?: Access;
  #reader?: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #stop = () => this.#abort.abort(this.#signal?.reason);

  constructor({ retryPolicy, signal, access }: RequestOptions) {
    this.#idleTimeoutMs = retryPolicy.idleTimeoutMs;
    this.#signal = signal;
    this.#access = access;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#stop);
  }

  /** Sends the request. Throws a TransientError if another attempt may succeed, a UserError otherwise. */
  async open(
    url: string,
    { name, method = "GET", accept = () => false, headers = {} }: {
      name: string;
      method?: string;
      headers?: Record<string, string>;
      /** Which error answers are returned rather than thrown. */
      accept?: (status: number, headers: Headers) => boolean;
    },
  ): Promise<Response> {
    const { signal } = this.#abort, redirect = this.#access?.redirect ?? "follow";
    const sent = new Headers(await this.#access?.headers({ method, url }));
    for (const [key, value] of Object.entries(headers)) sent.set(key, value);
    sent.set("accept-encoding", "identity"); // with compression on the way, byte positions would differ
    const response = await this.#withTimeout(() => fetch(url, { method, headers: sent, redirect, signal }));
    this.#reader = response.body?.getReader();
    if (response.ok || accept(response.status, response.headers)) return response;
    throw await this.#refused(response, name);
  }

  /** The error for a response that is no success. */
  async #refused({ status, statusText, headers }: Response, name: string): Promise<Error> {
    const found = `status ${status} ${statusText}`.trim();
    if (status === 416) {
      return new UserError(
        `Cannot read "${name}": the file has become shorter (${found}). Start the run again.`,
      );
    }
    if (status === 408 || status === 429 || status >= 500) {
      return new TransientError(found, retryAfterMs(headers));
    }
    const explained = this.#access?.explain({ status, headers, text: await this.#text() });
    return new UserError(
      `Cannot read "${name}": ${explained ?? `the server answers with ${found}. Check the address.`}`,
    );
  }

  /** The beginning of the body as text. */
  async #text(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for (let part; text.length < MAX_REFUSAL && (part = await this.read());) {
      text += decoder.decode(part, { stream: true });
    }
    return text;
  }

  /** The next bytes; null at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const reader = this.#reader;
    if (!reader) return null;
    const { done, value } = await this.#withTimeout(() => reader.read());
    return done ? null : value;
  }

  async #withTimeout<T>(act: () => Promise<T>): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#abort.abort();
    }, this.#idleTimeoutMs);
    const { signal } = this.#abort, aborted = Promise.withResolvers<never>();
    const stop = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      // An abort ends the wait even if fetch ignores it: on a busy machine a canceled transfer was once still waiting after 30 s.
      return await Promise.race([act(), aborted.promise]);
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (error instanceof Deno.errors.NotCapable) throw error; // no attempt will be permitted
      // What fetch throws says why in its cause. It names the address, and with it what may be secret.
      const message = messageOf((error as Error).cause ?? error)
        .replace(/^error sending request for url \([^)]*\): /, "")
        .replace(/https?:[^\s)"]+/gi, withoutSecrets);
      throw new TransientError(isLate ? `no byte in ${this.#idleTimeoutMs / 1000} s` : `"${message}"`);
    } finally {
      signal.removeEventListener("abort", stop);
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#reader?.cancel().catch(() => {});
    this.#abort.abort();
  }
}

/** Milliseconds of Retry-After, which holds seconds or a date, or of the time until RateLimit is reset. */
function retryAfterMs(headers: Headers): number {
  const reset = /\bt=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  const text = headers.get("retry-after") ?? reset ?? "";
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
