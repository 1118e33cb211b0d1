/**
 * Messages between rank 0 and the others, and waiting for them with a timeout.
 *
 * @module
 */
import { MachineError } from "../base/errors.ts";
import type { Library, Request } from "./library.ts";
import type { Agreement, Failure, Lost, Word } from "./world.ts";

/** The message of a rank to rank 0: where it is, and what it says; or that it leaves. */
export interface Up extends Word {
  what: string;
  left?: Failure;
}

/** The message of rank 0: all have come; one has left; it still works; the result of its work has so many bytes. */
export type Down =
  | { all: Agreement }
  | { ended: { rank: number; failure: Failure } }
  | { working: true }
  | { done: number };

const TAGS = { up: 1, down: 2 };
/** Bytes of a message: few enough that MPI sends it before the other side waits for it. */
const MESSAGE_BYTES = 2048;
/** How often a message is asked for: at once while it is about to come, then each few milliseconds. */
const POLL = { soonMs: 5, ms: 2 };

/** Time between two looks at the clock counts up to this. */
const LONGEST_MS = 1000;

/** Time in which this process ran: one that was stopped must not blame others when it goes on. */
class AwakeTime {
  #last = performance.now();
  #ms = 0;

  /** Milliseconds so far. */
  pass(): number {
    const now = performance.now();
    this.#ms += Math.min(now - this.#last, LONGEST_MS);
    this.#last = now;
    return this.#ms;
  }
}

/** The messages of one rank. */
export class Post {
  constructor(
    readonly library: Library,
    readonly options: {
      size: number;
      timeoutMs: number;
      /** The names of the ranks' machines. */
      hosts: readonly string[];
    },
  ) {}

  /** Starts to send `word` to rank 0. */
  say(word: Up): Request {
    return this.library.send(pack(word), { to: 0, tag: TAGS.up });
  }

  /** Rank 0: what the others say, where it is at `what`. */
  async hearOthers(what: string): Promise<Up[]> {
    const { size, timeoutMs } = this.options;
    const receiving = Array.from(
      { length: size - 1 },
      (_, i) => this.library.receive(new Uint8Array(MESSAGE_BYTES), { from: i + 1, tag: TAGS.up }),
    );
    await this.arrival(receiving, (missing) =>
      lost(
        `${listed(missing.map((i) => this.named(i + 1)))} did not come to ${what || "the end"} within ` +
          `${timeoutMs / 1000} s`,
      ));
    return receiving.map(({ bytes }) => unpack<Up>(bytes));
  }

  /** The next message of rank 0. */
  async hear(what: string): Promise<Down> {
    const receiving = this.library.receive(new Uint8Array(MESSAGE_BYTES), { from: 0, tag: TAGS.down });
    await this.arrival(
      [receiving],
      () => lost(`${this.named(0)} did not answer at ${what} within ${this.options.timeoutMs / 1000} s`),
    );
    return unpack<Down>(receiving.bytes);
  }

  /** Rank 0: tells all others. */
  async tell(down: Down): Promise<void> {
    const bytes = pack(down);
    const sending = Array.from(
      { length: this.options.size - 1 },
      (_, i) => this.library.send(bytes, { to: i + 1, tag: TAGS.down }),
    );
    await this.arrival(
      sending,
      (missing) => lost(`a message did not reach ${listed(missing.map((i) => this.named(i + 1)))}`),
    );
  }

  /** Resolves when all of `messages` have arrived; after the timeout throws the error of those that have not. */
  async arrival(messages: readonly Request[], failure: (missing: number[]) => Error): Promise<void> {
    const begin = performance.now(), awake = new AwakeTime();
    for (;;) {
      // Each is asked, not only the first that is missing: so all of them move.
      const missing = messages.flatMap((message, i) => this.library.isDone(message) ? [] : [i]);
      if (missing.length === 0) return;
      const waited = performance.now() - begin;
      if (awake.pass() > this.options.timeoutMs) throw failure(missing);
      await new Promise((resolve) => setTimeout(resolve, waited < POLL.soonMs ? 0 : POLL.ms));
    }
  }

  /** The result of a blocking `call`, on a thread. */
  async within<T>(call: Promise<T>, what: string): Promise<T> {
    const { size, hosts, timeoutMs } = this.options, awake = new AwakeTime();
    const late = Promise.withResolvers<never>();
    const timer = setInterval(() => {
      if (awake.pass() <= timeoutMs) return;
      const where = listed([...new Set(hosts)]);
      late.reject(lost(
        `${what} with ${size} ranks on ${where} did not end within ${
          timeoutMs / 1000
        } s: a rank hangs, or the network is ` +
          `down`,
      ));
    }, LONGEST_MS / 2);
    try {
      return await Promise.race([call, late.promise]);
    } finally {
      clearInterval(timer);
    }
  }

  /** How messages name a rank. */
  named(rank: number): string {
    return `rank ${rank} (${this.options.hosts[rank]})`;
  }
}

/** The error of ranks that lost each other. */
export function lost(fact: string): MachineError & Lost {
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
