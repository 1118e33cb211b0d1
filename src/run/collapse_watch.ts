/**
 * What a run does about a collapse: it warns, and stops if `stopOnCollapse` is set.
 *
 * @module
 */
import { CollapseError } from "../base/errors.ts";
import type { ResolvedOptions } from "../config/resolved_options.ts";
import { ADVICE } from "../eval/verdict_text.ts";
import type { RunObserver } from "../report/observer.ts";
import { type CollapseReading, type CollapseState, HEALTHY, nextCollapseState } from "./collapse.ts";

/** Watches the steps of one run. */
export class CollapseWatch {
  #state: CollapseState;
  readonly #options: ResolvedOptions;
  readonly #log: (line: string) => void;
  readonly #observers: Pick<RunObserver, "collapsed">;

  /** Continues from `state`. */
  constructor(
    { options, log, observers }: {
      options: ResolvedOptions;
      log: (line: string) => void;
      observers: Pick<RunObserver, "collapsed">;
    },
    state: CollapseState = HEALTHY,
  ) {
    this.#options = options;
    this.#log = log;
    this.#observers = observers;
    this.#state = state;
  }

  /** What a checkpoint keeps. */
  get state(): CollapseState {
    return this.#state;
  }

  /** Whether the run has collapsed and must stop. */
  get mustStop(): boolean {
    return this.#state.collapse !== null && this.#options.stopOnCollapse;
  }

  /** Takes the reading of a step, and warns of the first collapse. */
  observe(reading: CollapseReading): void {
    const before = this.#state.collapse;
    this.#state = nextCollapseState(this.#state, reading, this.#options.projection);
    const { collapse } = this.#state;
    if (!collapse || before) return;
    this.#observers.collapsed?.({ ...collapse, remedy: ADVICE.collapsed });
    this.#log(
      `Warning: the run has collapsed: at step ${collapse.step} ${collapse.evidence}. ${ADVICE.collapsed}`,
    );
  }

  /** Throws a {@linkcode CollapseError} after step `done` if {@linkcode CollapseWatch.mustStop}. */
  expectHealthy(done: number): void {
    if (!this.mustStop) return;
    const { step, evidence } = this.#state.collapse!;
    throw new CollapseError(
      `Training stopped at step ${done}: the run has collapsed: at step ${step} ${evidence}. ${ADVICE.collapsed} What was trained ` +
        `so far is in ${this.#options.out}.`,
    );
  }
}
