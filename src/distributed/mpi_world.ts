/**
 * The processes that an MPI launcher started.
 *
 * Ranks meet by short messages to rank 0 and back, polled by a timer: a blocking call of MPI would keep a core busy, hold the
 * event loop, and wait for ever for a rank that hangs. Only after all have met do they call what blocks, on a thread.
 *
 * @module
 */
import { MachineError, messageOf, UserError } from "../base/errors.ts";
import { environmentVariable, hostName, setEnvironmentVariable } from "../base/environment.ts";
import { launchedSize } from "./launcher.ts";
import { Library, type Request } from "./library.ts";
import { type Agreement, EndedError, type Failure, type Lost, type Word, type World } from "./world.ts";

/** The message of a rank to rank 0: where it is, and what it says; or that it leaves. */
interface Up extends Word {
  what: string;
  left?: Failure;
}

/** The message of rank 0: all have come; one has left; it still works; the result of its work has so many bytes. */
type Down =
  | { all: Agreement }
  | { ended: { rank: number; failure: Failure } }
  | { working: true }
  | { done: number };

const TAGS = { up: 1, down: 2 };
/** Bytes of a message, and characters of a failure's text that fit. */
const MESSAGE_BYTES = 4096, FAILURE_CHARACTERS = 900;
/** Seconds that ranks wait for each other. */
export const DEFAULT_TIMEOUT = 300;
/** The ranks after rank 0 wait so much longer, one after the other: only the first of them reports. */
const LATER_SECONDS = 3;
/** How often a message is asked for: at once while it is about to come, then each few milliseconds. */
const POLL = { soonMs: 5, ms: 2 };

/** Options of {@linkcode MpiWorld.open}. */
export interface MpiOptions {
  /** Seconds that ranks wait for each other; by default those of BYOL_MPI_TIMEOUT, else {@linkcode DEFAULT_TIMEOUT}. */
  timeout?: number;
}

/** The ranks of an MPI job. */
export class MpiWorld implements World {
  hosts: readonly string[] = [];
  readonly #library: Library;
  readonly #timeoutMs: number;
  /** Calls wait for the one before: MPI is called by one thread at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  private constructor(library: Library, readonly rank: number, readonly size: number, timeout: number) {
    this.#library = library;
    this.#timeoutMs = 1000 * (timeout + LATER_SECONDS * Math.min(rank, 10));
  }

  /**
   * Joins the processes that the launcher started.
   *
   * @throws {MachineError} if there is no MPI library.
   * @throws {UserError} if the launcher is not of this library.
   */
  static async open({ timeout = timeoutSetting() }: MpiOptions = {}): Promise<MpiWorld> {
    // A waiting call would take a core from the adapter and the Workers.
    const yielding = "OMPI_MCA_mpi_yield_when_idle";
    if (environmentVariable(yielding) === undefined) setEnvironmentVariable(yielding, "1");
    const library = Library.open(), { rank, size } = library.start(), launched = launchedSize();
    if (launched !== null && launched !== size) {
      throw new UserError(
        `Cannot join the other processes: the launcher started ${launched}, but ${library.version} knows of ${size}. Use ` +
          `the mpirun of this library, or put the launcher's own library first in LD_LIBRARY_PATH.`,
      );
    }
    const world = new MpiWorld(library, rank, size, timeout);
    world.hosts = Array.from({ length: size }, () => "?");
    world.hosts = await world.texts("the start", hostName() ?? "?");
    return world;
  }

  /** The name and version of the library. */
  get version(): string {
    return this.#library.version;
  }

  meet(what: string, word: Word = {}): Promise<Agreement> {
    return this.#inTurn(() => this.#meet({ ...word, what }));
  }

  first<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      if (this.rank > 0) return await this.#resultOfFirst(what) as T;
      const result = await this.#whileOthersWait(what, work);
      const bytes = new TextEncoder().encode(JSON.stringify(result ?? null));
      await this.#tell({ done: bytes.length });
      await this.#within(this.#library.broadcast(bytes), what);
      return result;
    });
  }

  texts(what: string, text: string): Promise<string[]> {
    return this.#inTurn(async () => {
      await this.#meet({ what });
      const bytes = new TextEncoder().encode(text), lengths = new Int32Array(this.size);
      await this.#gatherBytes(what, new Int32Array([bytes.length]), lengths);
      const longest = Math.max(1, ...lengths), own = new Uint8Array(longest);
      own.set(bytes);
      const all = new Uint8Array(longest * this.size);
      await this.#gatherBytes(what, own, all);
      return Array.from(
        lengths,
        (length, r) => new TextDecoder().decode(all.subarray(r * longest, r * longest + length)),
      );
    });
  }

  broadcast(what: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#meet({ what });
      await this.#within(this.#library.broadcast(bytes), what);
    });
  }

  exchange(sent: Float32Array<ArrayBuffer>, received: Float32Array<ArrayBuffer>): Promise<void> {
    const work = () => this.#library.exchange(sent, received, sent.length / this.size);
    return this.#inTurn(() => this.#within(work(), "an exchange"));
  }

  gather(sent: Float32Array<ArrayBuffer>, received: Float32Array<ArrayBuffer>): Promise<void> {
    return this.#inTurn(() => this.#gatherBytes("an exchange", sent, received));
  }

  add(into: Float32Array<ArrayBuffer>, from: Float32Array<ArrayBuffer>): Promise<void> {
    return this.#inTurn(() => this.#library.add(into, from));
  }

  leave(failure: Failure): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#hasEnded) return;
      const left = { ...failure, message: failure.message.slice(0, FAILURE_CHARACTERS) };
      try {
        await this.#meet({ what: "", left });
      } catch (error) {
        if (!(error instanceof EndedError)) throw error;
      }
    });
  }

  end(): Promise<void> {
    return this.#inTurn(() => this.#within(this.#library.finish(), "the end"));
  }

  abort(code: number): never {
    this.#library.abort(code);
    Deno.exit(code);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #meet(word: Up): Promise<Agreement> {
    const down = this.rank === 0 ? await this.#hearAll(word) : await this.#ask(word);
    if ("ended" in down) {
      this.#hasEnded = true;
      throw new EndedError(down.ended.rank, down.ended.failure);
    }
    if ("all" in down) return down.all;
    throw new Error(`Rank 0 answered ${JSON.stringify(down)} at ${word.what}`);
  }

  /** Rank 0: hears all ranks, and tells them what they agree on. */
  async #hearAll(own: Up): Promise<Down> {
    const receiving = Array.from(
      { length: this.size - 1 },
      (_, i) => this.#library.receive(new Uint8Array(MESSAGE_BYTES), { from: i + 1, tag: TAGS.up }),
    );
    await this.#arrival(receiving, (missing) =>
      lost(
        `${listed(missing.map((i) => this.#named(i + 1)))} did not come to ${own.what || "the end"} within ` +
          `${this.#timeoutMs / 1000} s`,
      ));
    const words = [own, ...receiving.map(({ bytes }) => unpack<Up>(bytes))];
    const down = this.#conclude(words);
    await this.#tell(down);
    return down;
  }

  #conclude(words: Up[]): Down {
    const leaver = words.findIndex(({ left }) => left);
    if (leaver >= 0) return { ended: { rank: leaver, failure: words[leaver].left! } };
    const stray = words.findIndex(({ what }) => what !== words[0].what);
    if (stray >= 0) {
      const message = `${this.#named(stray)} is at ${words[stray].what}, rank 0 at ${words[0].what}`;
      return { ended: { rank: 0, failure: { message: `Cannot go on: ${message}.`, code: 2 } } };
    }
    const worked = words.map((word) => word.worked ?? 0), most = Math.max(...worked);
    const slowest = { rank: worked.indexOf(most), worked: most };
    return { all: { stop: Math.max(...words.map(({ stop = 0 }) => stop)), slowest } };
  }

  /** The other ranks: say `word` to rank 0, and hear what all agree on. */
  async #ask(word: Up): Promise<Down> {
    const sending = this.#library.send(pack(word), { to: 0, tag: TAGS.up });
    for (;;) {
      const down = await this.#hear(word.what || "the end");
      if ("working" in down) continue;
      // A rank that leaves while rank 0 works takes part in what the others get.
      if ("done" in down && word.left) {
        await this.#within(this.#library.broadcast(new Uint8Array(down.done)), "the end");
        continue;
      }
      await this.#arrival([sending], () => lost("a message to rank 0 did not arrive"));
      return down;
    }
  }

  /** Rank 0: does `work`, and lets the others know that it goes on. */
  async #whileOthersWait<T>(what: string, work: () => Promise<T>): Promise<T> {
    let telling: Promise<unknown> = Promise.resolve();
    const timer = setInterval(
      () => telling = this.#tell({ working: true }).catch(() => {}),
      this.#timeoutMs / 4,
    );
    try {
      return await work();
    } catch (error) {
      clearInterval(timer);
      await telling;
      this.#hasEnded = true;
      const failure = { message: messageOf(error).slice(0, FAILURE_CHARACTERS), code: 2 };
      await this.#tell({ ended: { rank: 0, failure } }).catch(() => {});
      throw error instanceof Error ? error : new Error(`${what}: ${messageOf(error)}`);
    } finally {
      clearInterval(timer);
      await telling;
    }
  }

  /** The other ranks: the result of what rank 0 does. */
  async #resultOfFirst(what: string): Promise<unknown> {
    for (;;) {
      const down = await this.#hear(what);
      if ("working" in down) continue;
      if ("done" in down) {
        const bytes = new Uint8Array(down.done);
        await this.#within(this.#library.broadcast(bytes), what);
        return JSON.parse(new TextDecoder().decode(bytes));
      }
      if (!("ended" in down)) throw new Error(`Rank 0 answered ${JSON.stringify(down)} at ${what}`);
      this.#hasEnded = true;
      throw new EndedError(down.ended.rank, down.ended.failure);
    }
  }

  /** The next message of rank 0. */
  async #hear(what: string): Promise<Down> {
    const receiving = this.#library.receive(new Uint8Array(MESSAGE_BYTES), { from: 0, tag: TAGS.down });
    await this.#arrival(
      [receiving],
      () => lost(`${this.#named(0)} did not answer at ${what} within ${this.#timeoutMs / 1000} s`),
    );
    return unpack<Down>(receiving.bytes);
  }

  async #tell(down: Down): Promise<void> {
    const bytes = pack(down);
    const sending = Array.from(
      { length: this.size - 1 },
      (_, i) => this.#library.send(bytes, { to: i + 1, tag: TAGS.down }),
    );
    await this.#arrival(
      sending,
      (missing) => lost(`a message did not reach ${listed(missing.map((i) => this.#named(i + 1)))}`),
    );
  }

  /** Resolves when all of `messages` have arrived; after the timeout throws the error of those that have not. */
  async #arrival(messages: readonly Request[], failure: (missing: number[]) => Error): Promise<void> {
    const begin = performance.now();
    for (;;) {
      // Each is asked, not only the first that is missing: so all of them move.
      const missing = messages.flatMap((message, i) => this.#library.isDone(message) ? [] : [i]);
      if (missing.length === 0) return;
      const waited = performance.now() - begin;
      if (waited > this.#timeoutMs) throw failure(missing);
      await new Promise((resolve) => setTimeout(resolve, waited < POLL.soonMs ? 0 : POLL.ms));
    }
  }

  /** The result of a blocking `call`, on a thread. */
  async #within<T>(call: Promise<T>, what: string): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() =>
      late.reject(lost(
        `${what} with ${this.size} ranks on ${listed([...new Set(this.hosts)])} did not end within ` +
          `${this.#timeoutMs / 1000} s: a rank hangs, or the network is down`,
      )), this.#timeoutMs);
    try {
      return await Promise.race([call, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #gatherBytes(
    what: string,
    sent: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
    received: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const bytes = (data: typeof sent) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#within(this.#library.gather(bytes(sent), bytes(received)), what);
  }

  #named(rank: number): string {
    return `rank ${rank} (${this.hosts[rank]})`;
  }
}

function timeoutSetting(): number {
  const text = environmentVariable("BYOL_MPI_TIMEOUT");
  if (text === undefined) return DEFAULT_TIMEOUT;
  if (Number(text) > 0) return Number(text);
  throw new UserError(`Cannot use BYOL_MPI_TIMEOUT = "${text}": it must be a number of seconds above 0.`);
}

function lost(fact: string): MachineError & Lost {
  const advice = "Resume the run from its last checkpoint. A longer time: BYOL_MPI_TIMEOUT, in seconds.";
  return Object.assign(new MachineError(`Cannot go on: ${fact}. ${advice}`), { isLost: true as const });
}

const listed = (names: string[]) =>
  names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} others` : names.join(", ");

/** `message` as JSON, filled up with blanks. */
function pack(message: Up | Down): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MESSAGE_BYTES).fill(32);
  const { read } = new TextEncoder().encodeInto(JSON.stringify(message), bytes);
  if (read < JSON.stringify(message).length) throw new Error("A message between ranks is too long");
  return bytes;
}

const unpack = <T extends Up | Down>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes));
