/**
 * Append-only files with one JSON object a line: `metrics.jsonl`.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import { fileError } from "./file_error.ts";

/** An object with the step that it belongs to. */
export interface StepRecord {
  step: number;
}

/** An open file of records. */
export interface Metrics<T extends StepRecord> extends Disposable {
  /** Appends `record`. When this returns, the system has the whole line, which a killed process no longer loses. */
  write(record: T): void;
  /** Waits until the disk has the lines too. Call it before a checkpoint that counts on them. */
  flush(): void;
  /** Flushes and closes the file. */
  close(): void;
}

/** Whether `line` is whole and of a step up to `last`. The last line of a machine that lost power may be torn. */
function isKept(line: string, last: number): boolean {
  try {
    return JSON.parse(line).step <= last;
  } catch {
    return false;
  }
}

/** Rewrites the file without the lines after step `last`, or says that there is nothing to keep. */
async function keepThrough(path: string, last: number | undefined): Promise<void> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (last === undefined) {
    if (text === "") return;
    throw new UserError(
      `Cannot start a new run as ${path} must not exist: it holds ${
        text.split("\n").length - 1
      } lines of another run. ` +
        "Continue that run with --resume, or choose another --out.",
    );
  }
  // What follows the last line feed is a torn line, even if it parses: {"step":12} may have been cut from 120.
  const lines = text.split("\n").slice(0, -1).filter((line) => isKept(line, last));
  const kept = lines.map((line) => `${line}\n`).join("");
  if (kept !== text) await writeFileAtomic(path, [new TextEncoder().encode(kept)]);
}

/** How to open a file of records. */
export interface MetricsOptions {
  /** Continue a run from its checkpoint after this step: later lines are dropped, as they will be written again. */
  keepThroughStep?: number;
}

/**
 * Opens `path` for appending, so that a resumed run leaves the same file as an undisturbed one.
 *
 * @throws {UserError} if the file has lines already and `keepThroughStep` is not given.
 * @throws {MachineError} if the disk refuses, here or in a later call.
 */
export async function openMetrics<T extends StepRecord>(
  path: string,
  { keepThroughStep }: MetricsOptions = {},
): Promise<Metrics<T>> {
  function guarded<R>(action: () => R): R {
    try {
      return action();
    } catch (error) {
      throw fileError(path, error);
    }
  }
  await keepThrough(path, keepThroughStep);
  const file = guarded(() => Deno.openSync(path, { append: true, create: true }));
  let open = true;

  const metrics: Metrics<T> = {
    write(record) {
      const bytes = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
      guarded(() => {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
      });
    },
    flush: () => guarded(() => file.syncDataSync()),
    close() {
      if (!open) return;
      open = false;
      try {
        metrics.flush();
      } finally {
        file.close();
      }
    },
    [Symbol.dispose]: () => metrics.close(),
  };
  return metrics;
}
