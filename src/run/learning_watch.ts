/**
 * Watches the evaluations of a run, and says after each whether it still learns.
 *
 * @module
 */
import type { EvaluationRecord } from "../config/callbacks.ts";
import { sharedNeighbors } from "../eval/neighbors.ts";
import { ADVICE, verdictText } from "../eval/verdict_text.ts";
import { judge } from "./verdict.ts";

/** The figures of an evaluation that a watch completes. */
export type MeasuredEvaluation = Omit<EvaluationRecord, "neighborStability" | "verdict" | "verdictSince">;

/** What a checkpoint keeps of the last evaluation; a JSON value. */
export interface LearningState {
  /** Held-out images. */
  images: number;
  /** [images, k] rows of the neighbors of each, two bytes each, in base64. */
  neighbors: string;
}

type Neighbors = readonly (readonly number[])[];

/** Watches the evaluations of one run. */
export class LearningWatch {
  #neighbors: Neighbors | null;
  readonly #history: EvaluationRecord[];
  /** Dimensions of the projections. */
  readonly #D: number;

  /** Continues after the evaluations `history`, with what the checkpoint kept of the last one. */
  constructor(
    { projection }: { projection: number },
    { history = [], state = null }: { history?: EvaluationRecord[]; state?: LearningState | null } = {},
  ) {
    this.#D = projection;
    this.#history = [...history];
    this.#neighbors = state && decoded(state);
  }

  /** What a checkpoint keeps; null before the first evaluation. */
  get state(): LearningState | null {
    return this.#neighbors && encoded(this.#neighbors);
  }

  /** The last verdict as text, such as "flat since step 240"; null without one. */
  get verdict(): string | null {
    const last = this.#history.at(-1);
    return last ? verdictText(last) : null;
  }

  /** Takes the neighbors of the held-out images before the first step. */
  begin(neighbors: Neighbors): void {
    this.#neighbors = neighbors;
  }

  /**
   * Takes an evaluation with the neighbors of its held-out images (none: too few images for a verdict), and completes its
   * record; with advice if the verdict has changed.
   */
  observe(
    measured: MeasuredEvaluation,
    neighbors: Neighbors,
  ): { record: EvaluationRecord; advice: string | null } {
    const before = this.#neighbors, last = this.#history.at(-1);
    // An image that could not be read shifts the rows: then there is nothing to compare.
    const isSame = before !== null && before.length === neighbors.length && before.length > 0;
    const neighborStability = isSame ? sharedNeighbors(before, neighbors) : null;
    // Of a few images even rank and spread are low.
    const judged = neighbors.length === 0
      ? null
      : judge({ ...measured, neighborStability }, this.#history, this.#D);
    const isOld = judged !== null && judged.verdict === last?.verdict;
    const record = {
      ...measured,
      neighborStability,
      verdict: judged?.verdict ?? null,
      verdictSince: isOld ? last!.verdictSince : judged?.since ?? null,
    };
    this.#neighbors = neighbors;
    this.#history.push(record);
    return { record, advice: judged && !isOld ? ADVICE[judged.verdict] : null };
  }
}

function encoded(neighbors: Neighbors): LearningState {
  const bytes = new Uint8Array(Uint16Array.from(neighbors.flat()).buffer);
  return { images: neighbors.length, neighbors: bytes.toBase64() };
}

function decoded({ images, neighbors }: LearningState): Neighbors {
  const rows = new Uint16Array(Uint8Array.fromBase64(neighbors).buffer), k = rows.length / images;
  return Array.from({ length: images }, (_, i) => Array.from(rows.subarray(i * k, (i + 1) * k)));
}
