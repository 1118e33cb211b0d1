/**
 * The processes that train together ("ranks"), and what they do together. A process alone is a world of one, in which
 * all of that returns at once.
 *
 * @module
 */
import type { MachineError } from "../base/errors.ts";

/** What a rank says when it meets the others. */
export interface Word {
  /** The exit code with which this rank wants all to stop, after a signal; 0 to go on. */
  stop?: number;
  /** Milliseconds that this rank has worked since the last meeting. */
  worked?: number;
}

/** What all ranks agree on when they meet: the same on each of them. */
export interface Agreement {
  /** The exit code with which all stop; 0 to go on. */
  stop: number;
  /** The rank that worked longest since the last meeting, and how long it did. */
  slowest: { rank: number; worked: number };
}

/** Why a rank leaves. */
export interface Failure {
  /** What to tell the user. */
  message: string;
  /** The exit code of all. */
  code: number;
}

/** The ranks. All of them call its methods in the same order. */
export interface World {
  /** This process: 0 … size − 1. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** The name of each rank's machine. */
  readonly hosts: readonly string[];
  /**
   * Meets all ranks.
   *
   * @param what Where this rank is; it must be the same on all of them.
   * @throws {EndedError} if a rank has left.
   * @throws {MachineError} for which {@linkcode isLost} is true, if a rank does not come in time.
   */
  meet(what: string, word?: Word): Promise<Agreement>;
  /** The result of `work`, which rank 0 does while the others wait, as data. If it fails, all of them fail. */
  first<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** The `text` of each rank. */
  texts(what: string, text: string): Promise<string[]>;
  /** Fills `bytes` of all ranks with those of rank 0. */
  broadcast(what: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Block s of `received` becomes block `rank` of what rank s sent. Right after {@linkcode World.meet}. */
  exchange(sent: Float32Array<ArrayBuffer>, received: Float32Array<ArrayBuffer>): Promise<void>;
  /** Block s of `received` becomes what rank s sent. Right after an exchange. */
  gather(sent: Float32Array<ArrayBuffer>, received: Float32Array<ArrayBuffer>): Promise<void>;
  /** into[i] += from[i] */
  add(into: Float32Array<ArrayBuffer>, from: Float32Array<ArrayBuffer>): Promise<void>;
  /** Tells the others, where they meet next, that this rank ends. */
  leave(failure: Failure): Promise<void>;
  /** Ends the world, when all ranks do. */
  end(): Promise<void>;
  /** Ends all processes at once, this one too. */
  abort(code: number): never;
}

/** Another rank has left: this one must end too. */
export class EndedError extends Error {
  /** The name of this class. */
  override name = "EndedError";

  /** The end of all because of `failure` on `rank`. */
  constructor(readonly rank: number, readonly failure: Failure) {
    super(failure.message);
  }
}

/** A rank did not come in time, or cannot be reached: what is left is to end all processes. */
export interface Lost {
  isLost: true;
}

/** Whether `error` says that the ranks have lost each other. */
export function isLost(error: unknown): error is MachineError & Lost {
  return typeof error === "object" && error !== null && "isLost" in error;
}

/** The world of a process alone. */
export const worldOfOne: World = {
  rank: 0,
  size: 1,
  hosts: ["this machine"],
  meet: (_, { stop = 0, worked = 0 } = {}) => Promise.resolve({ stop, slowest: { rank: 0, worked } }),
  first: (_, work) => work(),
  texts: (_, text) => Promise.resolve([text]),
  broadcast: () => Promise.resolve(),
  exchange: (sent, received) => Promise.resolve(received.set(sent)),
  gather: (sent, received) => Promise.resolve(received.set(sent)),
  add: (into, from) => Promise.resolve(from.forEach((value, i) => into[i] += value)),
  leave: () => Promise.resolve(),
  end: () => Promise.resolve(),
  abort: (code) => Deno.exit(code),
};
