/**
 * Several observers as one, whose failures do not end a run.
 *
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { RunObserver } from "./observer.ts";

/** The events of a run. */
type Event = Exclude<keyof RunObserver, "name" | typeof Symbol.asyncDispose>;
type Arguments<E extends Event> = Parameters<NonNullable<RunObserver[E]>>;

/** The observers of a run. Dispose of them at its end. */
export class Observers implements Required<Omit<RunObserver, "name">> {
  readonly #warn: (line: string) => void;
  readonly #observers: RunObserver[] = [];
  /** Those whose failure was logged. */
  readonly #failed = new Set<RunObserver>();

  /** None at first. `warn` receives a line for each that fails. */
  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** Adds the observer that `open` makes; if it fails, the run goes on without. */
  async add(name: string, open: () => Promise<RunObserver> | RunObserver): Promise<void> {
    try {
      this.#observers.push(await open());
    } catch (error) {
      this.#failure({ name }, error);
    }
  }

  recorded(...of: Arguments<"recorded">): void {
    this.#tell("recorded", of);
  }
  progressed(...of: Arguments<"progressed">): void {
    this.#tell("progressed", of);
  }
  collapsed(...of: Arguments<"collapsed">): void {
    this.#tell("collapsed", of);
  }
  logged(...of: Arguments<"logged">): void {
    this.#tell("logged", of);
  }
  async evaluated(...of: Arguments<"evaluated">): Promise<void> {
    await this.#ask("evaluated", of);
  }
  async checkpointed(...of: Arguments<"checkpointed">): Promise<void> {
    await this.#ask("checkpointed", of);
  }
  async ended(...of: Arguments<"ended">): Promise<void> {
    await this.#ask("ended", of);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ask(Symbol.asyncDispose, []);
    this.#observers.length = 0;
  }

  #tell<E extends "recorded" | "progressed" | "collapsed" | "logged">(event: E, args: Arguments<E>): void {
    for (const observer of this.#observers) {
      try {
        (observer[event] as ((...args: Arguments<E>) => void) | undefined)?.apply(observer, args);
      } catch (error) {
        this.#failure(observer, error);
      }
    }
  }

  /** One after the other, so that they share neither memory nor time. */
  async #ask<E extends "evaluated" | "checkpointed" | "ended" | typeof Symbol.asyncDispose>(
    event: E,
    args: unknown[],
  ): Promise<void> {
    for (const observer of this.#observers) {
      try {
        await (observer[event] as ((...args: unknown[]) => PromiseLike<void>) | undefined)?.apply(
          observer,
          args,
        );
      } catch (error) {
        this.#failure(observer, error);
      }
    }
  }

  #failure(observer: RunObserver, error: unknown): void {
    if (this.#failed.has(observer)) return;
    this.#failed.add(observer); // first: the warning is a line that observers hear of
    const message = messageOf(error).replace(/\.$/, "");
    this.#warn(`Warning: ${observer.name} may be incomplete: ${message}. Training is not affected.`);
  }
}
