/**
 * Writes the page of a run while it goes on: at each checkpoint and evaluation, each minute, and at its end.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type {
  ObservedCollapse,
  ObservedEvaluation,
  ObservedRun,
  RunObserver,
  RunOutcome,
} from "./observer.ts";
import { writePage } from "./page_file.ts";
import { thumbnailSheet } from "./picture.ts";
import {
  names,
  PAGE,
  REPORT_FOLDER,
  reportPath,
  type RunState,
  type ShownImages,
  writeReportFile,
} from "./report_files.ts";
import { RunFiles } from "./run_files.ts";
import { shownEncoder, shownRows } from "./shown_encoder.ts";

/** Milliseconds between two pages at most. */
const EVERY_MS = 60_000;
/** Warnings that are kept. */
const MAX_WARNINGS = 30;

/** The observer that writes report.html of a run. */
export class PageWriter implements RunObserver {
  readonly name = PAGE;
  readonly #run: ObservedRun;
  readonly #files: RunFiles;
  readonly #timer: ReturnType<typeof setInterval>;
  #state: RunState;
  /** The page that is being written; one at a time. */
  #writing: Promise<void> = Promise.resolve();
  /** What writing it from the timer threw, for the next call. */
  #failure: unknown = null;

  private constructor(run: ObservedRun, state: RunState) {
    this.#run = run;
    this.#files = new RunFiles(run.options.out);
    this.#state = state;
    this.#timer = setInterval(() => {
      this.#write().catch((error) => this.#failure = error);
    }, EVERY_MS);
    this.#timer.unref();
  }

  /** Opens the page of a run, and writes it: a resumed run's goes on. */
  static async open(run: ObservedRun): Promise<PageWriter> {
    const { start: step, total, gpuBytes, adapter, options: { out } } = run;
    const before = step > 0
      ? await new RunFiles(out).json<RunState>(`${REPORT_FOLDER}/${names.state}`)
      : null;
    const writer = new PageWriter(run, {
      ...{ state: "training", message: null, step, total, written: 0, secondsLeft: null, gpuBytes, adapter },
      // One after the checkpoint is yet to come.
      collapse: before?.collapse && before.collapse.step <= step ? before.collapse : null,
      warnings: before?.warnings ?? [],
    });
    try {
      await writer.#write();
    } catch (error) {
      writer.#failure = error;
    }
    return writer;
  }

  progressed(step: number, secondsLeft: number | null): void {
    Object.assign(this.#state, { step, secondsLeft });
  }

  logged(line: string): void {
    const { warnings } = this.#state;
    // A resumed run warns again.
    if (!line.startsWith("Warning") || warnings.includes(line) || warnings.length === MAX_WARNINGS) return;
    warnings.push(line);
  }

  collapsed(collapse: ObservedCollapse): void {
    this.#state.collapse ??= collapse;
  }

  async evaluated(evaluation: ObservedEvaluation): Promise<void> {
    const { images, step } = evaluation, { out } = this.#run.options;
    if (images.length > 0) {
      const shown = shownRows(images.length);
      await this.#showImages(evaluation, shown);
      await writeReportFile(out, step === 0 ? "initial" : "latest", shownEncoder(evaluation, shown));
    }
    await this.#write();
  }

  /** Writes the images in the rows `shown`, unless the page has these. */
  async #showImages({ step, images, heldOut }: ObservedEvaluation, shown: readonly number[]): Promise<void> {
    const { out } = this.#run.options, path = `${REPORT_FOLDER}/${names.images}`;
    const keys = shown.map((row) => images[row].key), labels = shown.map((row) => heldOut.labels[row]);
    const known = await this.#files.json<ShownImages>(path);
    if (step > 0 && isDeepStrictEqual(known?.keys, keys)) return;
    const pictures = shown.map((row) => images[row].thumbnail), { side } = pictures[0];
    const columns = Math.ceil(Math.sqrt(shown.length));
    await writeReportFile(out, "sheet", await thumbnailSheet(pictures, columns));
    await writeReportFile(out, "images", { side, columns, keys, labels });
    // It is of other images, if there are others now: of changed data, or as one could not be read.
    if (step > 0) await Deno.remove(reportPath(out, "initial")).catch(() => {});
  }

  async checkpointed(): Promise<void> {
    await this.#write();
  }

  async ended({ state, message }: RunOutcome): Promise<void> {
    clearInterval(this.#timer);
    Object.assign(this.#state, { state, message, secondsLeft: null });
    await this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  /** Writes the page as of now, after one that is being written. */
  async #write(): Promise<void> {
    const written = this.#writing.then(async () => {
      await writeReportFile(this.#run.options.out, "state", { ...this.#state, written: Date.now() });
      await writePage(this.#files);
    });
    this.#writing = written.catch(() => {});
    await written;
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure;
  }
}
