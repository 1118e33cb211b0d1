/**
 * Append-only files with one JSON object per line: metrics.jsonl, evaluations.jsonl. Their keys are in snake_case.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import { fileError } from "./file_error.ts";
import { toCamelCase, toSnakeCase } from "./snake_case.ts";

/** A record, of a step. */
export interface Stepped {
  step: number;
}

/** An open file of records. */
export interface Metrics<T extends Stepped> extends Disposable {
  /** Appends `record`. When it returns, the system has the whole line, which outlives a killed process. */
  write(record: T): void;
  /** Waits until the lines are on disk. Call it before a checkpoint that relies on them. */
  flush(): void;
  /** Flushes and closes the file; a second call does nothing. */
  close(): void;
}

/** Whether `line` is whole and of a step up to `last`. A power cut may leave a partial last line. */
function isKept(line: string, last: number): boolean {
  try {
    return JSON.parse(line).step <= last;
  } catch {
    return false;
  }
}

/** Rewrites the file without the lines after step `last`; refuses existing lines if `last` is undefined. */
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
      `Cannot create "${path}": it holds ${
        text.split("\n").length - 1
      } lines of another run. Resume that run, or ` +
        `choose another folder.`,
    );
  }
  // What follows the last line feed is a partial line even if it parses: {"step":12} may have been cut from 120.
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
 * Opens `path` for appending, so that a resumed run leaves the same file as an uninterrupted one.
 *
 * @throws {UserError} if the file has lines already and `keepThroughStep` is not given.
 * @throws {MachineError} if the disk is full or fails, here or in a later call.
 */
export async function openMetrics<T extends Stepped>(
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
      const bytes = new TextEncoder().encode(`${JSON.stringify(toSnakeCase(record))}\n`);
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

/** The records in the file `path`, with their keys in camelCase. */
export async function readMetrics<T extends Stepped>(path: string): Promise<T[]> {
  const lines = (await Deno.readTextFile(path)).split("\n").filter(Boolean);
  return lines.map((line) => toCamelCase(JSON.parse(line)) as T);
}
