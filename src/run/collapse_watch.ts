/**
 * What a run does about a collapse: it warns, and stops if that was asked for.
 *
 * @module
 */
import type { TrainOptions } from "../config/train_defaults.ts";
import { CollapseError } from "../base/errors.ts";
import { type HealthReading, type HealthState, HEALTHY, nextHealth } from "./collapse.ts";

/** What to do about a collapse. */
const REMEDY =
  "All images give the same projection: nothing more is learnt. Try a lower --lr, a longer --warmup, or " +
  "--predictor on with --target ema.";

/** Watches the steps of one run. */
export class CollapseWatch {
  #state: HealthState;
  readonly #options: TrainOptions;
  readonly #log: (line: string) => void;

  /** Goes on from `state`, or begins. */
  constructor(
    { options, log }: { options: TrainOptions; log: (line: string) => void },
    state: HealthState = HEALTHY,
  ) {
    this.#options = options;
    this.#log = log;
    this.#state = state;
  }

  /** What a checkpoint keeps. */
  get state(): HealthState {
    return this.#state;
  }

  /** Whether the run has collapsed and is to stop then. */
  get stops(): boolean {
    return this.#state.collapse !== null && this.#options.stopOnCollapse;
  }

  /** Takes in a step, and warns of a collapse, once. */
  observe(reading: HealthReading): void {
    const before = this.#state.collapse;
    this.#state = nextHealth(this.#state, reading, this.#options.projection);
    const { collapse } = this.#state;
    if (!collapse || before) return;
    this.#log(
      `Warning: the run has collapsed: at step ${collapse.step} ${collapse.evidence}. ${REMEDY}`,
    );
  }

  /** Throws a {@linkcode CollapseError} after step `done` if {@linkcode CollapseWatch.stops}. */
  expectSound(done: number): void {
    if (!this.stops) return;
    const { step, evidence } = this.#state.collapse!;
    throw new CollapseError(
      `Training stopped at step ${done} as the run collapsed: at step ${step} ${evidence}. ${REMEDY} ` +
        `What was trained so far is in ${this.#options.out}.`,
    );
  }
}
