/**
 * A run as TensorBoard shows it: event files and the projector's files, in a folder of the run.
 *
 * @module
 */
import { join } from "node:path";
import type { EvaluationRecord, StepRecord } from "../../config/callbacks.ts";
import { removeTemporaries } from "../../io/atomic.ts";
import { fileError } from "../../io/file_error.ts";
import { readMetrics, type Stepped } from "../../io/metrics.ts";
import { drawNeighborStrips } from "../neighbor_strips.ts";
import type { ObservedEvaluation, ObservedRun, RunObserver } from "../observer.ts";
import { createEventFile, type EventFile } from "./event_file.ts";
import { keepEventsThrough } from "./event_folder.ts";
import { eventFiles, folderOf, nextEventFile, removeTensorboard, TENSORBOARD } from "./files.ts";
import { Projector } from "./projector.ts";
import { type Group, NEIGHBORS, pictureOf, SHEET, valuesOf } from "./values.ts";

/**
 * Evaluations of a run, about, whose strips and features are written, besides the first and the last: TensorBoard shows ten,
 * and a strip takes some 100 kB.
 */
const SNAPSHOTS = 20;

/**
 * Follows a run for TensorBoard. A resumed run drops the events after its checkpoint, and adds what the lines of
 * metrics.jsonl and evaluations.jsonl have more: all of them if the run began without.
 *
 * @param options `now`: the time in milliseconds, for tests.
 */
export async function openTensorboard(
  run: ObservedRun,
  { now = Date.now }: { now?: () => number } = {},
): Promise<RunObserver> {
  const { options: { out }, start, classes } = run, folder = folderOf(out);
  await Deno.mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError(folder, error);
  });
  await removeTemporaries(folder);
  const files = await eventFiles(folder);
  const path = nextEventFile(folder, { files, seconds: now() / 1000 });
  if (start === 0) await removeTensorboard(out);
  const last = start === 0 ? new Map<string, number>() : await keepEventsThrough(files, start);
  const file = await createEventFile(path, { next: start === 0 ? 0 : start + 1, now });
  const events = new RunEvents(file, { run, last, projector: new Projector(folder, classes) });
  try {
    await events.catchUp();
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  return events;
}

/** Writes the events of a run. */
class RunEvents implements RunObserver {
  readonly name = TENSORBOARD;
  readonly #file: EventFile;
  readonly #run: ObservedRun;
  readonly #projector: Projector;
  /** The last step of each tag when the run was opened. */
  readonly #last: ReadonlyMap<string, number>;
  /** The step of the last evaluation of which pictures were written. */
  #snapshot: number;

  constructor(
    file: EventFile,
    { run, last, projector }: { run: ObservedRun; last: ReadonlyMap<string, number>; projector: Projector },
  ) {
    this.#file = file;
    this.#run = run;
    this.#last = last;
    this.#projector = projector;
    this.#snapshot = last.get(NEIGHBORS) ?? -1;
  }

  /** Writes what the run's folder has up to where it goes on, and event files lack. */
  async catchUp(): Promise<void> {
    const { options: { out }, start } = this.#run, file = (name: string) => join(out, name);
    if (!this.#last.has(SHEET)) {
      const sheet = await unlessMissing(Deno.readFile(file("preview.png")));
      if (sheet) this.#file.write(0, [pictureOf(sheet, SHEET)]);
    }
    if (start === 0) return;
    for (const [name, group] of [["metrics.jsonl", "train"], ["evaluations.jsonl", "eval"]] as const) {
      const records = await unlessMissing(readMetrics<Stepped>(file(name))) ?? [];
      // Every record has an epoch.
      const after = this.#last.get(`${group}/epoch`) ?? 0;
      for (const record of records.filter(({ step }) => step > after && step <= start)) {
        this.#record(record, group);
      }
    }
  }

  recorded(record: StepRecord): void {
    this.#record(record, "train");
  }

  async evaluated(evaluation: ObservedEvaluation): Promise<void> {
    const { step, record, images } = evaluation;
    if (record) this.#record(record, "eval");
    if (images.length === 0 || !this.#isSnapshot(step)) return;
    this.#snapshot = step;
    this.#file.write(step, [pictureOf(drawNeighborStrips(evaluation), NEIGHBORS)]);
    await this.#projector.write(evaluation);
  }

  checkpointed(): Promise<void> {
    this.#file.flush();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#file.flush();
    } finally {
      this.#file[Symbol.dispose]();
    }
    return Promise.resolve();
  }

  /** Whether this is the first evaluation in its part of the run, or the last of all. */
  #isSnapshot(step: number): boolean {
    const { total } = this.#run, partOf = (of: number) => Math.floor(of * SNAPSHOTS / total);
    return step === total || partOf(step) > partOf(this.#snapshot);
  }

  #record(record: StepRecord | EvaluationRecord | Stepped, group: Group): void {
    this.#file.write(record.step, valuesOf(record, group));
  }
}

/** What `reading` gives, or null if there is no such file. */
async function unlessMissing<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
