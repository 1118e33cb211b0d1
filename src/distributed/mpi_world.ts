/**
 * The processes that an MPI launcher started.
 *
 * Ranks meet by short messages to rank 0 and back, polled by a timer: a blocking call of MPI would keep a core busy, hold the
 * event loop, and wait for ever for a rank that hangs. Only after all have met do they call what blocks, on a thread.
 *
 * @module
 */
import { exitCode, messageOf, UserError } from "../base/errors.ts";
import { environmentVariable, hostName, setEnvironmentVariable } from "../base/environment.ts";
import { launchedSize } from "./launcher.ts";
import { Library } from "./library.ts";
import { type Down, lost, Post, type Up } from "./post.ts";
import { type Agreement, EndedError, type Failure, type Word, type World } from "./world.ts";

/** Characters of a failure's text that fit a message. */
const FAILURE_CHARACTERS = 440;

/** Seconds that ranks wait for each other, unless BYOL_MPI_TIMEOUT says otherwise. */
const DEFAULT_TIMEOUT = 300;
/** The ranks after rank 0 wait so much longer, one after the other: only the first of them reports. */
const LATER_SECONDS = 3;

/** The ranks of an MPI job. */
export class MpiWorld implements World {
  readonly #library: Library;
  #post: Post;
  /** Calls wait for the one before: MPI is called by one thread at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  private constructor(library: Library, readonly rank: number, readonly size: number, timeout: number) {
    this.#library = library;
    const timeoutMs = 1000 * (timeout + LATER_SECONDS * Math.min(rank, 10));
    this.#post = new Post(library, { size, timeoutMs, hosts: new Array(size).fill("?") });
  }

  /**
   * Joins the processes that the launcher started.
   *
   * @throws {MachineError} if there is no MPI library.
   * @throws {UserError} if the launcher is not of this library.
   */
  static async open(): Promise<MpiWorld> {
    const timeout = timeoutSetting();
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
    const hosts = await world.texts("the start", hostName() ?? "?");
    world.#post = new Post(library, { ...world.#post.options, hosts });
    return world;
  }

  get hosts(): readonly string[] {
    return this.#post.options.hosts;
  }

  meet(what: string, word: Word = {}): Promise<Agreement> {
    return this.#inTurn(() => this.#meet({ ...word, what }));
  }

  first<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#meet({ what }); // whoever has left is heard of here
      if (this.rank > 0) return await this.#resultOfFirst(what) as T;
      const result = await this.#whileOthersWait(what, work);
      const bytes = new TextEncoder().encode(JSON.stringify(result ?? null));
      await this.#post.tell({ done: bytes.length });
      await this.#post.within(this.#library.broadcast(bytes), what);
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
      await this.#post.within(this.#library.broadcast(bytes), what);
    });
  }

  exchange(sent: Float32Array<ArrayBuffer>, received: Float32Array<ArrayBuffer>): Promise<void> {
    const work = () => this.#library.exchange(sent, received, sent.length / this.size);
    return this.#inTurn(() => this.#post.within(work(), "an exchange"));
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
    return this.#inTurn(() => this.#post.within(this.#library.finish(), "the end"));
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
    const down = this.#conclude([own, ...await this.#post.hearOthers(own.what)]);
    await this.#post.tell(down);
    return down;
  }

  #conclude(words: Up[]): Down {
    const leaver = words.findIndex(({ left }) => left);
    if (leaver >= 0) return { ended: { rank: leaver, failure: words[leaver].left! } };
    const stray = words.findIndex(({ what }) => what !== words[0].what);
    if (stray >= 0) {
      const message = `${this.#post.named(stray)} is at ${words[stray].what}, rank 0 at ${words[0].what}`;
      return { ended: { rank: 0, failure: { message: `Cannot go on: ${message}.`, code: 2 } } };
    }
    const worked = words.map((word) => word.worked ?? 0), most = Math.max(...worked);
    const slowest = { rank: worked.indexOf(most), worked: most };
    return { all: { stop: Math.max(...words.map(({ stop = 0 }) => stop)), slowest } };
  }

  /** The other ranks: say `word` to rank 0, and hear what all agree on. */
  async #ask(word: Up): Promise<Down> {
    const sending = this.#post.say(word), down = await this.#post.hear(word.what || "the end");
    await this.#post.arrival([sending], () => lost("a message to rank 0 did not arrive"));
    return down;
  }

  /** Rank 0: does `work`, and lets the others know that it goes on. */
  async #whileOthersWait<T>(what: string, work: () => Promise<T>): Promise<T> {
    let telling: Promise<unknown> = Promise.resolve();
    const timer = setInterval(
      () => telling = this.#post.tell({ working: true }).catch(() => {}),
      this.#post.options.timeoutMs / 4,
    );
    try {
      return await work();
    } catch (error) {
      clearInterval(timer);
      await telling;
      this.#hasEnded = true;
      const failure = { message: messageOf(error).slice(0, FAILURE_CHARACTERS), code: exitCode(error) };
      await this.#post.tell({ ended: { rank: 0, failure } }).catch(() => {});
      throw error instanceof Error ? error : new Error(`${what}: ${messageOf(error)}`);
    } finally {
      clearInterval(timer);
      await telling;
    }
  }

  /** The other ranks: the result of what rank 0 does. */
  async #resultOfFirst(what: string): Promise<unknown> {
    for (;;) {
      const down = await this.#post.hear(what);
      if ("working" in down) continue;
      if ("done" in down) {
        const bytes = new Uint8Array(down.done);
        await this.#post.within(this.#library.broadcast(bytes), what);
        return JSON.parse(new TextDecoder().decode(bytes));
      }
      if (!("ended" in down)) throw new Error(`Rank 0 answered ${JSON.stringify(down)} at ${what}`);
      this.#hasEnded = true;
      throw new EndedError(down.ended.rank, down.ended.failure);
    }
  }

  #gatherBytes(
    what: string,
    sent: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
    received: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const bytes = (data: typeof sent) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#post.within(this.#library.gather(bytes(sent), bytes(received)), what);
  }
}

function timeoutSetting(): number {
  const text = environmentVariable("BYOL_MPI_TIMEOUT");
  if (text === undefined) return DEFAULT_TIMEOUT;
  if (Number(text) > 0) return Number(text);
  throw new UserError(`Cannot use BYOL_MPI_TIMEOUT = "${text}": it must be a number of seconds above 0.`);
}
